"""Scene folders that cannot be trained on, told before training starts: what is wrong, where, and what to do."""

import json
import math
from pathlib import Path

import torch
from nerfstudio.cameras.cameras import CameraType
from nerfstudio.data.datamanagers.full_images_datamanager import FullImageDatamanagerConfig
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from nerfstudio.data.datasets.base_dataset import InputDataset
from PIL import Image, UnidentifiedImageError

from csgaussian_ns.core.errors import DataError

INTRINSICS = ("fl_x", "fl_y", "cx", "cy", "w", "h")


def check_scene_folder(config: FullImageDatamanagerConfig, finished: bool = False) -> None:
    """Refuse a folder that nerfstudio's own parsers would answer with an assertion.

    Args:
        config: Names the folder.
        finished: Of a run that is not trained but looked at: its config.yml names the folder, not the command line.

    Raises:
        DataError: No such folder; or, for the ``nerfstudio-data`` format, a ``transforms.json`` that is missing,
            not JSON, without frames, without intrinsics, or with poses that are not finite 4x4 matrices; images or
            the point cloud that it names but that do not exist.
    """
    data = Path(config.data or config.dataparser.data)
    _check_exists(data, finished)
    if not isinstance(config.dataparser, NerfstudioDataParserConfig):
        return
    path = data if data.suffix == ".json" else data / "transforms.json"
    if not path.exists():
        raise DataError(
            f"{data} holds no transforms.json; make one with ns-process-data, or name the folder's real format "
            "after the method's options (for example: colmap, blender-data)"
        )
    transforms = _read(path)
    frames = transforms.get("frames") or []
    if len(frames) < 2:
        raise DataError(f"{path}: 'frames' has {len(frames)} entries; expected one per photo, and at least 2")
    downscaled = (config.dataparser.downscale_factor or 1) > 1  # then photos come from images_N: see check_view
    for number, frame in enumerate(frames):
        if not isinstance(frame, dict):
            raise DataError(f"{path}: frame {number} is a {type(frame).__name__}; expected an object")
        where = f"frame {number} ({frame.get('file_path')})"
        _check_frame(path, transforms, frame, where)
        photo = path.parent / frame.get("file_path", "")
        if not downscaled and not photo.is_file():
            raise DataError(f"{path}, {where}: the photo {photo} does not exist. Restore it or remove the frame")
    places = {tuple(row[3] for row in frame["transform_matrix"][:3]) for frame in frames}
    if len(places) == 1:
        raise DataError(
            f"{path}: all {len(frames)} cameras are at the same place {places.pop()}; depth cannot be learned from "
            "that. Check the poses"
        )
    cloud = transforms.get("ply_file_path")
    if config.dataparser.load_3D_points and cloud is not None:
        _check_cloud(path, cloud)


def _check_exists(data: Path, finished: bool) -> None:
    if data.exists():
        return
    if not finished:
        raise DataError(f"the scene folder {data} does not exist; give one with --data")
    raise DataError(
        f"the scene folder {data}, which config.yml names, does not exist, seen from {Path.cwd()}. Paths in "
        "config.yml, data and outputs, are relative to the folder that training was started in: run this command from "
        "there, or restore the scene folder"
    )


def check_split(train: InputDataset, evaluation: InputDataset) -> None:
    """Refuse a split that leaves nothing to train on or nothing to measure with.

    Raises:
        DataError: One side of the split is empty.
    """
    for name, dataset, other in (("training", train, evaluation), ("evaluation", evaluation, train)):
        if len(dataset) == 0:
            raise DataError(
                f"the split leaves no {name} view ({len(other)} on the other side). Choose another one after the "
                "method's options, for example: nerfstudio-data --eval-mode interval --eval-interval 8, "
                "or --eval-mode all to use every view for both"
            )


