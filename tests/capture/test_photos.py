"""Photos come out as a viewer shows them, whatever they are stored as."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.folder import find_photos
from csgaussian_ns.capture.photos import mismatch, open_photo, photo_of_size, read_photo
from csgaussian_ns.core.errors import DataError

GREY16 = np.array([[0, 30_000], [65_535, 256]], np.uint16)


def palette(transparency: int | None = None) -> tuple[Image.Image, dict]:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50] + [0] * 762)
    picture.putdata([1, 0])
    return picture, {} if transparency is None else {"transparency": transparency}


def constant(mode: str, value: object) -> tuple[Image.Image, dict]:
    return Image.new(mode, (2, 1), value), {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "made", "first"),
    [
        ("palette.png", palette(), (200, 100, 50)),
        ("clear_palette.png", palette(transparency=1), (200, 100, 50, 0)),
        ("grey.png", constant("L", 77), (77, 77, 77)),
        ("grey_alpha.png", constant("LA", (77, 128)), (77, 77, 77, 128)),
        ("one_bit.png", constant("1", 1), (255, 255, 255)),
        ("colour.png", constant("RGB", (1, 2, 3)), (1, 2, 3)),
        ("clear_colour.png", (Image.new("RGB", (2, 1), (1, 2, 3)), {"transparency": (1, 2, 3)}), (1, 2, 3, 0)),
        ("colour_alpha.png", constant("RGBA", (1, 2, 3, 4)), (1, 2, 3, 4)),
        ("print.tif", constant("CMYK", (0, 255, 255, 0)), (255, 0, 0)),
        ("print.jpg", constant("CMYK", (0, 0, 0, 0)), (255, 255, 255)),
        ("video.tif", constant("YCbCr", (77, 128, 128)), (77, 77, 77)),
    ],
)
def test_every_mode_keeps_its_colours(tmp_path: Path, name: str, made: tuple, first: tuple[int, ...]):
    picture, options = made
    picture.save(tmp_path / name, **options)
    found = np.asarray(open_photo(tmp_path / name))
    assert found.dtype == np.uint8 and found.shape == (1, 2, len(first))
    assert tuple(found[0, 0].tolist()) == first
    assert np.array_equal(read_photo(tmp_path / name), found[..., :3])


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_of_grey_become_eight(tmp_path: Path, name: str):
    Image.fromarray(GREY16).save(tmp_path / name)
    found = read_photo(tmp_path / name)
    assert np.array_equal(found, np.repeat([[[0], [117]], [[255], [1]]], 3, axis=-1))


def sixteen_bit_png(path: Path, colour_type: int, pixel: bytes, *more: tuple[bytes, bytes]) -> None:
    """A picture of one pixel that Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, colour_type, 0, 0, 0))
    rest = b"".join(chunk(*one) for one in more) + chunk(b"IDAT", zlib.compress(b"\0" + pixel)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + rest)


def test_sixteen_bits_of_colour_and_transparency(tmp_path: Path):
    sixteen_bit_png(tmp_path / "colour.png", 2, struct.pack(">HHH", 30_000, 256, 65_535))
    assert np.asarray(open_photo(tmp_path / "colour.png")).tolist() == [[[117, 1, 255]]]
    sixteen_bit_png(tmp_path / "alpha.png", 4, struct.pack(">HH", 30_000, 32_768))
    assert np.asarray(open_photo(tmp_path / "alpha.png")).tolist() == [[[117, 117, 117, 128]]]
    for clear, alpha in ((30_000, 0), (30_001, 255)):
        sixteen_bit_png(tmp_path / "key.png", 0, struct.pack(">H", 30_000), (b"tRNS", struct.pack(">H", clear)))
        assert np.asarray(open_photo(tmp_path / "key.png")).tolist() == [[[117, 117, 117, alpha]]]


@pytest.mark.parametrize(
    ("array", "mode"), [(np.ones((2, 2), np.float32), "F"), (np.full((2, 2), 70_000, np.int32), "I")]
)
def test_numbers_that_are_no_colours_are_refused(tmp_path: Path, array: np.ndarray, mode: str):
    Image.fromarray(array).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=rf"the photo .*a\.tif is a picture of mode {mode} \(TIFF\).*Convert it"):
        open_photo(tmp_path / "a.tif")
    Image.new("LAB", (2, 2)).save(tmp_path / "lab.tif")
    with pytest.raises(DataError, match=r"lab\.tif is a picture of mode LAB"):
        open_photo(tmp_path / "lab.tif")


@pytest.mark.parametrize("content", [b"", b"\x89PNG but no more", b"no picture"])
def test_files_that_are_no_pictures_are_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"the photo .*a\.png cannot be read.*Restore it"):
        open_photo(tmp_path / "a.png")


def test_a_photo_over_a_background_at_another_size(tmp_path: Path):
    Image.new("RGBA", (8, 4), (255, 0, 0, 51)).save(tmp_path / "a.png")
    found = photo_of_size(tmp_path / "a.png", (4, 2), (0.0, 0.5, 1.0))
    assert found.dtype == np.float32 and found.shape == (2, 4, 3)
    assert np.allclose(found, [0.2, 0.4, 0.8], atol=1e-6)
    with pytest.raises(DataError, match=r"a\.png is 8x4 but its camera says 4x4.*mixed sizes"):
        photo_of_size(tmp_path / "a.png", (4, 4), (0.0, 0.0, 0.0))


def turned(path: Path, orientation: int) -> Path:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 40)).save(path, exif=exif)
    return path


def test_swapped_sides_are_told_as_such(tmp_path: Path):
    told = mismatch(turned(tmp_path / "a.jpg", 6), (30, 40), (40, 30))
    assert "a.jpg is 30x40 but its camera says 40x30: width and height are swapped" in told
    assert "its EXIF orientation is 6" in told and "mogrify -auto-orient" in told
    for orientation in (1, 3):
        told = mismatch(turned(tmp_path / "b.jpg", orientation), (30, 40), (40, 30))
        assert "width and height are swapped" in told and "swap 'w' with 'h'" in told and "EXIF" not in told
    told = mismatch(turned(tmp_path / "c.jpg", 6), (30, 40), (80, 40))
    assert "are swapped" not in told and "Photos of mixed sizes" in told
    assert read_photo(turned(tmp_path / "d.jpg", 6)).shape == (40, 30, 3), "pixels as they lie in the file"


def test_a_plain_folder_of_photos_and_one_with_frames(tmp_path: Path):
    (tmp_path / "images").mkdir()
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / "images" / name).write_bytes(b"")
    expected = [tmp_path / "images" / "a.png", tmp_path / "images" / "b.JPG"]
    assert find_photos(tmp_path) == (expected, None)
    (tmp_path / "transforms.json").write_text(
        '{"frames": [{"file_path": "images/b.JPG"}, {"file_path": "images/b.JPG"}]}'
    )
    photos, capture = find_photos(tmp_path)
    assert photos == expected[1:] and capture is not None and len(capture.frames) == 2
    with pytest.raises(DataError, match="nowhere does not exist"):
        find_photos(tmp_path / "nowhere")
