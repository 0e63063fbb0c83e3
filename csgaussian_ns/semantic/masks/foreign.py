"""Masks of a view as other programs leave them.

``*.json``: of Segment Anything (``output_mode="coco_rle"``), SA-1B and COCO. A list of masks, or an object with the
    list ``annotations`` and perhaps ``image``. ``segmentation`` of each is COCO's run lengths, or polygons.

``*.npy``, and an array alone in ``*.npz``: bool [M, H, W], or numbers that are 0 and 1, or 0 and 255, one mask after
    another; integers [H, W] or [L, H, W], label maps where 0, or -1 where that occurs, is no mask. LangSplat's
    ``*_s.npy`` are such, one for each of its levels.

A folder of ``*.png``: one mask each, whatever is not black, in the order of their names.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from csgaussian_ns.capture.photos import UNREADABLE
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.geometry import MOST_PIXELS
from csgaussian_ns.core.shapes import Bool, Shaped
from csgaussian_ns.semantic.masks.mask_set import MAX_ID, MaskSet
from csgaussian_ns.semantic.masks.rle import mask_of


def masks_of_json(path: Path) -> MaskSet:
    """Masks in a JSON file.

    Raises:
        DataError: It cannot be read, or is of another form.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"))
        image = content.get("image", {}) if isinstance(content, dict) else {}
        entries = content.get("annotations", [content]) if isinstance(content, dict) else content
        size = (image["height"], image["width"]) if "height" in image and "width" in image else None
        masks = [_mask_of_entry(entry, size) for entry in entries]
        if not masks and size is None:
            raise ValueError("no mask, and no size")
        return _packed(path, masks or np.zeros((0, *(size or ())), bool))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DataError(
            f"the masks {path} cannot be read: {error!r:.200}. Expected masks of Segment Anything or COCO: a list, or "
            "'annotations', of objects with 'segmentation', which is run lengths with 'size' and 'counts'"
        ) from error


def masks_of_npy(path: Path) -> MaskSet:
    """Masks in an array of its own.

    Raises:
        DataError: As of ``masks_of_array``, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            # Objects would have to be unpickled, which runs code; without them this reads plain numbers only.
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise DataError(f"the masks {path} cannot be read: {error}. Restore the file or make it again") from error
    return masks_of_array(path, array)


def masks_of_array(path: Path, array: Shaped[np.ndarray, "..."]) -> MaskSet:
    """Masks in an array, see the module.

    Raises:
        DataError: It is of another shape or kind.
    """
    fits = array.ndim in (2, 3) and 0 not in array.shape[-2:] and array.dtype.kind in "biuf"
    values = np.unique(array) if fits and array.size else np.zeros(0)
    other = values[values != 0]  # than black
    one = len(other) <= 1 and (array.dtype.kind in "bu" or (other == 1).all())
    if fits and array.ndim == 3 and one:
        return _packed(path, array != 0)
    if not fits or array.dtype.kind not in "iu" or array.size == 0:
        raise DataError(
            f"{path}: the array is {array.dtype} {list(array.shape)}; expected masks, bool [M, H, W], or label maps, "
            "integers [H, W] or [L, H, W]"
        )
    none = -1 if values[0] == -1 else 0
    layers = array.reshape(-1, *array.shape[-2:])
    masks = [layer == number for layer in layers for number in np.unique(layer) if number != none]
    different = {mask.tobytes(): mask for mask in masks}  # levels share what has no smaller or larger parts
    return _packed(path, list(different.values()) or np.zeros((0, *array.shape[-2:]), bool))


def masks_of_folder(path: Path) -> MaskSet:
    """Masks in the pictures of a folder.

    Raises:
        DataError: It holds no PNG file, or one that cannot be read, or is of another size than the others.
    """
    masks = []
    for file in pictures_in(path):
        try:
            with Image.open(file) as picture:
                shown = picture if picture.mode[0] in "IF" else picture.convert("L")
                masks.append(np.asarray(shown) > 0)
        except UNREADABLE as error:
            raise DataError(f"the mask {file} cannot be read: {error}. Restore the file or make it again") from error
    if not masks:
        raise DataError(f"the folder {path} holds no masks; expected one PNG file for each")
    return _packed(path, masks)


def pictures_in(folder: Path) -> list[Path]:
    """PNG files of a folder; numbers in their names count as numbers."""
    found = (file for file in folder.glob("*") if file.suffix.lower() == ".png" and file.is_file())
    return sorted(found, key=lambda file: [int(part) if part.isdecimal() else part for part in _parts(file.stem)])


def _parts(name: str) -> list[str]:
    """Text and digits by turns, text first."""
    return re.split(r"(\d+)", name)


def _mask_of_entry(entry: Any, size: tuple[int, int] | None) -> Bool[np.ndarray, "H W"]:
    told = entry.get("segmentation", entry)
    if isinstance(told, dict):
        height, width = map(int, told["size"])
        if height * width >= MOST_PIXELS:
            raise ValueError(f"a mask of {width} x {height} pixels")
        return mask_of((height, width), told["counts"])
    if size is None:
        raise ValueError("polygons without 'image' and its 'width' and 'height'")
    picture = Image.new("1", (size[1], size[0]))
    for outline in told:
        ImageDraw.Draw(picture).polygon([float(number) for number in outline], fill=1)
    return np.asarray(picture)


def _packed(path: Path, masks: Sequence[Bool[np.ndarray, "H W"]] | Bool[np.ndarray, "M H W"]) -> MaskSet:
    """Numbered from 1 in their order.

    Raises:
        DataError: They are of several sizes, or too many.
    """
    sizes = {mask.shape for mask in masks}
    if len(sizes) > 1:
        told = ", ".join(f"{width} x {height}" for height, width in sorted(sizes))
        raise DataError(f"{path}: expected masks of one size; got {told}")
    if len(masks) > MAX_ID:
        raise DataError(f"{path}: {len(masks)} masks; expected {MAX_ID} at most")
    return MaskSet.from_masks(masks if isinstance(masks, np.ndarray) else np.stack(masks))
