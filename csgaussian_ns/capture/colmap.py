"""What COLMAP writes, text or binary: ``cameras``, ``images``, in a folder beside that of the photos.

Images keep the order of their numbers, as nerfstudio's parser of such folders has them. Names may hold spaces.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from csgaussian_ns.capture.kinds import model_file, model_in
from csgaussian_ns.capture.transforms import Capture, Frame, frame_names
from csgaussian_ns.core.errors import DataError

IMAGES = "images"
LENSES = {
    0: ("SIMPLE_PINHOLE", "f cx cy"),
    1: ("PINHOLE", "fl_x fl_y cx cy"),
    2: ("SIMPLE_RADIAL", "f cx cy k1"),
    3: ("RADIAL", "f cx cy k1 k2"),
    4: ("OPENCV", "fl_x fl_y cx cy k1 k2 p1 p2"),
    5: ("OPENCV_FISHEYE", "fl_x fl_y cx cy k1 k2 k3 k4"),
    8: ("SIMPLE_RADIAL_FISHEYE", "f cx cy k1"),
    9: ("RADIAL_FISHEYE", "f cx cy k1 k2"),
}
"""COLMAP's numbers of camera models: its name, and its parameters in order."""
UNREAD = {6: ("FULL_OPENCV", 12), 7: ("FOV", 5), 10: ("THIN_PRISM_FISHEYE", 12), 11: ("RAD_TAN_THIN_PRISM_FISHEYE", 16)}
"""Models that no photo is straightened of, with how many parameters they have."""
LISTS = {"train_filenames": "train_list.txt", "val_filenames": "validation_list.txt", "test_filenames": "test_list.txt"}
"""Files of names that split the photos, as nerfstudio calls them."""


class Image(NamedTuple):
    """A photo as COLMAP registered it: from the world to the camera, by OpenCV's axes."""

    number: int
    turn: tuple[float, ...]
    shift: tuple[float, ...]
    camera: int
    name: str


def read_colmap(data: Path, photos: str = IMAGES) -> Capture:
    """A scene folder of COLMAP, or the folder of a model in it.

    Args:
        data: That folder.
        photos: The folder in it that names of images start from.

    Raises:
        DataError: There is no model, it is damaged, or of a camera that no photo can be straightened of.
    """
    model = model_in(data)
    if model is None:
        raise DataError(f"{data} holds no model of COLMAP: expected cameras and images, as .txt or .bin, in sparse/0")
    return read_colmap_model(model, _home(data, model, photos), photos)


def read_colmap_model(model: Path, home: Path, photos: str = IMAGES) -> Capture:
    """A model of COLMAP; its photos lie in the folder ``photos`` of ``home``. Errors as of ``read_colmap``."""
    lenses, images = _cameras(model), _images(model)
    if not images:
        raise DataError(f"{model} has no images; repeat COLMAP's mapper")
    path = model_file(model, "images")
    assert path is not None
    names = frame_names(path, [Path(photos) / image.name for image in images])
    frames = []
    for name, image in zip(names, images, strict=True):
        where = f"{path}, image {image.number} ({image.name})"
        if image.camera not in lenses:
            raise DataError(f"{where}: there is no camera {image.camera} in {model_file(model, 'cameras')}")
        file_path = f"{photos}/{image.name}"
        facts = lenses[image.camera] | {"transform_matrix": _pose(image).tolist(), "colmap_im_id": image.number}
        frames.append(Frame(name, file_path, home / file_path, facts, where))
    return Capture(path, home, {"applied_transform": np.eye(4)[:3].tolist(), **_lists(home, photos)}, tuple(frames))


def _home(data: Path, model: Path, photos: str) -> Path:
    """The folder that holds the photos' own, at or above the model."""
    at = data if data.is_dir() else data.parent
    above = list(model.absolute().parents)[:3]
    return next((folder for folder in (at, *above) if (folder / photos).is_dir()), at)


def _lists(home: Path, photos: str) -> dict[str, list[str]]:
    """Under the names that ``transforms.json`` has for them."""
    found = {}
    for key, name in LISTS.items():
        if (home / name).is_file():
            try:
                lines = (home / name).read_text("utf-8-sig").splitlines()
            except (OSError, ValueError) as error:
                raise DataError(f"{home / name} cannot be read as a list of photos: {error}") from error
            found[key] = [f"{photos}/{line.strip()}" for line in lines if line.strip()]
    return found


