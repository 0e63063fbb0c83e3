"""What a ``transforms.json`` says, and files that only look like one."""

import json
from pathlib import Path

import pytest

from csgaussian_ns.capture.transforms import read_capture
from csgaussian_ns.core.errors import DataError
from tests.capture.captures import pose, write


def named(folder: Path, *files: str) -> list[str]:
    return [frame.name for frame in read_capture(write(folder / "scene", *files)).frames]


def test_frames_are_in_the_order_of_nerfstudios_parser(tmp_path: Path):
    """It compares paths part by part: as texts, "a-b/1" would come before "a/1"."""
    files = ("b/1.png", "a-b/1.png", "a/2.png", "./a/1.png")
    order = [frame.file_path for frame in read_capture(write(tmp_path, *files)).frames]
    assert order == ["./a/1.png", "a/2.png", "a-b/1.png", "b/1.png"]
    assert sorted(tmp_path / file for file in files) == [tmp_path / file for file in order]


def test_equal_file_names_in_two_folders_stay_apart(tmp_path: Path):
    assert named(tmp_path, "left/0.png", "right/0.png") == ["left_0", "right_0"]


def test_names_of_frames_stay_in_a_folder_and_differ(tmp_path: Path):
    assert named(tmp_path, "/photos/a/1.png", "/photos/b/1.png") == ["photos_a_1", "photos_b_1"]
    assert sorted(named(tmp_path, "../a/1.png", "a/1.png", "../../a/1.png")) == ["a_1", "a_1_2", "a_1_3"]
    assert sorted(named(tmp_path, "/1.png", "1.png", "1.jpg", "1_2.png")) == ["1", "1_2", "1_2_2", "1_3"]
    with pytest.raises(DataError, match="control characters"):
        named(tmp_path, "a\0.png")


def test_paths_that_windows_wrote_are_read(tmp_path: Path):
    frame = {"file_path": "images\\1.png", "mask_path": "masks\\1.png", "transform_matrix": pose(0, (0, 0, 1))}
    capture = read_capture(write(tmp_path, frames=[frame], ply_file_path="points\\sparse.ply"))
    assert capture.photos == [tmp_path / "images" / "1.png"] and capture.frames[0].file_path == "images/1.png"
    assert capture.files_under("mask_path") == {tmp_path / "images" / "1.png": tmp_path / "masks" / "1.png"}
    assert capture.facts["ply_file_path"] == "points/sparse.ply"
    (tmp_path / "images\\1.png").write_bytes(b"a file of that very name")
    assert read_capture(tmp_path).photos == [tmp_path / "images\\1.png"]


def test_files_under_a_key(tmp_path: Path):
    frames = [
        {"file_path": "1.png", "mask_path": "m.png"},
        {"file_path": "2.png"},
        {"file_path": "3.png", "mask_path": ""},
    ]
    assert read_capture(write(tmp_path, frames=frames)).files_under("mask_path") == {
        tmp_path / "1.png": tmp_path / "m.png"
    }
    frames[1]["mask_path"] = 7  # type: ignore[assignment]
    with pytest.raises(DataError, match=r"frame 1 \(2.png\): 'mask_path' is a int"):
        read_capture(write(tmp_path, frames=frames)).files_under("mask_path")


def test_a_mark_at_the_beginning_is_no_part_of_the_text(tmp_path: Path):
    path = write(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as editors on Windows save UTF-8
    assert len(read_capture(path).frames) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "this is not a JSON file"),
        ("[" * 100_000, "this is not a JSON file"),
        ("[]", "this holds a list, not an object"),
        ("{}", "it has no list 'frames', or an empty one: None"),
        ('{"frames": []}', "it has no list 'frames', or an empty one"),
        ('{"frames": {"a": 1}}', "it has no list 'frames', or an empty one"),
        ('{"frames": [1]}', "frame 0 is not an object with a 'file_path'"),
        ('{"frames": [{"file_path": null}]}', "frame 0 is not an object with a 'file_path'"),
        ('{"frames": [{"file_path": ""}]}', "frame 0 is not an object with a 'file_path'"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str):
    path = tmp_path / "transforms.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"expected a transforms\.json of nerfstudio; " + message):
        read_capture(path)


def test_a_scene_file_in_its_place_is_refused_in_short(tmp_path: Path):
    path = tmp_path / "scene.csg"
    path.write_bytes(b"CSG\xff" * 1000)
    with pytest.raises(DataError, match="this is not a JSON file") as caught:
        read_capture(path)
    assert len(str(caught.value)) < len(str(path)) + 160
    with pytest.raises(DataError, match=r"transforms\.json cannot be read: No such file"):
        read_capture(tmp_path)


def test_frames_without_pose_are_enough_for_masks(tmp_path: Path):
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": [{"file_path": "1.png"}]}))
    assert read_capture(tmp_path).photos == [tmp_path / "1.png"]
