"""Plain Gaussians made a ``.csg`` file, without photos and without training."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.format.facts import LARGEST
from csgaussian_ns.format.gaussians.meta import GaussianMeta
from csgaussian_ns.format.gaussians.rows import Arrays, rounded
from csgaussian_ns.format.gaussians.write import Labels, encode_gaussians
from csgaussian_ns.format.morton import MAX_BITS
from csgaussian_ns.format.streams.labels import MAX_OBJECTS
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS
from csgaussian_ns.scene.splats import Splats

BASE_STEPS = (1 / 12, 1 / 48, 1 / 64, 1 / 12, 1 / 24, 1 / 20)
"""Of logarithms of scales, quaternions, opacity, colour, harmonics of degree 1, and of 2 and 3: where a bit more of any
takes about as much of the error away (decision 0028)."""
MOST_STEP = 16
"""Largest factor of steps: at 10 a picture is 19 dB from the original."""
NARROW = 10
"""Per cent of Gaussians whose middle axis may be shorter than the step of positions."""
OF_MEDIAN = 0.2
"""And how much of the median middle axis that step may be: shifts show as much on large Gaussians as on small ones."""
FAINT = 1 / 255
"""Opacity below which no renderer draws a Gaussian."""


@dataclass(frozen=True)
class Settings:
    """How plain Gaussians are coded.

    Attributes:
        step: Factor of all steps: larger ones make smaller files.
        degree: Of the harmonics that are kept, at most.
        name: Of the scene.
        tool: What writes the file.
        up: Which way is up, along an axis.
    """

    step: float = 1.0
    degree: int = 3
    name: str = ""
    tool: str = ""
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Imported:
    """A file, and what became of what was given.

    Attributes:
        data: The file.
        kept: Which Gaussians are in it; the others are not finite, or no renderer draws them.
        objects: The number that each object had: object 1 is the first.
        widened: By what factor the step of positions had to grow, for the scene to fit into 2^21 steps.
    """

    data: bytes
    kept: Bool[np.ndarray, " N"]
    objects: tuple[int, ...]
    widened: float


def import_gaussians(
    splats: Splats, settings: Settings, progress: Callable[[int, int], None] = lambda done, total: None
) -> Imported:
    """Code plain Gaussians.

    Args:
        splats: With objects, where something is known of them.
        settings: How.
        progress: Called with the number of chunks done and in all.

    Raises:
        ConfigError: There is nothing to code, too many objects, or a setting makes no sense.
        QuantisationError: The Gaussians lie too far from the origin, or too many in one place.
    """
    if not 1e-3 <= settings.step <= MOST_STEP:
        raise ConfigError(f"step {settings.step:g}: expected 0.001 to {MOST_STEP}; 1 is hard to see, 2 is smaller")
    kept = drawable(splats.scene) & (splats.scene.opacities > settings.step * BASE_STEPS[2] / 2)
    if not kept.any():
        raise ConfigError(f"nothing to import: none of {len(kept)} Gaussians is finite and not transparent")
    chosen = splats.where(kept)
    degree = min(settings.degree, chosen.scene.degree)
    scene = chosen.scene
    harmonics = scene.harmonics[:, : COEFFICIENTS[degree]]
    step, widened = _position_step(scene, settings.step)
    first, *rest = (settings.step * base for base in BASE_STEPS)
    meta = GaussianMeta(
        step,
        degree,
        (first, *rest),  # type: ignore[arg-type]
        background=_background(scene),
        tool=settings.tool,
        name=settings.name,
        extra={"up": [int(part) for part in settings.up]},
    )
    labels, numbers = _labels(chosen)
    rows = rounded(Arrays(scene.means, scene.quats, scene.scales, scene.opacities, harmonics), meta)
    return Imported(encode_gaussians(rows, meta, labels, progress=progress), kept, numbers, widened)


def drawable(scene: GaussianScene) -> Bool[np.ndarray, " N"]:
    """Which Gaussians have numbers that a renderer draws."""
    arrays = (scene.means, scene.quats, scene.scales, scene.opacities, scene.harmonics)
    finite = [np.isfinite(array).all(axis=tuple(range(1, array.ndim))) for array in arrays]
    turned = np.abs(scene.quats).max(axis=1, initial=0) > 0
    return np.logical_and.reduce([*finite, turned, scene.opacities >= FAINT])


def _position_step(scene: GaussianScene, factor: float) -> tuple[float, float]:
    """Step, and by what factor it is wider than wanted."""
    middle = np.sort(scene.scales, axis=1)[:, 1].astype(np.float64)
    extent = float((scene.means.max(axis=0).astype(np.float64) - scene.means.min(axis=0)).max())
    farthest = float(np.abs(scene.means).max())
    least = max(extent / ((1 << MAX_BITS) - 8), farthest / (1 << 29), np.finfo(np.float32).tiny)
    narrow, median = np.percentile(middle, [NARROW, 50])
    wanted = max(float(min(narrow, OF_MEDIAN * median)) * factor, np.finfo(np.float32).tiny)
    if max(wanted, least) >= LARGEST:
        raise ConfigError(
            f"positions reach {farthest:.3g} and scales {middle.max():.3g}: no picture shows such a scene"
        )
    step = float(np.float32(max(wanted, least) * (1 + 1e-6)))
    return step, max(1.0, float(least / wanted))


def _background(scene: GaussianScene) -> tuple[float, float, float]:
    if scene.background is None:
        return (0.0, 0.0, 0.0)
    red, green, blue = (float(part) for part in scene.background)
    return (red, green, blue)


def _labels(splats: Splats) -> tuple[Labels | None, tuple[int, ...]]:
    """Objects counted from 1, without gaps, and the numbers that they had."""
    if splats.objects is None:
        return None, ()
    numbers = np.unique(splats.objects[splats.objects > 0])
    if len(numbers) > MAX_OBJECTS:
        raise ConfigError(f"{len(numbers)} objects; a file holds {MAX_OBJECTS} at most")
    label = np.where(splats.objects > 0, np.searchsorted(numbers, splats.objects) + 1, 0)
    return Labels(label.astype(np.int32), tuple(splats.names.get(n, "") for n in numbers.tolist())), tuple(
        numbers.tolist()
    )
