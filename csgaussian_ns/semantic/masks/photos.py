"""The photos of a scene folder, for tools that do not know nerfstudio."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from csgaussian_ns.core.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


def find_photos(data: Path) -> tuple[list[Path], Path | None]:
    """Photos of a scene in order of their names, and its ``transforms.json`` if there is one.

    Args:
        data: A ``transforms.json``, a folder with one, or a folder of photos (or one with a folder ``images``).

    Raises:
        DataError: No such folder, a ``transforms.json`` that cannot be read, or no photo.
    """
    transforms = data if data.suffix == ".json" else data / "transforms.json"
    if transforms.is_file():
        return _photos_of(transforms), transforms
    if not data.is_dir():
        raise DataError(f"the scene folder {data} does not exist; give a folder with transforms.json or photos")
    for folder in (data, data / "images"):
        photos = sorted(path for path in folder.glob("*") if path.suffix.lower() in ENDINGS and path.is_file())
        if photos:
            return photos, None
    raise DataError(f"{data} holds neither transforms.json nor photos ({', '.join(ENDINGS)})")


def read_photo(path: Path) -> UInt8[np.ndarray, "H W 3"]:
    """Pixels as they lie on disk; a rotation noted in the file is ignored, as in training.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise DataError(f"the photo {path} cannot be read: {error}. Restore it or remove its frame") from error


def has_size_of_photo(size: tuple[int, int], label_map: Path, photo: Path) -> bool:
    """Whether ``size`` (width, height) of a label map is that of its photo; the same shape in another size is fine.

    Raises:
        DataError: It has another shape.
    """
    try:
        with Image.open(photo) as image:
            expected = image.size
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"the photo {photo} cannot be read: {error}. Restore it or remove its frame") from error
    (width, height), (photo_width, photo_height) = size, expected
    if abs(height - width * photo_height / photo_width) > 1 and abs(width - height * photo_width / photo_height) > 1:
        raise DataError(
            f"the label map {label_map} is {width}x{height} but its photo {photo} is {photo_width}x{photo_height}; "
            "expected that size, or the same shape at another resolution. Make masks of the photos as they lie in the "
            "folder"
        )
    return size == expected


def names_of(photos: Sequence[Path]) -> list[Path]:
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


def _photos_of(transforms: Path) -> list[Path]:
    try:
        frames = json.loads(transforms.read_text("utf8"))["frames"]
        photos = sorted({transforms.parent / frame["file_path"] for frame in frames})
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{transforms} is not a scene of nerfstudio: {error!r}; expected frames with file_path"
        ) from error
    if not photos:
        raise DataError(f"{transforms} lists no frames")
    return photos
