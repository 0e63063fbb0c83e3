"""How good scenes of a few photos are: coded, decoded, and drawn from where other photos were taken."""

import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float32, UInt8
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.choosing import Choice
from csgaussian_ns.feedforward.fitting import as_network_takes, fitted_camera, fitted_photo
from csgaussian_ns.feedforward.json_files import read_json
from csgaussian_ns.feedforward.model import Model
from csgaussian_ns.feedforward.posed import PosedScene
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.latents.coding import decode_latents
from csgaussian_ns.format.latents.meta import VIEWS
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.render.draw import draw
from csgaussian_ns.render.ssim import psnr, ssim
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene

if TYPE_CHECKING:
    from csgaussian_ns.render.lpips import Lpips

_EXPECTED = (
    "expected an object from keys of scenes to null, or to 'context' and 'target': lists of numbers of photos, as "
    "those who publish on RealEstate10K and DL3DV give them"
)


class Shown(NamedTuple):
    """Photos of a scene at the size of the network: those that are given, and those to be foreseen."""

    given: list[UInt8[np.ndarray, "H W 3"]]
    views: Views
    targets: list[tuple[UInt8[np.ndarray, "H W 3"], Camera]]

    @property
    def colours(self) -> Float32[np.ndarray, "V 3 H W"]:
        """Of the photos that are given, as the network takes them."""
        return as_network_takes(self.given)


class Likeness(NamedTuple):
    """Of pictures, or their mean: PSNR in dB, SSIM, and LPIPS, which is no number where it was not asked for."""

    psnr: float
    ssim: float
    lpips: float = math.nan

    def facts(self) -> dict[str, float]:
        """What is known, by name."""
        return {name: value for name, value in self._asdict().items() if not math.isnan(value)}


class Measured(NamedTuple):
    """A file.

    Attributes:
        bytes: Of the whole file.
        likeness: Of each target.
        encode, decode: Seconds, from photos to the file and from it to Gaussians.
    """

    bytes: int
    likeness: list[Likeness]
    encode: float
    decode: float

    @property
    def mean(self) -> Likeness:
        """Over the targets."""
        return mean_of(self.likeness)


def mean_of(found: Iterable[Likeness]) -> Likeness:
    """The mean of some; each picture counts alike."""
    values = np.array(list(found), np.float64)
    return Likeness(*map(float, values.mean(axis=0)))


def read_index(path: Path) -> dict[str, Choice]:
    """Which photos of which scenes are given, and which are foreseen; scenes that are left out are not in it.

    Raises:
        DataError: It cannot be read, or is in another layout.
    """
    told = read_json(path, _EXPECTED)
    if not isinstance(told, dict) or not told:
        raise DataError(f"{path}: {_EXPECTED}")
    found = {}
    for key, one in told.items():
        if one is None:
            continue
        parts = [one.get(name) for name in ("context", "target")] if isinstance(one, dict) else [None]
        if not all(isinstance(part, list) and part and all(type(n) is int and n >= 0 for n in part) for part in parts):
            raise DataError(f"{path}: scene {key!r}: {_EXPECTED}")
        if len(parts[0]) not in VIEWS:  # type: ignore[arg-type]
            raise DataError(
                f"{path}: scene {key!r} gives {len(parts[0])} photos; "  # type: ignore[arg-type]
                f"expected {VIEWS[0]} to {VIEWS[-1]}"
            )
        found[str(key)] = Choice(*map(tuple, parts))  # type: ignore[arg-type]
    return found


def shown(scene: PosedScene, choice: Choice, width: int, height: int) -> Shown:
    """Photos of a scene at a size.

    Raises:
        DataError: The scene has no such photo, or one cannot be read.
    """
    most = max((*choice.given, *choice.targets))
    if most >= len(scene):
        raise DataError(f"{scene.name}: photo {most} is asked for; it has 0 to {len(scene) - 1}")

    def photo(number: int) -> UInt8[np.ndarray, "H W 3"]:
        return fitted_photo(scene.read(number), width, height)

    cameras = [fitted_camera(camera, width, height) for camera in scene.cameras]
    views = Views.of_cameras([cameras[number] for number in choice.given], scene.near, scene.far)
    return Shown(list(map(photo, choice.given)), views, [(photo(n), cameras[n]) for n in choice.targets])


def compared(
    scene: Scene, targets: Sequence[tuple[UInt8[np.ndarray, "H W 3"], Camera]], lpips: "Lpips | None" = None
) -> list[Likeness]:
    """What is drawn of Gaussians against photos."""
    import torch

    found = []
    for photo, camera in targets:
        drawn = torch.from_numpy(draw(scene, camera, np.zeros(3, np.float32)).image.clip(0, 1))
        truth = torch.from_numpy(photo.astype(np.float32) / 255)
        alike = math.nan if lpips is None else lpips(drawn, truth)
        found.append(Likeness(float(psnr(drawn, truth)), float(ssim(drawn, truth)), alike))
    return found


def decoded(data: bytes, model: Model) -> GaussianScene:
    """The Gaussians of a file that ``model`` wrote."""
    return GaussianScene(*model.gaussians(decode_latents(read_container(data), model.coder, DecodeLimits())))


def measure(seen: Shown, model: Model, level: int, lpips: "Lpips | None" = None) -> Measured:
    """Code photos, decode the file, and compare what it shows with other photos.

    Args:
        seen: The photos.
        model: Codes them.
        level: Of the rate.
        lpips: Measures how alike pictures look, too.

    Raises:
        DataError: The photos show nothing of each other.
        ConfigError: The model has no such level.
    """
    began = time.perf_counter()
    data = model.encode(seen.colours, seen.views, level).data
    middle = time.perf_counter()
    scene = decoded(data, model)
    ended = time.perf_counter()
    return Measured(len(data), compared(scene, seen.targets, lpips), middle - began, ended - middle)
