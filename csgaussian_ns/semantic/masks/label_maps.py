"""Files of masks, one per view.

``*.png``: one channel of 8 or 16 bit (or a palette); the value of a pixel is the id of its mask, 0 is no mask.

``*.npz``: masks that may overlap, as NumPy arrays in a zip archive.
    ``masks``: bool [M, H, W]; or uint8 [M, H, ceil(W / 8)], rows of bits as ``numpy.packbits(masks, axis=-1)`` makes
        them, with ``width`` = W.
    ``ids`` (optional): M different integers from 1 to 65535; 1 to M without it.
    Further arrays are ignored.

Files of other programs: see ``foreign``.

Ids name masks inside one view. That an id means the same object in all views is said by a file of names beside them
(``sources``).
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.npz import write_npz
from csgaussian_ns.core.shapes import UInt16
from csgaussian_ns.semantic.masks.foreign import masks_of_array, masks_of_folder, masks_of_json, masks_of_npy
from csgaussian_ns.semantic.masks.mask_set import MAX_ID, MaskSet, checked_ids

ENDINGS = (".npz", ".png", ".json", ".npy", "_s.npy", "")
"""Of label files, the one that says more first; that without is a folder of masks."""
ONE_CHANNEL = ("1", "L", "P", "I;16", "I")
"""Pillow's names for pictures whose pixels are one integer."""


def read_label_maps(path: Path) -> UInt16[np.ndarray, "L H W"]:
    """Label maps of one view; overlapping masks come in several layers.

    Raises:
        DataError: The file is missing or damaged, is a colour picture, has an id above 65535, or lacks the arrays that
            the format asks for. The message names the file.
    """
    if path.is_dir():
        return masks_of_folder(path).layers()
    readers = {".npz": read_masks, ".json": masks_of_json, ".npy": masks_of_npy}
    if path.suffix in readers:
        return readers[path.suffix](path).layers()
    return _read_picture(path)[None]


def read_masks(path: Path) -> MaskSet:
    """Masks of an ``.npz`` file.

    Raises:
        DataError: As ``read_label_maps``.
    """
    arrays = read_arrays(path)
    masks, width = arrays.get("masks"), arrays.get("width")
    if masks is None and len(arrays) == 1:
        return masks_of_array(path, *arrays.values())
    if masks is None:
        raise DataError(f"{path} holds {sorted(arrays) or 'no arrays'}; expected 'masks', and optionally 'ids'")
    expected = np.uint8 if width is not None else np.bool_
    if masks.ndim != 3 or masks.dtype != expected or 0 in masks.shape[1:]:
        raise DataError(
            f"{path}: 'masks' is {masks.dtype} {list(masks.shape)}; expected bool [M, H, W], or uint8 "
            "[M, H, ceil(W / 8)] together with 'width'"
        )
    numbers = arrays.get("ids", np.arange(1, len(masks) + 1))
    if numbers.shape != (len(masks),) or numbers.dtype.kind not in "iu":
        raise DataError(f"{path}: 'ids' is {numbers.dtype} {list(numbers.shape)}; expected {len(masks)} integers")
    try:
        ids = checked_ids(numbers)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if width is None:
        return MaskSet(np.packbits(masks, axis=-1), masks.shape[-1], ids)
    return MaskSet(_without_padding(path, masks, width), int(width), ids)


def read_notes(path: Path) -> dict[str, str]:
    """The texts that ``write_masks`` kept in an ``.npz`` file; its masks are not read.

    Raises:
        DataError: The file is missing or damaged.
    """
    arrays = read_arrays(path, skip=("masks", "ids"))
    return {name: str(value) for name, value in arrays.items() if value.dtype.kind == "U" and value.shape == ()}


def read_arrays(path: Path, skip: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file, but for those named in ``skip``.

    Raises:
        DataError: It is missing, damaged, or holds anything but plain arrays.
    """
    try:
        # Objects would have to be unpickled, which runs code; without them this reads plain numbers only.
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)  # noqa: TID251
            if isinstance(content, np.ndarray):  # an array alone, under a wrong name
                return {}
            return {name: content[name] for name in content.files if name not in skip}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"the masks {path} cannot be read: {error}. Restore the file or make it again") from error


def write_masks(path: Path, masks: MaskSet, **notes: str) -> None:
    """Write an ``.npz`` file; at any moment the old one or the complete new one is there. ``notes`` are kept in it."""
    arrays = {"masks": masks.packed, "width": np.int64(masks.width), "ids": masks.ids}
    write_npz(path, arrays | notes, compressed=True)


def _read_picture(path: Path) -> UInt16[np.ndarray, "H W"]:
    try:
        with Image.open(path) as picture:
            mode, labels = picture.mode, np.asarray(picture)
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise DataError(f"the label map {path} cannot be read: {error}. Restore the file or make it again") from error
    if mode not in ONE_CHANNEL or labels.ndim != 2:
        raise DataError(
            f"the label map {path} is a picture of mode {mode}; expected one channel of 8 or 16 bit whose values are "
            "ids of masks. Convert colours to ids first"
        )
    if labels.min() < 0 or labels.max() > MAX_ID:
        raise DataError(
            f"the label map {path} holds ids from {labels.min()} to {labels.max()}; expected 0 to {MAX_ID}. Renumber "
            "the masks of the view"
        )
    return labels.astype(np.uint16)


def _without_padding(path: Path, packed: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Packed rows whose unused bits are 0, after a look at whether ``width`` fits."""
    if (
        width.shape != ()
        or width.dtype.kind not in "iu"
        or not packed.shape[2] * 8 - 8 < int(width) <= packed.shape[2] * 8
    ):
        raise DataError(
            f"{path}: 'width' is {width.tolist()} but the rows of 'masks' have {packed.shape[2]} bytes; expected "
            f"{packed.shape[2] * 8 - 7} to {packed.shape[2] * 8}"
        )
    packed = packed.copy()
    packed[..., -1] &= np.uint8(0xFF << (packed.shape[2] * 8 - int(width)) & 0xFF)
    return packed
