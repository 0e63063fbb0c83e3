"""Captures that cannot be trained on, told before training starts: what is wrong, where, and what to do."""

from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from csgaussian_ns.capture import image_masks
from csgaussian_ns.capture.cloud import how_to_subtract, place
from csgaussian_ns.capture.optics import PINHOLES, distortion_of, intrinsics_of
from csgaussian_ns.capture.poses import stored_pose
from csgaussian_ns.capture.straight import seen_by
from csgaussian_ns.capture.transforms import Capture, Frame
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float64

COARSEST = 1e-4
"""Step of single precision where cameras are, as a share of how far they are spread: a tenth of a pixel in pictures."""


def check_trainable(capture: Capture, photos: bool = True) -> None:
    """Refuse a capture that nothing could be learned from.

    Args:
        capture: To train on.
        photos: Whether the photos that it names must be there; smaller copies may do in their place.

    Raises:
        DataError: Fewer than two frames, poses or intrinsics that make no sense, all cameras at one place, photos or
            masks that do not exist, masks for some photos only.
    """
    if len(capture.frames) < 2:
        raise DataError(f"{capture.path}: 'frames' has 1 entry; expected one per photo, and at least 2")
    masked = capture.files_under(image_masks.KEY)
    if 0 < len(masked) < len(set(capture.photos)):
        raise DataError(
            f"{capture.path}: {len(masked)} of {len(capture.frames)} frames have a '{image_masks.KEY}'; give one to "
            "all or to none (a white picture hides nothing)"
        )
    places = set()
    for frame in capture.frames:
        intrinsics_of(frame)
        distortion_of(frame)
        if frame.facts.get("camera_model") in PINHOLES:  # of other lenses, nerfstudio says which it knows
            seen_by(frame)
        places.add(tuple(stored_pose(frame)[:, 3].tolist()))
        if photos:
            check_exists(frame, "photo", frame.photo, frame.file_path)
        if photos and masked:
            check_exists(frame, "mask", masked[frame.photo], frame.facts[image_masks.KEY])
    if len(places) == 1:
        raise DataError(
            f"{capture.path}: all {len(capture.frames)} cameras are at the same place {places.pop()}; depth cannot be "
            "learned from that. Check the poses"
        )


def check_offset(middle: Float64[np.ndarray, "3"], spread: float) -> None:
    """Refuse cameras that are far away from the origin where training has to hold them in single precision.

    Args:
        middle: Of the cameras.
        spread: Largest distance from it along an axis, in the same units.

    Raises:
        DataError: Names what to subtract.
    """
    if is_far(middle, spread):
        raise DataError(
            f"the cameras are spread over {spread:g} around {place(middle)}, where numbers of single precision are "
            f"{_step(middle):g} apart. {how_to_subtract(middle)}"
        )


def is_far(middle: Float64[np.ndarray, "3"], spread: float) -> bool:
    """Whether cameras are so far away from the origin that single precision cannot tell them apart."""
    return _step(middle) > COARSEST * spread


def _step(place: Float64[np.ndarray, "3"]) -> float:
    """Of single precision at a place."""
    return float(np.spacing(np.float32(np.abs(place).max())))


def check_exists(frame: Frame, what: str, file: Path, named: str) -> None:
    """Refuse a frame without a file of its own.

    Raises:
        DataError: There is no ``file``, which the capture calls ``named``.
    """
    if not file.is_file():
        elsewhere = PureWindowsPath(named).is_absolute() or PurePosixPath(named).is_absolute()
        hint = "; its path is an absolute one, maybe of another machine" if elsewhere else ""
        raise DataError(f"{frame.where}: the {what} {file} does not exist{hint}. Restore it or remove the frame")
