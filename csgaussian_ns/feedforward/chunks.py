"""RealEstate10K and DL3DV as pixelSplat stores them: lists of scenes in files of torch, and an index of them.

Each scene: ``key``; ``cameras``, [V, 18]: fx, fy, cx, cy as shares of width and height, two numbers that count
nothing, and world to camera, 3x4 row by row, OpenCV axes; ``images``, the bytes of a JPEG file each. ``index.json``:
from keys to file names.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from csgaussian_ns.capture.photos import UNREADABLE
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import UInt8
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.json_files import read_json
from csgaussian_ns.feedforward.posed import PosedScene

INDEX = "index.json"
DEPTHS = (1.0, 100.0)
"""Near and far where nobody says others, as those who publish on these scenes take them."""
_NUMBERS = 18
_OPEN = 2
"""Files that are kept in memory; each has about 100 MB."""
LAYOUT = "expected scenes in files of torch, with index.json, in the layout of pixelSplat"


def is_chunks(folder: Path) -> bool:
    """Whether a folder has an index of such files."""
    return (folder / INDEX).is_file()


def index_of(folder: Path) -> dict[str, Path]:
    """Keys of all scenes, and the file of each.

    Raises:
        DataError: There is no such index.
    """
    path = folder / INDEX
    found = read_json(path, LAYOUT)
    if not isinstance(found, dict) or not found or not all(_is_name(name) for name in found.values()):
        raise DataError(f"{path}: expected an object from keys of scenes to names of files beside it; {LAYOUT}")
    return {str(key): folder / name for key, name in found.items()}


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name == Path(name).name and name not in ("", "..")


def scene_of_chunk(file: Path, key: str, depths: tuple[float, float] = DEPTHS) -> PosedScene:
    """One scene.

    Args:
        file: That has it.
        key: Of the scene.
        depths: Near and far.

    Raises:
        DataError: The file cannot be read, or has no such scene, or that is in another layout.
    """
    state = file.stat() if file.is_file() else None
    if state is None:
        raise DataError(f"{file} does not exist, but {file.parent / INDEX} names it; restore it or make the index anew")
    found = _scenes(file, state.st_mtime_ns).get(key)
    if found is None:
        raise DataError(f"{file} has no scene {key!r}, as {INDEX} says; make the index anew")
    return _posed(found, f"{file}, scene {key}", key, depths)


@lru_cache(maxsize=_OPEN)
def _scenes(file: Path, changed: int) -> Mapping[str, Mapping[str, Any]]:
    try:
        listed = torch.load(file, map_location="cpu", weights_only=True)  # noqa: TID251  # tensors alone, no code
    except Exception as error:  # torch raises what its readers of zip files and pickles do
        raise DataError(f"{file} cannot be read: {str(error).splitlines()[0]}; {LAYOUT}") from error
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "key" in one for one in listed):
        raise DataError(f"{file} holds a {type(listed).__name__}; {LAYOUT}")
    return {str(one["key"]): one for one in listed}


def _posed(found: Mapping[str, Any], where: str, key: str, depths: tuple[float, float]) -> PosedScene:
    cameras, images = found.get("cameras"), found.get("images")
    if not isinstance(cameras, Tensor) or cameras.ndim != 2 or cameras.shape[1] != _NUMBERS or len(cameras) < 2:
        raise DataError(f"{where}: 'cameras' must be a tensor of at least two rows of {_NUMBERS} numbers; {LAYOUT}")
    if not isinstance(images, Sequence) or len(images) != len(cameras) or not all(map(_is_bytes, images)):
        raise DataError(f"{where}: 'images' must be the bytes of {len(cameras)} pictures; {LAYOUT}")
    if not torch.isfinite(cameras).all():
        raise DataError(f"{where}: 'cameras' holds numbers that are not finite; remove the scene")
    width, height = _size(images[0], where)
    placed = tuple(_camera(row, width, height) for row in cameras.numpy().astype(np.float64))

    def read(number: int) -> UInt8[np.ndarray, "H W 3"]:
        pixels = _opened(images[number], f"{where}, picture {number}")
        if pixels.shape[:2] != (height, width):
            raise DataError(
                f"{where}, picture {number}: {pixels.shape[1]} x {pixels.shape[0]} pixels, the first one "
                f"has {width} x {height}; remove the scene"
            )
        return pixels

    names = tuple(f"{number:05d}" for number in range(len(placed)))
    return PosedScene(key, placed, names, *depths, read)


def _is_bytes(image: object) -> bool:
    return isinstance(image, Tensor) and image.dtype == torch.uint8 and image.ndim == 1


def _size(image: Tensor, where: str) -> tuple[int, int]:
    try:
        with Image.open(BytesIO(image.numpy().tobytes())) as picture:
            return picture.size
    except UNREADABLE as error:
        raise DataError(f"{where}: its first picture cannot be read: {error}; remove the scene") from error


def _opened(image: Tensor, where: str) -> UInt8[np.ndarray, "H W 3"]:
    try:
        with Image.open(BytesIO(image.numpy().tobytes())) as picture:
            return np.asarray(picture.convert("RGB"))
    except UNREADABLE as error:
        raise DataError(f"{where} cannot be read: {error}; remove the scene") from error


def _camera(row: np.ndarray, width: int, height: int) -> Camera:
    pose = np.eye(4)
    pose[:3] = row[6:].reshape(3, 4)
    fx, fy, cx, cy = (float(x) for x in row[:4] * (width, height, width, height))
    return Camera(pose.astype(np.float32), fx, fy, cx, cy, width, height)
