"""A few photos to a scene of some kilobytes, without training and without torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.capture.photos import ASPECT_TOLERANCE, photo_of_size
from csgaussian_ns.capture.straight import straightening
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.capture.view import CaptureView, views_of
from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.core.shapes import UInt8
from csgaussian_ns.core.texts import counted
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.depths import depth_range
from csgaussian_ns.feedforward.fitting import as_network_takes, fitted_camera, fitted_photo, size_for
from csgaussian_ns.feedforward.model import Model, Refiner
from csgaussian_ns.feedforward.posed import BEHIND, OWN_WORLD
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.format.facts import Facts
from csgaussian_ns.format.latents.meta import VIEWS
from csgaussian_ns.receiver.capture_views import told


@dataclass(frozen=True)
class Photos:
    """Photos with cameras, as they are.

    Attributes:
        pixels: Of each.
        cameras: Their pinholes, in the world of the capture.
        near, far: Range of depths.
        extra: For META: where photos were taken.
        name: Of the capture.
    """

    pixels: tuple[UInt8[np.ndarray, "H W 3"], ...]
    cameras: tuple[Camera, ...]
    near: float
    far: float
    extra: dict[str, object]
    name: str


class Compressed(NamedTuple):
    """A file, and what it was made at.

    Attributes:
        data: Its bytes.
        level: Of the rate.
        width, height: Of the photos as they were given to the network.
        plain: The file without refining; the same bytes where nothing was refined.
    """

    data: bytes
    level: int
    width: int
    height: int
    plain: bytes


def photos_of(camera: Path, files: Sequence[Path], depths: tuple[float, float] | None = None) -> Photos:
    """Photos, and their cameras out of a capture.

    Args:
        camera: The capture: its folder, or ``transforms.json``.
        files: Photos of its frames, in the capture or copies elsewhere of the same name.
        depths: Near and far in the capture's units; else as ``depth_range`` finds them.

    Raises:
        DataError: Too few or too many photos, one that the capture has no frame of or of another shape than its camera
            or the first photo, no intrinsics, or a capture that cannot be read.
    """
    if len(files) not in VIEWS:
        raise DataError(f"{counted(len(files), 'view')}; expected {VIEWS[0]} to {VIEWS[-1]} photos of the same place")
    capture = open_capture(camera)
    views = views_of(capture, OWN_WORLD, 1.0)
    numbers = [_frame_of(capture, file) for file in files]
    if len(set(numbers)) < len(numbers):
        raise DataError(f"{capture.path}: two of the photos are of one frame; name each photo once")
    chosen = [views[number] for number in numbers]
    _check_shapes(chosen, files)
    pixels = tuple(_pixels(view, file) for view, file in zip(chosen, files, strict=True))
    every = [view.camera for view in views]
    near, far = depth_range(capture, every) if depths is None else depths
    cameras = tuple(view.camera for view in chosen)
    return Photos(pixels, cameras, near, far, dict(told(cameras)), capture.folder.absolute().name)


def _frame_of(capture: Capture, file: Path) -> int:
    """The frame of a photo: the very file, else the only one of its name."""
    same = [number for number, photo in enumerate(capture.photos) if photo == file or _is_same(photo, file)]
    same = same or [number for number, photo in enumerate(capture.photos) if photo.name == file.name]
    if len(same) != 1:
        has = "no frame" if not same else f"{len(same)} frames"
        raise DataError(f"{file}: {capture.path} has {has} of this name; give photos whose cameras it has")
    return same[0]


def _is_same(photo: Path, file: Path) -> bool:
    try:
        return photo.samefile(file)
    except OSError:
        return False


def _check_shapes(views: Sequence[CaptureView], files: Sequence[Path]) -> None:
    width, height = views[0].size
    for view, file in zip(views, files, strict=True):
        across, down = view.size
        if abs(across * height / (down * width) - 1) > ASPECT_TOLERANCE:
            raise DataError(
                f"{file} is {across} x {down}, {files[0]} is {width} x {height}; expected photos of one shape: crop "
                "them, and their intrinsics in the capture"
            )


def _pixels(view: CaptureView, file: Path) -> UInt8[np.ndarray, "H W 3"]:
    return np.rint(photo_of_size(file, view.size, BEHIND, straightening(view.frame)) * 255).astype(np.uint8)


def given_to(photos: Photos, longest: int) -> tuple[np.ndarray, Views]:
    """Colours and cameras as a network takes them: the middle of the photos, at a size that is a multiple of 16.

    Raises:
        DataError: They are too small.
    """
    width, height = size_for(photos.cameras[0].width, photos.cameras[0].height, longest)
    cameras = [fitted_camera(camera, width, height) for camera in photos.cameras]
    colours = as_network_takes([fitted_photo(pixels, width, height) for pixels in photos.pixels])
    return colours, Views.of_cameras(cameras, photos.near, photos.far)


def compress(
    photos: Photos,
    model: Model,
    longest: int,
    level: int | None = None,
    most: int | None = None,
    tool: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
    refine: Refiner | None = None,
) -> Compressed:
    """The file of a scene of photos.

    Args:
        photos: Of one place.
        model: Compresses.
        longest: Pixels along the longer side of what the network is given.
        level: Of the rate; the highest where neither this nor ``most`` is given.
        most: Bytes that the file may have; the highest level that keeps to it is taken, with and without refining.
        tool: What writes the file.
        progress: Called with the levels tried, and of how many.
        refine: Improves the latent before it is coded.

    Raises:
        ConfigError: There is no such level, or none makes so small a file, or both are given.
        DataError: The photos show nothing of each other, or are too small.
    """
    if level is not None and most is not None:
        raise ConfigError("a level and a size are given; expected one of them")
    colours, views = given_to(photos, longest)
    facts = Facts(name=photos.name, tool=tool, extra=photos.extra)
    levels = [model.settings.levels - 1] if most is None else list(range(model.settings.levels - 1, -1, -1))
    tried = [level] if level is not None else levels
    size = 0
    for done, one in enumerate(tried, 1):
        data = plain = model.encode(colours, views, one, facts).data
        if refine is not None and (most is None or len(plain) <= most):
            data = model.encode(colours, views, one, facts, refine).data
        size = len(data)
        progress(done, len(tried))
        if most is None or size <= most:
            return Compressed(data, one, views.width, views.height, plain)
    raise ConfigError(
        f"no level makes a file of {most:,} bytes: the lowest makes {size:,}; ask for that, or give smaller photos"
    )
