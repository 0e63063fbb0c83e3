"""Inputs that people reported trouble with, ``faults/`` of the shared data, each read as it is meant."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.capture.check import check_trainable
from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.capture.image_masks import KEY, read_mask
from csgaussian_ns.capture.optics import intrinsics_of
from csgaussian_ns.capture.photos import photo_of_size, read_photo
from csgaussian_ns.capture.split import by_lists
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.semantic.ground_truth import lerf_ovs


@pytest.fixture
def plain(shared_data: Path) -> Capture:
    """The photos that others are changed from."""
    return open_capture(shared_data / "faults" / "06_intrinsics_twice" / "both_intr")


@pytest.mark.parametrize("name", ["split_val", "split_test"])
def test_one_held_out_list_stands_for_the_other(shared_data: Path, name: str):
    split = by_lists(open_capture(shared_data / "faults" / "01_split_lists" / name))
    assert split is not None and split.held_out and split.validation == split.held_out
    assert not set(split.train) & set(split.held_out) and "stands for both" in split.notes[0]


def test_photos_with_a_palette(shared_data: Path, plain: Capture):
    changed = open_capture(shared_data / "faults" / "02_photo_modes" / "palette")
    for mine, theirs in zip(plain.photos, changed.photos, strict=True):
        assert np.abs(read_photo(mine).astype(int) - read_photo(theirs)).mean() < 8, "indices are 66 away"


def test_masks_hide_a_part_of_each_photo(shared_data: Path):
    capture = open_capture(shared_data / "faults" / "03_mask_path" / "mask_path")
    check_trainable(capture)
    hidden = capture.files_under(KEY)
    shares = [read_mask(hidden[frame.photo], intrinsics_of(frame).size).mean() for frame in capture.frames]
    assert len(shares) == 12 and 0.2 < min(shares) <= max(shares) < 1


def test_intrinsics_of_a_frame_go_before_those_of_all(plain: Capture):
    check_trainable(plain)
    own, all_of_them = intrinsics_of(plain.frames[0]).fx, plain.facts["fl_x"]
    assert own != all_of_them and "what a frame says of itself counts" in plain.notes[0]


def test_photos_turned_by_exif_are_told(shared_data: Path):
    capture = open_capture(shared_data / "faults" / "10_exif" / "exif")
    with pytest.raises(DataError, match="width and height are swapped"):
        for frame in capture.frames:
            photo_of_size(frame.photo, intrinsics_of(frame).size, (0.0, 0.0, 0.0))


def test_paths_of_windows_are_found(shared_data: Path, plain: Capture):
    capture = open_capture(shared_data / "faults" / "11_backslash" / "backslash")
    check_trainable(capture)
    assert [photo.name for photo in capture.photos] == [photo.name for photo in plain.photos]


def test_polygons_of_two_corners_are_left_out(shared_data: Path, tmp_path: Path):
    """Labels as they are published, one polygon of which is cut, and a background."""
    labels = Path(shutil.copytree(shared_data / "faults" / "13_lerf_polygons" / "label" / "demo", tmp_path / "demo"))
    photos = sorted(labels.glob("*.jpg"))
    whole, path = lerf_ovs(labels, photos, "demo"), labels / "frame_00003.json"
    facts = json.loads(path.read_text())
    facts["objects"][0]["segmentation"] = facts["objects"][0]["segmentation"][:2]
    facts["objects"].append({"category": "__background__", "segmentation": [[0, 0], [9, 0], [9, 9]]})
    path.write_text(json.dumps(facts))
    truth = lerf_ovs(labels, photos, "demo")
    assert whole.notes == () and "1 polygons of fewer than 3 corners are left out (frame_00003)" in truth.notes[0]
    assert set(truth.names) == set(whole.names) and len(truth.photos) == 3
    assert set(whole.read(photos[0])) - set(truth.read(photos[0])) == {"orange vase"}
    assert set(truth.read(photos[1])) == set(whole.read(photos[1]))
