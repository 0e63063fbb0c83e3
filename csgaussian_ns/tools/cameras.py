"""Where a ``.csg`` file is looked at from: the cameras of a capture, moved into the scene's frame, or an orbit."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.texts import has_control

if TYPE_CHECKING:
    import torch

    from csgaussian_ns.core.types import Camera
    from csgaussian_ns.tools.orbit import Meta

COLMAP_APPLIED = ((0.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, -1.0, 0.0))
"""What nerfstudio takes for ``applied_transform`` where a folder has COLMAP's output but does not state it."""
SINGULAR = 1e-6
"""Volume that the axes of a pose span, of the product of their lengths, below which they lie in a plane."""
PINHOLES = ("PERSPECTIVE", "PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL")
"""Camera models that are a pinhole when their distortion is zero."""


@dataclass(frozen=True)
class Frame:
    """One photo of a capture.

    Attributes:
        name: File name without folder and ending; with the folders where that would be ambiguous. No path.
        photo: Path of the image.
        camera: In the frame that the scene was trained in; lens distortion is ignored.
        pinhole: Whether the photo has no lens distortion.
        entry: What ``transforms.json`` says about it.
    """

    name: str
    photo: Path
    camera: "Camera"
    pinhole: bool
    entry: Mapping[str, Any]


def cameras_by(option: str, position: Any, meta: "Meta", views: int, width: int, height: int) -> dict[str, "Camera"]:
    """Cameras by name: ``orbit``, with the given number of views and image size, or of a ``transforms.json``.

    Args:
        option: ``orbit``, the path of a ``transforms.json``, or of its folder.
        position: Of the rows of the scene ``[R, 3]``.
        meta: Where the scene lies.
        views: Of an orbit, their number.
        width: Of its images.
        height: Of its images.

    Raises:
        ConfigError: No such file, or not such a file; no views, or images of no or of an endless size.
    """
    from csgaussian_ns.tools.orbit import orbit

    if option == "orbit":
        _check_orbit(views, width, height)
        return orbit(position, meta, views, width, height)
    path = transforms_of(Path(option))
    if not path.is_file():
        what = "the folder holds no transforms.json" if Path(option).is_dir() else "there is no such file"
        raise ConfigError(f"--camera {option}: {what}; give a nerfstudio transforms.json, its folder, or 'orbit'")
    return {frame.name: frame.camera for frame in frames_of(path, meta)}


def transforms_of(path: Path) -> Path:
    """The ``transforms.json`` in a folder; any other path as it is."""
    return path / "transforms.json" if path.is_dir() else path


