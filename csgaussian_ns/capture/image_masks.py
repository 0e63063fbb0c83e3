"""Image masks: ``mask_path`` of a frame says which pixels of its photo count, in training and in figures.

They are not masks of objects (``instance_mask_path``), which say what belongs together.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from csgaussian_ns.capture.photos import UNREADABLE, same_shape
from csgaussian_ns.capture.straight import Straightened
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Bool

KEY = "mask_path"


def read_mask(path: Path, size: tuple[int, int], bent: Straightened | None = None) -> Bool[np.ndarray, "H W"]:
    """The pixels that count, all but black ones, at ``size`` (width, height), of a photo that is straightened if bent.

    Raises:
        DataError: It cannot be read, or has another shape than its photo's camera says.
    """
    taken = size if bent is None else bent.taken.size
    try:
        with Image.open(path) as picture:
            wide = picture.mode[0] in "IF"  # Pillow cuts those at 255 instead of scaling them
            values = np.asarray(picture) if wide else np.asarray(picture.convert("L"))
    except UNREADABLE as error:
        raise DataError(f"the mask {path} cannot be read: {error}. Restore it or remove '{KEY}'") from error
    mask = values > 0
    height, width = mask.shape
    if not same_shape((width, height), taken):
        raise DataError(
            f"the mask {path} is {width}x{height} but the camera of its photo says {taken[0]}x{taken[1]}; "
            "expected the same shape. Make it of the photo as it lies in the folder"
        )
    mask = resized_mask(mask, taken)
    return mask if bent is None else resized_mask(bent.counts(mask), size)


def resized_mask(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """A mask at ``size`` (width, height), by the nearest pixel."""
    if (mask.shape[1], mask.shape[0]) == size:
        return mask
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