def check_view(dataset: InputDataset, index: int) -> None:
    """Refuse a photo that is missing, damaged, of another size than its camera says, or not from a pinhole camera.

    Decodes the photo: a cut file shows only then. Mixed sizes are fine as long as every camera has the size of its own
    photo.

    Raises:
        DataError: Names the file, the size that was expected, and the one that came.
    """
    path = dataset.image_filenames[index]
    camera = dataset.cameras[index]
    kind = CameraType(int(camera.camera_type))
    if kind not in (CameraType.PERSPECTIVE, CameraType.FISHEYE, CameraType.FISHEYE624):
        raise DataError(
            f"the camera of {path} is of type {kind.name}; only perspective cameras and fisheye lenses, which are "
            "undistorted, can be rasterised. Convert the photos, for example with ns-process-data"
        )
    try:
        with Image.open(path) as image:
            size = tuple(int(side * dataset.scale_factor) for side in image.size)
            image.load()
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"the photo {path} cannot be read: {error}. Restore it or remove its frame") from error
    if min(size) < 1:
        raise DataError(f"the photo {path} would be {size[0]}x{size[1]} pixels at scale {dataset.scale_factor}")
    expected = (int(camera.width), int(camera.height))
    if any(abs(a - b) > 1 for a, b in zip(size, expected, strict=True)):
        raise DataError(
            f"the photo {path} is {size[0]}x{size[1]} but its camera says {expected[0]}x{expected[1]}. Photos of "
            "mixed sizes need 'w', 'h' and the intrinsics in their own frame of transforms.json, not once for all"
        )


def _read(path: Path) -> dict:
    try:
        content = json.loads(path.read_text("utf8"))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}; expected an object with 'frames'")
    return content


def _check_frame(path: Path, transforms: dict, frame: dict, where: str) -> None:
    missing = [key for key in INTRINSICS if key not in transforms and key not in frame]
    if missing:
        raise DataError(
            f"{path}, {where}: the intrinsics {', '.join(missing)} are given neither for the frame nor for the scene"
        )
    numbers = [transforms.get(key, frame.get(key)) for key in INTRINSICS]
    finite = all(isinstance(value, int | float) and math.isfinite(value) for value in numbers)
    if not finite or any(float(numbers[i] or 0) <= 0 for i in (0, 1, 4, 5)):
        values = ", ".join(f"{k}={v!r}" for k, v in zip(INTRINSICS, numbers, strict=True))
        raise DataError(f"{path}, {where}: intrinsics must be finite, focal lengths and size above 0; got {values}")
    try:
        pose = torch.tensor(frame.get("transform_matrix"), dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}, {where}: 'transform_matrix' is not a matrix of numbers: {error}") from error
    if pose.shape not in ((4, 4), (3, 4)) or not torch.isfinite(pose).all():
        raise DataError(
            f"{path}, {where}: 'transform_matrix' must be a finite 4x4 camera-to-world matrix; got shape "
            f"{tuple(pose.shape)} with {int((~torch.isfinite(pose)).sum())} values that are NaN or infinite. "
            "Remove the frame or repeat pose estimation"
        )


def _check_cloud(path: Path, cloud: str) -> None:
    """The parser reads an empty cloud as 'no cloud'; a cloud that is named but useless is a mistake to be told."""
    file = path.parent / cloud
    if not file.is_file():
        raise DataError(f"{path}: the point cloud {file} does not exist. Restore it or remove 'ply_file_path'")
    with file.open("rb") as stream:
        header = stream.read(4096).split(b"end_header")[0].decode("ascii", "replace")
    lines = header.splitlines()
    counts = [line.split()[2] for line in lines if line.startswith("element vertex")]
    if not counts or not counts[0].isdigit():
        raise DataError(f"{file} is not a PLY file with an 'element vertex' line")
    promised = int(counts[0]) * _vertex_bytes(lines)
    if "format ascii 1.0" not in lines and file.stat().st_size < len(header) + promised:
        raise DataError(
            f"{file} is cut: {file.stat().st_size} bytes, but its {counts[0]} points alone need {promised}. Restore it"
        )
    if int(counts[0]) == 0:
        raise DataError(
            f"{file} holds 0 points. Re-run structure from motion, or remove 'ply_file_path' from {path.name} to "
            "start from random points"
        )


PLY_BYTES = {"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4, "double": 8}
PLY_BYTES |= {"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "float64": 8}


def _vertex_bytes(header: list[str]) -> int:
    """Bytes of one point of a binary PLY, as far as its scalar properties tell."""
    words = [line.split() for line in header]
    start = next(i for i, word in enumerate(words) if word[:2] == ["element", "vertex"])
    total = 0
    for word in words[start + 1 :]:
        if word[:1] == ["element"]:
            break
        total += PLY_BYTES.get(word[1], 0) if word[:1] == ["property"] else 0
    return total
