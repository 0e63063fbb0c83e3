"""Masks as other programs leave them: every format of one view says the same masks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.semantic.masks.foreign import masks_of_json
from csgaussian_ns.semantic.masks.label_maps import read_label_maps
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from csgaussian_ns.semantic.masks.rle import mask_of, runs_of
from csgaussian_ns.semantic.masks.sources import from_folder
from csgaussian_ns.tools import cli

FRAMES = ("frame_00001", "frame_00002", "frame_00003")
AREAS = [1027, 261, 205, 6]
"""Of the masks of the first frame, as Segment Anything's own ``area`` has them."""


def masks_in(layers: np.ndarray) -> set[bytes]:
    """The masks of a view, whatever they are numbered."""
    return {(layer == number).tobytes() for layer in layers for number in np.unique(layer[layer > 0])}


@pytest.mark.parametrize(
    "kind", ["m_rle/{}.json", "m_json_one/{}.json", "m_npy/{}.npy", "m_npz_other/{}.npz", "m_bool_dir/{}"]
)
def test_formats_of_segment_anything(shared_data: Path, kind: str):
    """The stack of bool is what the others are told by: pixel for pixel the same masks."""
    folder = shared_data / "faults" / "12_sam_masks"
    photos = [Path("images") / f"{frame}.png" for frame in FRAMES]
    source = from_folder((folder / kind).parent, photos)
    assert source.files == {photo: folder / kind.format(photo.stem) for photo in photos}
    for photo, file in source.files.items():
        stack = np.load(folder / "m_npy" / f"{photo.stem}.npy")  # noqa: TID251  # the judge
        layers = read_label_maps(file)
        assert layers.shape[1:] == stack.shape[1:] and masks_in(layers) == {mask.tobytes() for mask in stack}
    first = read_label_maps(folder / kind.format(FRAMES[0]))
    assert [int((first == number).sum()) for number in range(1, 5)] == AREAS


def test_levels_of_langsplat(shared_data: Path):
    """The same four masks at each of four levels are four masks; features beside them are no masks."""
    folder = shared_data / "faults" / "12_sam_masks" / "m_langsplat"
    source = from_folder(folder, [Path(f"{frame}.png") for frame in FRAMES])
    assert source.files == {Path("frame_00001.png"): folder / "frame_00001_s.npy"}
    layers = read_label_maps(folder / "frame_00001_s.npy")
    assert [int((layers == number).sum()) for number in range(1, 5)] == AREAS
    with pytest.raises(DataError, match=r"frame_00001_f.npy: the array is float16 \[4, 512\]; expected masks"):
        read_label_maps(folder / "frame_00001_f.npy")


def test_colours_are_not_taken_for_ids(shared_data: Path):
    with pytest.raises(DataError, match="Convert colours to ids first"):
        read_label_maps(shared_data / "faults" / "12_sam_masks" / "m_colour" / "frame_00001.png")


