"""Which label file belongs to which photo."""

import json
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.capture.transforms import Capture, read_capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.png import write_png
from csgaussian_ns.format.objects import ObjectTexts
from csgaussian_ns.semantic.masks.sources import from_folder, from_transforms, read_names

LABELS = np.ones((2, 3), np.uint16)


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_png(file, LABELS)


def write_transforms(folder: Path, frames: dict[str, str | None]) -> Capture:
    listed = [
        {"file_path": photo} | ({"instance_mask_path": label} if label else {}) for photo, label in frames.items()
    ]
    (folder / "transforms.json").write_text(json.dumps({"frames": listed}))
    return read_capture(folder)


def test_frames_name_their_label_maps(tmp_path: Path):
    touch(tmp_path / "labels" / "1.png", tmp_path / "labels" / "2.png")
    capture = write_transforms(
        tmp_path, {"images/1.jpg": "labels/1.png", "images/2.jpg": "labels/2.png", "3.jpg": None}
    )
    (tmp_path / "instances.json").write_text(json.dumps({"0": "background", "1": "cup", "12": "table"}))
    photos = [tmp_path / "images" / "1.jpg", tmp_path / "3.jpg", tmp_path / "images_2" / "2.jpg"]
    source = from_transforms(capture, photos)
    assert source.files == {photos[0]: tmp_path / "labels" / "1.png", photos[2]: tmp_path / "labels" / "2.png"}
    assert source.names == {1: "cup", 12: "table"}


def test_no_frame_names_any(tmp_path: Path):
    (tmp_path / "instances.json").write_text('{"1": "cup"}')
    source = from_transforms(write_transforms(tmp_path, {"1.jpg": None}), [tmp_path / "1.jpg"])
    assert source.files == {} and source.names == {}


def test_photos_of_the_same_name_are_told_apart_by_path(tmp_path: Path):
    touch(tmp_path / "l.png", tmp_path / "r.png")
    capture = write_transforms(tmp_path, {"left/1.jpg": "l.png", "right/1.jpg": "r.png"})
    photos = [tmp_path / "right" / "1.jpg", tmp_path / "left" / "1.jpg", tmp_path / "images_2" / "1.jpg"]
    assert from_transforms(capture, photos).files == {photos[0]: tmp_path / "r.png", photos[1]: tmp_path / "l.png"}


def test_a_named_file_must_exist(tmp_path: Path):
    capture = write_transforms(tmp_path, {"1.jpg": "gone.png"})
    with pytest.raises(DataError, match=r"frame of 1.jpg names the label map .*gone.png, which does not exist"):
        from_transforms(capture, [tmp_path / "1.jpg"])


def test_a_folder_is_searched_by_stem(tmp_path: Path):
    labels = tmp_path / "labels"
    touch(labels / "1.png", labels / "right" / "1.png", labels / "2.npz", labels / "2.png", labels / "v.0003.png")
    (labels / "names.json").write_text('{"3": "lamp"}')
    photos = [tmp_path / name for name in ("left/1.jpg", "right/1.jpg", "2.PNG", "v.0003.jpg", "4.jpg")]
    source = from_folder(labels, photos)
    expected = ["1.png", "right/1.png", "2.npz", "v.0003.png"]
    assert source.files == {photo: labels / name for photo, name in zip(photos[:4], expected, strict=True)}
    assert source.names == {3: "lamp"}


def test_photos_are_named_from_where_one_stands(tmp_path: Path):
    touch(tmp_path / "labels" / "1.png", tmp_path / "images" / "2.png")
    photos = [Path("1.jpg"), Path("../images/2.png")]
    assert from_folder(tmp_path / "labels", photos).files == {photos[0]: tmp_path / "labels" / "1.png"}, "no photo is"


def test_a_folder_that_fits_nothing_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match=r"nowhere does not exist; make one with csg masks"):
        from_folder(tmp_path / "nowhere", [Path("1.jpg")])
    with pytest.raises(DataError, match=r"of 1 photos: expected 1.npz, .png, .json or .npy, or a folder 1 of PNG"):
        from_folder(tmp_path, [Path("1.jpg")])
    touch(*(tmp_path / f"view{number}.png" for number in range(4)))
    with pytest.raises(DataError, match=r"found view0.png, view1.png, view2.png \.\.\."):
        from_folder(tmp_path, [Path("1.jpg")])


@pytest.mark.parametrize("content", ["{ no json", "[1, 2]", '{"cup": 1}', '{"1": 2}', '{"1": "\\ud800"}'])
def test_names_that_cannot_be_read(tmp_path: Path, content: str):
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(DataError, match=r"names\.json"):
        read_names(tmp_path / "names.json")


@pytest.mark.parametrize("name", ["x" * 256, "ä" * 128, "\x1b[2J"])
def test_a_name_that_no_file_can_hold_is_refused_before_training(tmp_path: Path, name: str):
    (tmp_path / "names.json").write_text(json.dumps({"1": "cup", "7": name}))
    with pytest.raises(DataError, match=r"names\.json: the name of 7 must be at most 255 bytes"):
        read_names(tmp_path / "names.json")


def test_the_longest_name_goes_into_a_file(tmp_path: Path):
    (tmp_path / "names.json").write_text(json.dumps({"1": "ä" * 127 + "x"}))
    names = read_names(tmp_path / "names.json")
    assert ObjectTexts.of((names[1],), None, "").names == ("ä" * 127 + "x",)