def _pose(image: Image) -> np.ndarray:
    """Camera-to-world by OpenGL's axes; NaN where the quaternion is none, which whoever wants the pose is told."""
    with np.errstate(all="ignore"):
        w, *axis = np.array(image.turn) / np.linalg.norm(image.turn)
        x, y, z = axis
        cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
        rotation = (np.eye(3) + 2 * w * cross + 2 * cross @ cross).T
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation * (1, -1, -1), -rotation @ image.shift
    return pose


def _optics(where: str, model: int | str, width: int, height: int, parameters: list[float]) -> dict[str, Any]:
    """Of a camera, by the names of ``transforms.json``."""
    known = LENSES.get(model) if isinstance(model, int) else next((m for m in LENSES.values() if m[0] == model), None)
    if known is None:
        name = UNREAD[model][0] if isinstance(model, int) else model
        raise DataError(
            f"{where}: the camera model is {name}; expected one of {', '.join(name for name, _ in LENSES.values())}. "
            "Undistort the photos with COLMAP's image_undistorter, which makes a folder of PINHOLE cameras"
        )
    name, keys = known[0], known[1].split()
    if len(parameters) != len(keys):
        raise DataError(f"{where}: {name} has the parameters {', '.join(keys)}; got {len(parameters)} numbers")
    facts = dict(zip(keys, parameters, strict=True))
    if "f" in facts:
        facts["fl_x"] = facts["fl_y"] = facts.pop("f")
    model = "OPENCV_FISHEYE" if name.endswith("FISHEYE") else "OPENCV"
    return {"camera_model": model, "w": width, "h": height, **facts}


def _cameras(model: Path) -> dict[int, dict[str, Any]]:
    path = model_file(model, "cameras")
    if path is None:
        raise DataError(f"{model} holds neither cameras.txt nor cameras.bin; give the folder of a model of COLMAP")
    found: dict[int, dict[str, Any]] = {}
    try:
        read = _cameras_of_text if path.suffix == ".txt" else _cameras_of_bytes
        for number, kind, width, height, parameters in read(path):
            found[number] = _optics(f"{path}, camera {number}", kind, width, height, parameters)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise _damaged(path, error) from error
    return found


def _cameras_of_text(path: Path) -> Iterator[tuple[int, str, int, int, list[float]]]:
    for line in _lines(path):
        words = line.split()
        if words:
            yield int(words[0]), words[1], int(words[2]), int(words[3]), [float(word) for word in words[4:]]


def _cameras_of_bytes(path: Path) -> Iterator[tuple[int, int, int, int, list[float]]]:
    data = path.read_bytes()
    (count,), at = struct.unpack_from("<Q", data), 8
    for _ in range(count):
        number, kind, width, height = struct.unpack_from("<iiQQ", data, at)
        if kind not in LENSES and kind not in UNREAD:
            raise ValueError(f"camera {number} is of a model with the number {kind}, which is not known")
        length = len(LENSES[kind][1].split()) if kind in LENSES else UNREAD[kind][1]
        yield number, kind, width, height, list(struct.unpack_from(f"<{length}d", data, at + 24))
        at += 24 + 8 * length


def _images(model: Path) -> list[Image]:
    path = model_file(model, "images")
    if path is None:
        raise DataError(f"{model} holds neither images.txt nor images.bin; give the folder of a model of COLMAP")
    try:
        images = _images_of_text(path) if path.suffix == ".txt" else _images_of_bytes(path)
        return sorted(images, key=lambda image: image.number)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise _damaged(path, error) from error


def _images_of_text(path: Path) -> Iterator[Image]:
    """Two lines for each: the second lists its points, and may be empty."""
    lines = iter(_lines(path))
    for line in lines:
        if line.strip():
            words = line.split(maxsplit=9)
            numbers = tuple(map(float, words[1:8]))
            yield Image(int(words[0]), numbers[:4], numbers[4:], int(words[8]), words[9].strip())
            next(lines, None)


def _images_of_bytes(path: Path) -> Iterator[Image]:
    data = path.read_bytes()
    (count,), at = struct.unpack_from("<Q", data), 8
    for _ in range(count):
        number, *pose, camera = struct.unpack_from("<i7di", data, at)
        end = data.index(b"\0", at + 64)
        (points,) = struct.unpack_from("<Q", data, end + 1)
        yield Image(number, tuple(pose[:4]), tuple(pose[4:]), camera, data[at + 64 : end].decode())
        at = end + 9 + 24 * points
        if at > len(data):
            raise ValueError(f"image {number} should have {points} points")


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8-sig").splitlines() if not line.startswith("#")]


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as a file of COLMAP: {error}. Restore it, or write the model again")
