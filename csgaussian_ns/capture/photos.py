"""Photos as a viewer shows them, whatever they are stored as; and which there are.

Pixels stay as they lie in the file: a rotation that the file notes (EXIF) is not followed, since poses and masks belong
to the pixels.
"""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from csgaussian_ns.capture.straight import Straightened
from csgaussian_ns.capture.transforms import NAME
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float32, UInt8

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
EIGHT_BIT = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
"""Pillow's names for what it converts as a viewer does."""
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
"""What Pillow raises for files that are damaged or none of its own."""
ASPECT_TOLERANCE = 0.01
"""How much the aspect ratios of two pictures of one view may differ."""
ORIENTATION = 0x0112
"""EXIF's number for how a viewer turns a photo; from 5 on it swaps width and height."""


def open_photo(path: Path) -> Image.Image:
    """A photo as RGB, or as RGBA where it is transparent anywhere it could be; 8 bits.

    Raises:
        DataError: It cannot be read, or holds what has no colours as they are shown (float, 32-bit integers, CIELAB).
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            return _shown(picture, path)
    except DataError:
        raise
    except UNREADABLE as error:
        raise DataError(f"the photo {path} cannot be read: {error}. Restore it or remove its frame") from error


def read_photo(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Colours of a photo, what is transparent included.

    Raises:
        DataError: As ``open_photo``.
    """
    return np.asarray(open_photo(path))[..., :3]


def photo_of_size(
    path: Path, size: tuple[int, int], background: Sequence[float], bent: Straightened | None = None
) -> Float32[np.ndarray, "H W 3"]:
    """RGB in [0, 1] at ``size`` (width, height), what is transparent over ``background``; straight, if it was ``bent``.

    Raises:
        DataError: As ``open_photo``, or it has another shape than its camera says.
    """
    picture, taken = open_photo(path), size if bent is None else bent.taken.size
    if not same_shape(picture.size, taken):
        raise DataError(mismatch(path, picture.size, taken))
    if picture.size != taken:
        picture = picture.convert("RGBA").resize(taken, Image.Resampling.BOX)
    if bent is not None:
        picture = Image.fromarray(np.rint(bent.colours(np.asarray(picture))).astype(np.uint8))
        if picture.size != size:
            picture = picture.convert("RGBA").resize(size, Image.Resampling.BOX)
    pixels = np.asarray(picture).astype(np.float32) / 255
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:]
    return pixels[..., :3] * alpha + np.asarray(background, np.float32) * (1 - alpha)


def same_shape(size: tuple[int, int], expected: tuple[int, int]) -> bool:
    """Whether two sizes (width, height) may be of one view at two resolutions."""
    ratio = size[0] * expected[1] / (size[1] * expected[0])
    return abs(ratio - 1) <= ASPECT_TOLERANCE + 1 / min(expected)


def mismatch(path: Path, size: tuple[int, int], expected: tuple[int, int]) -> str:
    """What is wrong with a photo that has another size than its camera says, and what to do."""
    told = f"the photo {path} is {size[0]}x{size[1]} but its camera says {expected[0]}x{expected[1]}"
    if same_shape(size, expected) or not same_shape((size[1], size[0]), expected):
        return (
            f"{told}. Photos of mixed sizes need 'w', 'h' and the intrinsics in their own frame of {NAME}, not once "
            "for all"
        )
    turned = _orientation(path)
    if turned < 5:
        return (
            f"{told}: width and height are swapped. Turn the photo to what its pose was made from, or swap 'w' with "
            f"'h', 'fl_x' with 'fl_y' and 'cx' with 'cy' in {NAME}"
        )
    return (
        f"{told}: width and height are swapped. Viewers turn it, because its EXIF orientation is {turned}; here pixels "
        "count as they lie in the file. Turn the pixels themselves, for example with 'mogrify -auto-orient' of "
        "ImageMagick, and make masks of the turned photos"
    )


def has_size_of_photo(size: tuple[int, int], label_map: Path, photo: Path) -> bool:
    """Whether ``size`` (width, height) of a label map is that of its photo; the same shape in another size is fine.

    Raises:
        DataError: It has another shape.
    """
    try:
        with Image.open(photo) as image:
            expected = image.size
    except UNREADABLE as error:
        raise DataError(f"the photo {photo} cannot be read: {error}. Restore it or remove its frame") from error
    (width, height), (photo_width, photo_height) = size, expected
    if abs(height - width * photo_height / photo_width) > 1 and abs(width - height * photo_width / photo_height) > 1:
        raise DataError(
            f"the label map {label_map} is {width}x{height} but its photo {photo} is {photo_width}x{photo_height}; "
            "expected that size, or the same shape at another resolution. Make masks of the photos as they lie in the "
            "folder"
        )
    return size == expected


def photos_in(folder: Path) -> list[Path]:
    """All photos of one folder, in order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS and path.is_file())


def photo_names(photos: Sequence[Path]) -> list[Path]:
    """A name for each photo without ending: relative to the folder that holds them all.

    Raises:
        DataError: Two photos differ in their ending only.
    """
    root = Path(os.path.commonpath([photo.parent for photo in photos]))
    names = [photo.relative_to(root).with_suffix("") for photo in photos]
    taken: dict[Path, Path] = {}
    for photo, name in zip(photos, names, strict=True):
        if taken.setdefault(name, photo) != photo:
            raise DataError(f"{taken[name]} and {photo} would share one label map; rename one of them")
    return names


def _shown(picture: Image.Image, path: Path) -> Image.Image:
    if picture.mode in SIXTEEN_BIT or (picture.mode == "I" and picture.format == "PNG"):  # older Pillow's name
        values = np.asarray(picture).astype(np.int64)
        grey = Image.fromarray((values >> 8).astype(np.uint8))
        clear = picture.info.get("transparency")
        if clear is None:
            return grey.convert("RGB")
        grey.putalpha(Image.fromarray((values != clear).astype(np.uint8) * np.uint8(255)))
        return grey.convert("RGBA")
    if picture.mode not in EIGHT_BIT:
        raise DataError(
            f"the photo {path} is a picture of mode {picture.mode} ({picture.format}), which has no colours as a "
            "viewer shows them. Convert it to 8 bits of RGB"
        )
    transparent = picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info
    return picture.convert("RGBA" if transparent else "RGB")


def _orientation(path: Path) -> int:
    try:
        with Image.open(path) as picture:
            told = picture.getexif().get(ORIENTATION, 1)
    except UNREADABLE:
        return 1
    return told if isinstance(told, int) else 1
