"""A data set as ``csg evaluate`` sees it: photos, cameras in the scene's frame, true masks, all at one scale."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.tools.cameras import Frame, frames_of, transforms_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from jaxtyping import Bool

    from csgaussian_ns.codec.scene import SceneMeta
    from csgaussian_ns.core.types import Camera
    from csgaussian_ns.semantic.ground_truth import GroundTruth
    from csgaussian_ns.semantic.metrics import TrueView

Split = Literal["eval", "train", "all"]
ASPECT_TOLERANCE = 0.01
"""How much the aspect ratios of two pictures of one view may differ."""


@dataclass(frozen=True)
class Capture:
    """Views to measure on.

    Attributes:
        frames: Those whose photos are compared.
        truth: Where the true masks are, if there are any.
        true_frames: Those whose masks are compared.
        background: RGB behind photos that are transparent.
    """

    frames: tuple[Frame, ...]
    truth: "GroundTruth | None"
    true_frames: tuple[Frame, ...]
    background: tuple[float, float, float]

    def photo(self, frame: Frame) -> "torch.Tensor":
        """RGB in [0, 1], ``[H, W, 3]``, at the size of the frame's camera.

        Raises:
            DataError: The photo cannot be read or has another shape than its camera.
        """
        import numpy as np
        import torch
        from PIL import Image

        try:
            with Image.open(frame.photo) as picture:
                rgba = picture.convert("RGBA")
        except OSError as error:
            raise DataError(f"the photo {frame.photo} cannot be read: {error}. Restore it") from error
        size = frame.camera.width, frame.camera.height
        _check_aspect(frame, rgba.size, "photo")
        if rgba.size != size:
            rgba = rgba.resize(size, Image.Resampling.BOX)
        pixels = torch.from_numpy(np.asarray(rgba).astype(np.float32) / 255)
        return pixels[..., :3] * pixels[..., 3:] + torch.tensor(self.background) * (1 - pixels[..., 3:])

    def true_view(self, frame: Frame) -> "TrueView":
        """The true masks of a frame at the size of its camera.

        Raises:
            DataError: A mask cannot be read or has another shape than the frame's camera.
        """
        from csgaussian_ns.semantic.metrics import TrueView

        assert self.truth is not None
        whole = {} if self.truth.read_whole is None else _sized(self.truth.read_whole(frame.photo), frame)
        return TrueView(frame.name, frame.camera, _sized(self.truth.read(frame.photo), frame), whole)


def open_capture(
    data: Path, meta: "SceneMeta", split: Split, interval: int, scale: float, labels: Path | None
) -> Capture:
    """Find the views of a data set.

    Args:
        data: Folder with a ``transforms.json``, or the file itself.
        meta: Of the scene; it says where the cameras go.
        split: Which views are compared with photos. Instance masks follow it; the published sets have fixed views.
        interval: Every which view was held out of training.
        scale: Factor on the size of all pictures.
        labels: Annotations of LERF-OVS, where they are not beside the scene.

    Raises:
        ConfigError: No such data set.
        DataError: Photos with lens distortion, or wrong annotations.
    """
    from csgaussian_ns.semantic.ground_truth import find_ground_truth

    transforms = transforms_of(data)
    if not transforms.is_file():
        raise ConfigError(
            f"--data {data}: there is no transforms.json; give a folder in nerfstudio's format (ns-process-data makes "
            "one from photos or from COLMAP's output)"
        )
    frames = [replace(frame, camera=scaled(frame.camera, scale)) for frame in frames_of(transforms, meta)]
    bent = [frame.name for frame in frames if not frame.pinhole]
    if bent:
        raise DataError(
            f"{transforms}: {len(bent)} of {len(frames)} photos have lens distortion (first: {bent[0]}), and a "
            "receiver draws without. Undistort photos and masks first, for example with COLMAP's image_undistorter"
        )
    chosen = _of_split(frames, json.loads(transforms.read_text("utf8")), split, interval)
    truth = find_ground_truth(transforms, [frame.photo for frame in frames], labels)
    among = chosen if truth is not None and truth.layout == "instance masks" else frames
    annotated = set(truth.photos) if truth is not None else set()
    true_frames = tuple(frame for frame in among if frame.photo in annotated)
    return Capture(tuple(chosen), truth, true_frames, meta.background)


def scaled(camera: "Camera", factor: float) -> "Camera":
    """The same view in another resolution.

    Raises:
        ConfigError: Not a finite, positive factor; nothing would be left of the image, or it would be too large.
    """
    if not 0 < factor < math.inf:
        raise ConfigError(f"--scale {factor:g}: expected a finite, positive factor")
    factor = min(factor, 1 << 28)
    width, height = round(camera.width * factor), round(camera.height * factor)
    if not (width >= 1 and height >= 1 and width * height < 1 << 28):
        raise ConfigError(f"--scale {factor:g} makes images of {width} x {height} pixels; choose another factor")
    x, y = width / camera.width, height / camera.height
    moved = {"fx": camera.fx * x, "cx": camera.cx * x, "fy": camera.fy * y, "cy": camera.cy * y}
    return replace(camera, **moved, width=width, height=height)


def _of_split(frames: Sequence[Frame], transforms: dict, split: Split, interval: int) -> list[Frame]:
    """As nerfstudio's parser splits: by lists in the file if it has any, else every ``interval``-th is held out."""
    if interval < 1:
        raise ConfigError(f"--interval {interval}: expected at least 1")
    listed = {key: transforms.get(f"{key}_filenames") for key in ("train", "val", "test")}
    if any(names is not None for names in listed.values()):
        held_out = {Path(name) for name in listed["test"] or listed["val"] or ()}
        held = [Path(frame.entry["file_path"]) in held_out for frame in frames]
    else:
        held = [number % interval == 0 for number in range(len(frames))]
    wanted = {"eval": (True,), "train": (False,), "all": (True, False)}[split]
    chosen = [frame for frame, out in zip(frames, held, strict=True) if out in wanted]
    if not chosen:
        raise ConfigError(f"--views {split} leaves none of the {len(frames)} views; choose eval, train or all")
    return chosen


def _sized(masks: "dict[str, Bool[np.ndarray, 'H W']]", frame: Frame) -> "dict[str, torch.Tensor]":
    """Masks at the size of a frame's camera."""
    import numpy as np
    import torch
    from PIL import Image

    size, result = (frame.camera.width, frame.camera.height), {}
    for name, mask in masks.items():
        _check_aspect(frame, (mask.shape[1], mask.shape[0]), f"mask of {name!r}")
        if mask.shape[::-1] != size:
            mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        result[name] = torch.from_numpy(mask.copy())
    return result


def _check_aspect(frame: Frame, size: tuple[int, int], what: str) -> None:
    camera = frame.camera
    ratio = size[0] * camera.height / (size[1] * camera.width)
    if abs(ratio - 1) > ASPECT_TOLERANCE + 1 / min(camera.width, camera.height):
        raise DataError(
            f"{frame.photo}: the {what} has {size[0]} x {size[1]} pixels, the camera {camera.width} x {camera.height}; "
            "their aspect ratios differ, so one of them belongs to another view"
        )
