"""Captures and clouds that nothing could be learned from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.capture.check import check_offset, check_trainable
from csgaussian_ns.capture.cloud import check_cloud, check_resolution
from csgaussian_ns.capture.transforms import read_capture
from csgaussian_ns.core.errors import DataError
from tests.capture.captures import pose, write


def frames(*places: tuple[float, float, float], **extra: str) -> list[dict]:
    return [
        {"file_path": f"{number}.png", "transform_matrix": pose(0.1, place), **extra}
        for number, place in enumerate(places)
    ]


def touched(path: Path) -> Path:
    """The photos of ``frames`` beside it."""
    for number in range(3):
        (path.parent / f"{number}.png").touch()
    return path


def test_a_capture_with_its_photos_is_fine(tmp_path: Path):
    check_trainable(read_capture(touched(write(tmp_path, frames=frames((0, 0, 1), (0, 0, 2))))))


def some_masks(listed: list[dict]) -> None:
    listed[0]["mask_path"] = "0.png"


def absent_mask(listed: list[dict]) -> None:
    for frame in listed:
        frame["mask_path"] = "none.png"


def absent_photo(listed: list[dict]) -> None:
    listed[1]["file_path"] = "images/none.png"


def photo_elsewhere(listed: list[dict]) -> None:
    listed[1]["file_path"] = "C:\\scans\\1.png"


def one_place(listed: list[dict]) -> None:
    listed[1]["transform_matrix"] = listed[0]["transform_matrix"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (some_masks, r"1 of 2 frames have a 'mask_path'; give one to all or to none"),
        (absent_mask, r"frame 0 \(0.png\): the mask .*none.png does not exist\. Restore"),
        (absent_photo, r"frame 1 \(images/none.png\): the photo .*does not exist\. Restore it or remove the frame"),
        (photo_elsewhere, r"the photo .*does not exist; its path is an absolute one, maybe of another machine"),
        (one_place, r"all 2 cameras are at the same place \(0.0, 0.0, 1.0\)"),
        (lambda listed: listed.pop(), r"'frames' has 1 entry.*at least 2"),
    ],
)
def test_what_cannot_be_trained_on_is_told(tmp_path: Path, edit: Callable[[list[dict]], object], message: str):
    listed = frames((0, 0, 1), (0, 0, 2))
    edit(listed)
    capture = read_capture(touched(write(tmp_path, frames=listed)))
    with pytest.raises(DataError, match=message):
        check_trainable(capture)
    if "does not exist" in message:
        check_trainable(capture, photos=False)


def test_cameras_that_single_precision_cannot_hold_are_refused():
    check_offset(np.array([500.0, 0.0, 0.0]), 2.0)
    with pytest.raises(DataError, match=r"spread over 2 around \(512346, 5412346, 322\).*0.5 apart.*Subtract \(512346"):
        check_offset(np.array([512_345.678, 5_412_345.678, 321.5]), 2.0)


def ply(file: Path, points: np.ndarray, kind: str) -> np.ndarray:
    """A binary cloud of ``kind`` numbers; returns what a reader finds in it."""
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n"
    header += "".join(f"property {kind} {axis}\n" for axis in "xyz") + "end_header\n"
    stored = points.astype("<f8" if kind == "double" else "<f4")
    file.write_bytes(header.encode() + stored.tobytes())
    return stored.astype(np.float64)


def test_points_that_were_rounded_far_from_the_origin_are_refused(tmp_path: Path):
    middle = np.array([512_345.678, 5_412_345.678, 321.5])
    points = middle + np.random.default_rng(0).normal(size=(50, 3))
    check_resolution(tmp_path / "double.ply", ply(tmp_path / "double.ply", points, "double"), 2.0, middle)
    near = ply(tmp_path / "near.ply", points - middle, "float")
    check_resolution(tmp_path / "near.ply", near, 2.0, np.zeros(3))
    far = ply(tmp_path / "far.ply", points, "float")
    with pytest.raises(DataError, match=r"far.ply holds coordinates in single precision, 0.5 apart.*Subtract \(512346"):
        check_resolution(tmp_path / "far.ply", far, 2.0, middle)


def test_clouds_that_are_named_but_useless_are_refused(tmp_path: Path):
    file = tmp_path / "cloud.ply"
    with pytest.raises(DataError, match="does not exist"):
        check_cloud(file)
    ply(file, np.zeros((0, 3)), "float")
    with pytest.raises(DataError, match="holds 0 points"):
        check_cloud(file)
    ply(file, np.ones((100, 3)), "float")
    check_cloud(file)
    file.write_bytes(file.read_bytes()[:-600])
    with pytest.raises(DataError, match=r"is cut.*its 100 points alone need 1200"):
        check_cloud(file)
    file.write_bytes(b"no cloud")
    with pytest.raises(DataError, match="is not a PLY file"):
        check_cloud(file)
