"""Files of masks: what is read back, how overlaps are spread, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.png import write_png
from csgaussian_ns.semantic.masks.label_maps import read_label_maps, read_masks, write_masks
from csgaussian_ns.semantic.masks.mask_set import MaskSet


def overlapping(seed: int = 0, count: int = 30, size: tuple[int, int] = (23, 37)) -> np.ndarray:
    """Random rectangles, some nested in others, some empty."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, *size), dtype=bool)
    for mask in masks:
        top, left = rng.integers(0, size[0]), rng.integers(0, size[1])
        mask[top : top + rng.integers(0, 12), left : left + rng.integers(0, 20)] = True
    return masks


def test_every_mask_is_whole_in_exactly_one_layer():
    masks, ids = overlapping(), np.arange(30) * 2000 + 7
    layers = MaskSet.from_masks(masks, ids).layers()
    assert layers.dtype == np.uint16 and layers.shape[1:] == (23, 37)
    for mask, number in zip(masks, ids, strict=True):
        places = [np.array_equal(layer == number, mask) for layer in layers if (layer == number).any()]
        assert places == ([True] if mask.any() else [])
    assert 1 < len(layers) <= masks.sum(axis=0).max() * 3


def test_masks_that_do_not_overlap_need_one_layer():
    masks = np.zeros((3, 5, 9), dtype=bool)
    masks[0, :2], masks[1, 2:, :4], masks[2, 2:, 4:] = True, True, True
    layers = MaskSet.from_masks(masks).layers()
    assert layers.tolist() == [[[1] * 9] * 2 + [[2] * 4 + [3] * 5] * 3]


def test_without_masks_there_is_one_empty_layer():
    assert MaskSet.from_masks(np.zeros((0, 4, 6), dtype=bool)).layers().tolist() == np.zeros((1, 4, 6)).tolist()


@pytest.mark.parametrize("width", [1, 7, 8, 9, 37])
def test_npz_round_trip(tmp_path: Path, width: int):
    masks = overlapping(size=(11, width))
    write_masks(tmp_path / "a.npz", MaskSet.from_masks(masks), origin="test")
    back = read_masks(tmp_path / "a.npz")
    assert back.size == (width, 11) and back.areas().tolist() == masks.sum(axis=(1, 2)).tolist()
    np.savez(tmp_path / "plain.npz", masks=masks, more=np.ones(3))
    plain = read_label_maps(tmp_path / "plain.npz")
    assert np.array_equal(plain, MaskSet.from_masks(masks).layers())
    assert np.array_equal(plain, read_label_maps(tmp_path / "a.npz"))
    assert list(tmp_path.glob(".*")) == []


def test_padding_bits_are_no_pixels(tmp_path: Path):
    np.savez(tmp_path / "a.npz", masks=np.full((2, 3, 2), 255, np.uint8), width=11)
    assert read_masks(tmp_path / "a.npz").areas().tolist() == [33, 33]


def test_png_of_every_kind(tmp_path: Path):
    labels = np.arange(24, dtype=np.uint16).reshape(4, 6)
    write_png(tmp_path / "deep.png", labels * 2849)
    assert np.array_equal(read_label_maps(tmp_path / "deep.png")[0], labels * 2849)
    Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "grey.png")
    assert np.array_equal(read_label_maps(tmp_path / "grey.png")[0], labels)
    palette = Image.fromarray(labels.astype(np.uint8)).convert("P")
    palette.putdata(labels.flatten().tolist())
    palette.putpalette(list(range(255, -1, -1)) * 3)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(read_label_maps(tmp_path / "palette.png")[0], labels)
    Image.fromarray(labels > 11).save(tmp_path / "bits.png")
    assert np.array_equal(read_label_maps(tmp_path / "bits.png")[0], labels > 11)


def colour(file: Path) -> None:
    Image.new("RGB", (6, 4)).save(file)


def transparency(file: Path) -> None:
    Image.new("LA", (6, 4)).save(file)


def damaged(file: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:900])


def nothing(file: Path) -> None:
    assert not file.exists()


def large_ids(file: Path) -> None:
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(file, format="TIFF")


def negative_ids(file: Path) -> None:
    Image.fromarray(np.array([[0, -3]], np.int32)).save(file, format="TIFF")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (colour, r"view.png is a picture of mode RGB; expected one channel"),
        (transparency, r"mode LA; expected one channel"),
        (damaged, r"view.png cannot be read: .*Restore"),
        (nothing, r"view.png cannot be read"),
        (large_ids, r"view.png holds ids from 0 to 70000; expected 0 to 65535"),
        (negative_ids, r"ids from -3 to 0"),
    ],
)
def test_pictures_that_are_no_label_maps(tmp_path: Path, make: Callable[[Path], None], message: str):
    make(tmp_path / "view.png")
    with pytest.raises(DataError, match=message):
        read_label_maps(tmp_path / "view.png")


MASKS = np.ones((2, 4, 6), dtype=bool)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mask": MASKS, "scores": np.ones(2)}, r"holds \['mask', 'scores'\]; expected 'masks'"),
        ({"masks": MASKS[0]}, r"'masks' is bool \[4, 6\]; expected bool \[M, H, W\]"),
        ({"masks": MASKS.astype(np.float32)}, r"'masks' is float32 \[2, 4, 6\]"),
        ({"masks": MASKS.astype(np.uint8)}, r"'masks' is uint8 .* together with 'width'"),
        ({"masks": MASKS, "ids": np.array([1, 2, 3])}, r"'ids' is int64 \[3\]; expected 2 integers"),
        ({"masks": MASKS, "ids": np.array([1.0, 2.0])}, r"'ids' is float64"),
        ({"masks": MASKS, "ids": np.array([0, 1])}, r"must be 1 to 65535; got 0"),
        ({"masks": MASKS, "ids": np.array([1, 65536])}, r"view.npz: ids of masks must be 1 to 65535; got 65536"),
        ({"masks": MASKS, "ids": np.array([9, 9])}, r"the id 9 is given to 2 masks"),
        ({"masks": np.ones((1, 4, 2), np.uint8), "width": 17}, r"'width' is 17 but .* 2 bytes; expected 9 to 16"),
        ({"masks": np.array([None, "code"], dtype=object)}, r"view.npz cannot be read.*allow_pickle"),
    ],
)
def test_archives_that_are_no_masks(tmp_path: Path, arrays: dict, message: str):
    np.savez(tmp_path / "view.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_label_maps(tmp_path / "view.npz")


def test_archives_that_are_damaged(tmp_path: Path):
    file = tmp_path / "view.npz"
    np.savez_compressed(file, masks=overlapping())
    whole = file.read_bytes()
    for data in (b"", b"not a zip", whole[:200], whole[:60] + b"\xff\xff" + whole[62:]):
        file.write_bytes(data)
        with pytest.raises(DataError, match=r"view.npz cannot be read"):
            read_label_maps(file)
    with file.open("wb") as stream:
        np.save(stream, MASKS)
    with pytest.raises(DataError, match="holds no arrays"):
        read_label_maps(file)
