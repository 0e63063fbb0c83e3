"""Evaluation sets in the layouts that they are published in, and folders that only look like them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.transforms import Capture, read_capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.semantic.ground_truth import find_ground_truth


def scene_folder(folder: Path, stems: list[str], **frame: str) -> tuple[Capture, list[Path]]:
    """A capture with the given photos; values of ``frame`` may contain ``{stem}``."""
    (folder / "images").mkdir(parents=True)
    photos = [folder / "images" / f"{stem}.jpg" for stem in stems]
    frames = [
        {"file_path": f"images/{stem}.jpg", **{key: value.format(stem=stem) for key, value in frame.items()}}
        for stem in stems
    ]
    (folder / "transforms.json").write_text(json.dumps({"frames": frames}))
    return read_capture(folder), photos


def square(x: int, y: int, side: int) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


def test_a_folder_without_masks(tmp_path: Path):
    assert find_ground_truth(scene_folder(tmp_path / "scene", ["a", "b"])[0]) is None


def test_instance_masks(tmp_path: Path):
    capture, photos = scene_folder(tmp_path / "scene", ["a", "b"], instance_mask_path="masks/{stem}.png")
    (capture.folder / "masks").mkdir()
    for stem, column in (("a", 0), ("b", 4)):
        labels = np.zeros((6, 8), np.uint8)
        labels[:, column : column + 2] = 1
        labels[0] = 2
        Image.fromarray(labels).save(capture.folder / "masks" / f"{stem}.png")
    with pytest.raises(DataError, match=r"no instances\.json"):
        find_ground_truth(capture)
    (capture.folder / "instances.json").write_text('{"0": "background", "1": "cup", "2": "rim", "3": "unseen"}')
    truth = find_ground_truth(capture)
    assert truth is not None and truth.layout == "instance masks"
    assert truth.names == ("cup", "rim", "unseen") and truth.photos == tuple(photos)
    masks = truth.read(photos[1])
    assert set(masks) == {"cup", "rim"}
    assert masks["cup"].sum() == 10 and masks["cup"][1:, 4:6].all() and masks["rim"].sum() == 8


def lerf(label: Path, stem: str, objects: list[tuple[str, list[list[float]]]]) -> None:
    """An annotation as LERF-OVS is published."""
    label.mkdir(parents=True, exist_ok=True)
    entries = [
        {"category": name, "group": 1, "segmentation": polygon, "bbox": [*polygon[0], *polygon[-1]], "iscrowd": False}
        for name, polygon in objects
    ]
    info = {"description": "", "folder": "", "name": f"{stem}.jpg", "width": 40, "height": 30, "depth": 3}
    (label / f"{stem}.json").write_text(json.dumps({"info": info, "objects": entries}))


def test_lerf_ovs_beside_the_scene(tmp_path: Path):
    capture, photos = scene_folder(tmp_path / "my_scene", ["frame_00001", "frame_00002", "frame_00003"])
    label = tmp_path / "label" / "my_scene"
    lerf(label, "frame_00001", [("cup", square(2, 3, 9)), ("plate", square(20, 5, 9)), ("cup", square(30, 20, 4))])
    lerf(label, "frame_00003", [("plate", square(0, 0, 9))])
    truth = find_ground_truth(capture)
    assert truth is not None and truth.layout == "LERF-OVS"
    assert truth.names == ("cup", "plate") and truth.photos == (photos[0], photos[2])
    cup = truth.read(photos[0])["cup"]
    assert cup.shape == (30, 40) and cup[4, 3] and cup[22, 32] and not cup[10, 25]
    assert abs(int(cup.sum()) - (10 * 10 + 5 * 5)) <= 4
    assert set(truth.read(photos[2])) == {"plate"}


def test_official_frames_only(tmp_path: Path):
    official = (41, 105, 152, 195)
    stems = [f"frame_{number:05d}" for number in (1, *official)]
    capture, _ = scene_folder(tmp_path / "figurines", stems)
    for stem in stems[:-1]:
        lerf(tmp_path / "label" / "figurines", stem, [("duck", square(1, 1, 5))])
    with pytest.raises(DataError, match=r"frame_00195\.json is missing"):
        find_ground_truth(capture)
    lerf(tmp_path / "label" / "figurines", stems[-1], [("duck", square(1, 1, 5))])
    truth = find_ground_truth(capture)
    assert truth is not None and [photo.stem for photo in truth.photos] == stems[1:]


def test_labelme_in_a_folder_of_choice(tmp_path: Path):
    capture, photos = scene_folder(tmp_path / "scene", ["frame_00007"])
    shapes = [{"label": "cat", "points": square(5, 5, 10), "shape_type": "polygon"}]
    (tmp_path / "notes").mkdir()
    content = {"version": "5.0", "shapes": shapes, "imageWidth": 40, "imageHeight": 30}
    (tmp_path / "notes" / "frame_00007.json").write_text(json.dumps(content))
    truth = find_ground_truth(capture, tmp_path / "notes")
    assert truth is not None and truth.read(photos[0])["cat"][10, 10]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"objects": []}', '{"info": {"width": 4, "height": 4}, "objects": [{"category": "a"}]}']
)
def test_other_json_is_refused(tmp_path: Path, content: str):
    capture, _ = scene_folder(tmp_path / "scene", ["frame_00007"])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "frame_00007.json").write_text(content)
    with pytest.raises(DataError, match=r"frame_00007\.json: expected polygons"):
        find_ground_truth(capture, tmp_path / "notes")


def test_annotations_of_another_scene_are_refused(tmp_path: Path):
    capture, _ = scene_folder(tmp_path / "scene", ["frame_00001"])
    lerf(tmp_path / "notes", "frame_00009", [("cup", square(1, 1, 4))])
    with pytest.raises(DataError, match="frame_00009 is annotated, but the scene has no such photo"):
        find_ground_truth(capture, tmp_path / "notes")
    with pytest.raises(DataError, match="is missing"):
        find_ground_truth(capture, tmp_path / "nowhere")


def ovs(folder: Path, masks: dict[str, dict[str, np.ndarray]], classes: str) -> None:
    for number, found in masks.items():
        (folder / "segmentations" / number).mkdir(parents=True)
        for name, mask in found.items():
            Image.fromarray((mask * 255).astype(np.uint8)).save(folder / "segmentations" / number / f"{name}.png")
    (folder / "segmentations" / "classes.txt").write_text(classes)


def test_3d_ovs(tmp_path: Path):
    capture, photos = scene_folder(tmp_path / "bed", [f"{number:02d}" for number in range(6)])
    left = np.zeros((6, 8), bool)
    left[:, :4] = True
    nothing = np.zeros((6, 8), bool)
    ovs(
        capture.folder,
        {"00": {"white sheet": left, "banana": ~left}, "03": {"white sheet": left, "banana": nothing}},
        "white sheet\nbanana\n\n",
    )
    truth = find_ground_truth(capture)
    assert truth is not None and truth.layout == "3D-OVS"
    assert truth.names == ("white sheet", "banana") and truth.photos == (photos[0], photos[3])
    assert np.array_equal(truth.read(photos[0])["banana"], ~left)
    assert set(truth.read(photos[3])) == {"white sheet"}
    (capture.folder / "segmentations" / "00" / "banana.png").unlink()
    with pytest.raises(DataError, match=r"banana\.png cannot be read"):
        truth.read(photos[0])


@pytest.mark.parametrize("number", ["06", "x"])
def test_3d_ovs_without_usable_folders(tmp_path: Path, number: str):
    capture, _ = scene_folder(tmp_path / "bed", [f"{number:02d}" for number in range(6)])
    ovs(capture.folder, {number: {"a": np.ones((6, 8), bool)}}, "a\n")
    with pytest.raises(DataError, match="numbered like the 6 photos"):
        find_ground_truth(capture)


def test_polygons_that_enclose_nothing_are_skipped_and_counted(tmp_path: Path):
    """As annotators leave them: a stray click, a line, an outline of the rest of the photo."""
    capture, photos = scene_folder(tmp_path / "my_scene", ["frame_00001", "frame_00002"])
    label = tmp_path / "label" / "my_scene"
    lerf(label, "frame_00001", [("cup", square(2, 3, 9)), ("cup", [[1, 1], [5, 5]]), ("pen", [[1, 1]])])
    lerf(label, "frame_00002", [("__background__", square(0, 0, 20)), ("cup", square(4, 4, 9))])
    truth = find_ground_truth(capture)
    assert truth is not None and truth.names == ("cup",) and truth.photos == tuple(photos)
    assert truth.read(photos[0])["cup"].sum() == 100 and set(truth.read(photos[1])) == {"cup"}
    [note] = truth.notes
    assert "2 polygons of fewer than 3 corners are left out (frame_00001)" in note


def test_3d_ovs_counts_photos_that_structure_from_motion_lost(tmp_path: Path):
    """Folder N belongs to photo N of the set: here photos 00 and 03 have no pose."""
    capture, _ = scene_folder(tmp_path / "bed", ["01", "02", "04", "05"])
    for stem in ("00", "01", "02", "03", "04", "05"):
        (capture.folder / "images" / f"{stem}.jpg").touch()
    masks = {number: {"sheet": np.ones((6, 8), bool)} for number in ("02", "03", "04")}
    masks["04"]["sheet"] = np.arange(48).reshape(6, 8) < 5
    ovs(capture.folder, masks, "sheet\n")
    truth = find_ground_truth(capture)
    assert truth is not None
    assert truth.photos == (capture.folder / "images" / "02.jpg", capture.folder / "images" / "04.jpg")
    assert truth.read(truth.photos[1])["sheet"].sum() == 5
    assert "1 annotated photos have no pose and are left out (03.jpg)" in truth.notes[0]
    for number in ("02", "04"):
        (capture.folder / "segmentations" / number).rename(capture.folder / "segmentations" / f"x{number}")
    with pytest.raises(DataError, match=r"has a pose for none of the annotated photos: 03\.jpg"):
        find_ground_truth(capture)