def test_csg_masks_draws_them(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """By the real command, on photos of their size."""
    labels = shared_data / "faults" / "12_sam_masks" / "m_rle"
    for frame in FRAMES:
        shutil.copy(shared_data / "faults" / "08_blender" / "blender" / "train" / "r_0.png", tmp_path / f"{frame}.png")
    output = tmp_path / "out"
    given = ("--source", "given", "--labels", str(labels), "--output", str(output))
    assert cli.main(["masks", "--data", str(tmp_path), *given]) == 0
    assert "3 label maps, 0 photos without, 4.0 masks per photo" in capsys.readouterr().out


def test_numbers_in_names_count(tmp_path: Path):
    for number in (10, 2, 1):
        Image.new("L", (6, 4), 0).save(tmp_path / f"{number}.png")
        picture = Image.new("RGB", (6, 4), 0)
        picture.putpixel((number % 6, 0), (0, 0, 200))
        picture.save(tmp_path / f"{number}.png")
    (tmp_path / "metadata.csv").write_text("id,area")
    assert read_label_maps(tmp_path)[0, 0].tolist() == [0, 1, 2, 0, 3, 0]
    Image.new("L", (3, 4), 255).save(tmp_path / "3.png")
    with pytest.raises(DataError, match="expected masks of one size; got 3 x 4, 6 x 4"):
        read_label_maps(tmp_path)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[[1, 0], [0, 0]], [[1, 1], [0, 0]]], bool), [[[2, 2], [0, 0]], [[1, 0], [0, 0]]]),
        (np.array([[[255, 0]], [[0, 255]]], np.uint8), [[[1, 2]]]),
        (np.array([[[1.0, 0.0]]], np.float32), [[[1, 0]]]),
        (np.array([[7, 0, 9]], np.int64), [[[1, 0, 2]]]),
        (np.array([[[0, 0, -1]], [[1, 2, -1]]]), [[[1, 1, 0]], [[2, 3, 0]]]),
        (np.zeros((0, 1, 2), bool), [[[0, 0]]]),
    ],
)
@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_arrays(tmp_path: Path, array: np.ndarray, expected: list, ending: str):
    path = tmp_path / f"a{ending}"
    np.save(path, array) if ending == ".npy" else np.savez(path, whatever=array)
    assert read_label_maps(path).tolist() == expected


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros((2, 3)), np.full((1, 2, 3), 0.5), np.zeros((2, 0, 3), bool), np.array([["a"]])]
)
def test_arrays_that_are_no_masks(tmp_path: Path, array: np.ndarray):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=r"a\.npy: the array is .*; expected masks, bool \[M, H, W\]"):
        read_label_maps(tmp_path / "a.npy")


def test_run_lengths():
    """Written by hand after COCO's text: the fourth run is 3, told as the difference to the second, 2."""
    assert runs_of("1231") == [1, 2, 3, 3] and runs_of("0f1") == [0, 54] and runs_of("0O") == [0, -1]
    mask = np.zeros((3, 4), bool)
    mask[1:, 0], mask[:, 2] = True, True
    assert np.array_equal(mask_of((3, 4), [1, 2, 3, 3, 3]), mask)
    assert np.array_equal(mask_of((3, 4), "123100"[:4] + "0"), mask)
    for size, counts in (((3, 4), [1, 2]), ((3, 4), [13, -1]), ((3, 4), "f"), ((3, 4), "\x01"), ((0, 4), [0])):
        with pytest.raises(ValueError):
            mask_of(size, counts)


def test_run_lengths_of_all_kinds_of_masks():
    """As COCO's own library writes and reads them."""
    coco = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for size in ((1, 1), (120, 160), (7, 3)):
        mask = rng.random(size) > 0.7
        told = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert np.array_equal(mask_of(told["size"], told["counts"].decode()), mask)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no mask, and no size"),
        ({"shapes": []}, "'size'|segmentation"),
        ([{"segmentation": {"size": [2, 2], "counts": [3]}}], "runs of 3 pixels for a mask of 2 x 2"),
        ([{"segmentation": {"size": [1 << 20, 1 << 20], "counts": [0]}}], "a mask of 1048576 x 1048576 pixels"),
        ([{"segmentation": [[0, 0, 1, 1, 2, 0]]}], "polygons without 'image'"),
        ([3], "cannot be read"),
        ("text", "cannot be read"),
    ],
)
def test_json_that_holds_no_masks(tmp_path: Path, content: object, message: str):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_label_maps(tmp_path / "a.json")


def test_polygons_and_views_without_masks(tmp_path: Path):
    image = {"width": 5, "height": 4}
    square = {"segmentation": [[1, 1, 3, 1, 3, 2, 1, 2]], "area": 6}
    (tmp_path / "a.json").write_text(json.dumps({"image": image, "annotations": [square]}))
    expected = np.zeros((4, 5), bool)
    expected[1:3, 1:4] = True
    assert np.array_equal(read_label_maps(tmp_path / "a.json")[0] == 1, expected)
    (tmp_path / "b.json").write_text(json.dumps({"image": image, "annotations": []}))
    found = masks_of_json(tmp_path / "b.json")
    assert isinstance(found, MaskSet) and found.size == (5, 4) and not found.layers().any()
