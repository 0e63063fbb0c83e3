"""From any scene to plain Gaussians, in its own frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Bool, Int
from csgaussian_ns.core.types import Camera
from csgaussian_ns.export.fit import fitted, some_of
from csgaussian_ns.export.refine import refined
from csgaussian_ns.export.views import look
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS
from csgaussian_ns.scene.splats import Splats

FAINT = 1 / 255
"""Opacity below which no renderer draws a Gaussian."""

NOTHING = "nothing to export: no camera sees a Gaussian of what was asked for"

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is to do."""


@dataclass(frozen=True)
class Effort:
    """What an export takes.

    Attributes:
        degree: Of the harmonics, 0 to 3.
        steps: Of descent after each Gaussian is fitted by itself; see ``refine``.
    """

    degree: int = 3
    steps: int = 0


def plain(
    scene: Scene,
    cameras: Sequence[Camera],
    effort: Effort,
    objects: Int[np.ndarray, " R"] | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Splats:
    """Gaussians that look alike from everywhere, but for harmonics, as ``scene`` looks from ``cameras``.

    What no camera draws is left out, and so is what no renderer would.

    Args:
        scene: In arrays of numpy. One of plain Gaussians is taken as it is, with harmonics up to the degree.
        cameras: From where it is looked at.
        effort: How well it is fitted.
        objects: Number of the object of each row, 0 for none.
        progress: See there.

    Raises:
        ConfigError: Nothing is seen.
    """
    if scene.plain is not None:
        rows, result = np.arange(len(scene.position)), _of_degree(scene.plain, effort.degree)
    else:
        rows, result = _fitted(scene, cameras, effort, progress)
    kept = (result.opacities >= FAINT) & _is_finite(result)
    if not kept.any():
        raise ConfigError(NOTHING)
    return Splats(result, None if objects is None else objects[rows]).where(kept)


def _fitted(
    scene: Scene, cameras: Sequence[Camera], effort: Effort, progress: Progress
) -> tuple[Int[np.ndarray, " N"], GaussianScene]:
    if not effort.steps:
        cameras = some_of(cameras)  # more would not be used
    views, found = look(scene, cameras, lambda done, total: progress("looking", done, total))
    if not len(found):
        raise ConfigError(NOTHING)
    count, done = len(found), 0
    shapes = {
        "means": (3,),
        "quats": (4,),
        "scales": (3,),
        "opacities": (),
        "harmonics": (COEFFICIENTS[effort.degree], 3),
    }
    columns = {name: np.empty((count, *shape), np.float32) for name, shape in shapes.items()}
    for part in fitted(scene, views, found, effort.degree):
        here = slice(done, done + len(part.means))
        for name, column in columns.items():
            column[here] = getattr(part, name)
        done = here.stop
        progress("fitting", done, count)
    start = GaussianScene(**columns, background=scene.background)
    return found.row, refined(start, views, effort.steps, lambda done, total: progress("refining", done, total))


def _of_degree(scene: GaussianScene, degree: int) -> GaussianScene:
    values = {field.name: getattr(scene, field.name) for field in fields(GaussianScene)}
    return GaussianScene(**values | {"harmonics": scene.harmonics[:, : COEFFICIENTS[degree]]})


def _is_finite(scene: GaussianScene) -> Bool[np.ndarray, " N"]:
    columns = scene.means, scene.quats, scene.scales
    finite = np.logical_and.reduce([np.isfinite(column).all(axis=1) for column in columns])
    return finite & np.isfinite(scene.harmonics).all(axis=(1, 2)) & (scene.scales > 0).all(axis=1)