def frames_of(path: Path, meta: "Meta") -> list[Frame]:
    """Frames of a nerfstudio ``transforms.json`` in the order of their files, as nerfstudio's own parser sorts them.

    Raises:
        ConfigError: No such file, or not such a file.
    """
    try:
        transforms = _read(path)
        entries = sorted(_entries(transforms), key=lambda entry: str(path.parent / entry["file_path"]))
        transform, scale = _saved_to_trained(transforms, path.parent, meta)
        names = _names([Path(entry["file_path"]) for entry in entries])
        return [
            _frame(path.parent, transforms, entry, name, transform, scale)
            for entry, name in zip(entries, names, strict=True)
        ]
    except (OSError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise ConfigError(f"{path}: expected a nerfstudio transforms.json; {error}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        transforms = json.loads(path.read_text("utf8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("this is not a JSON file") from error
    if not isinstance(transforms, dict):
        raise ValueError(f"this holds a {type(transforms).__name__}, not an object")
    return transforms


def _entries(transforms: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = transforms.get("frames")
    if not isinstance(entries, list) or not entries:
        raise ValueError("it has no list 'frames', or an empty one")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("file_path"), str):
            raise ValueError(f"entry {number} of 'frames' is not an object with a 'file_path'")
    return entries


def _number(facts: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = facts.get(name, default)
    if value is None:
        raise ValueError(f"{name} is missing")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} is not a finite number") from error


def _names(files: Sequence[Path]) -> list[str]:
    """File names without folder and ending; with the folders where that would be ambiguous. All differ.

    They become names of files, so nothing in them leads out of a folder: no root and no ``..``.
    """
    stems, taken = Counter(file.stem for file in files), Counter()
    names = []
    for file in files:
        parts = [part for part in file.with_suffix("").parts if part not in (file.anchor, "..")]
        name = file.stem if stems[file.stem] == 1 else "_".join(parts)
        if has_control(name):
            raise ValueError(f"the name {name!r} holds control characters")
        while (number := taken[name]) > 0:
            taken[name] += 1
            name = f"{name}_{number + 1}"
        taken[name] += 1
        names.append(name)
    return names


def _saved_to_trained(transforms: Mapping[str, Any], folder: Path, meta: "Meta") -> "tuple[torch.Tensor, float]":
    """Transform (3x4) and scale from the poses of a file to the frame of training.

    The file's meta data starts from the capture's own world. Poses that a tool turned or scaled before saving them say
    so as ``applied_transform`` and ``applied_scale``, and that is undone first.
    """
    import torch

    stored = torch.tensor(meta.transform, dtype=torch.float64).reshape(3, 4)
    applied = transforms.get("applied_transform")
    if applied is None and (folder / "colmap" / "sparse" / "0").exists():
        applied = COLMAP_APPLIED
    if applied is not None:
        square = torch.eye(4, dtype=torch.float64)
        square[:3] = _matrix(applied, "applied_transform")
        stored = stored @ torch.linalg.inv(square)
    scale = _number(transforms, "applied_scale", 1.0)
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"applied_scale is {scale}, expected a positive number")
    return stored, meta.scale / scale


def _matrix(rows: Any, name: str) -> "torch.Tensor":
    """The upper three rows of a transform."""
    import torch

    try:
        matrix = torch.tensor(rows, dtype=torch.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        matrix = torch.empty(0)
    if tuple(matrix.shape) not in ((3, 4), (4, 4)) or not bool(matrix.isfinite().all()):
        raise ValueError(f"{name} must be a matrix of 3 x 4 or 4 x 4 finite numbers")
    axes = matrix[:3, :3]
    if not float(torch.linalg.det(axes).abs()) > SINGULAR * float(axes.norm(dim=0).prod()):
        raise ValueError(f"{name} cannot be inverted, as a pose can")
    return matrix[:3]


def _frame(
    folder: Path,
    transforms: Mapping[str, Any],
    entry: Mapping[str, Any],
    name: str,
    transform: "torch.Tensor",
    scale: float,
) -> Frame:
    try:
        camera = _camera({**transforms, **entry}, transform, scale)
        return Frame(name, folder / entry["file_path"], camera, _is_pinhole({**transforms, **entry}), entry)
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise ValueError(f"frame {name!r}: {error}") from error


def _camera(facts: Mapping[str, Any], transform: "torch.Tensor", scale: float) -> "Camera":
    """Where a frame was taken from, by what the file says about it and about all frames."""
    import torch

    from csgaussian_ns.core.geometry import opengl_camera

    pose = _matrix(facts.get("transform_matrix"), "transform_matrix")
    numbers = [_number(facts, name) for name in ("fl_x", "fl_y", "cx", "cy", "w", "h")]
    fx, fy, cx, cy, width, height = numbers
    if not (all(map(math.isfinite, numbers)) and min(fx, fy) > 0 and _drawable(int(width), int(height))):
        raise ValueError(f"fl_x, fl_y, cx, cy, w, h are {numbers}, which no camera of at most 2^28 pixels has")
    rotation = transform[:, :3] @ pose[:, :3]
    position = (transform[:, :3] @ pose[:, 3] + transform[:, 3]) * scale
    moved = torch.cat([rotation, position[:, None]], dim=1)
    return opengl_camera(moved, (fx, fy), (cx, cy), (int(width), int(height)))


def _is_pinhole(facts: Mapping[str, Any]) -> bool:
    numbers = [_number(facts, name, 0.0) for name in ("k1", "k2", "k3", "k4", "p1", "p2")]
    straight = not any(map(float, [*numbers, *facts.get("distortion_params", ())]))
    return straight and facts.get("camera_model", "PINHOLE") in PINHOLES


def _drawable(width: int, height: int) -> bool:
    return width >= 1 and height >= 1 and width * height < 1 << 28


def _check_orbit(views: int, width: int, height: int) -> None:
    if views < 1:
        raise ConfigError(f"--views {views}: expected at least 1")
    if not _drawable(width, height):
        raise ConfigError(
            f"--width {width} --height {height}: expected at least one pixel and fewer than 2^28; choose another size"
        )
