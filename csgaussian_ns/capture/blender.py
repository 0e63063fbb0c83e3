"""``transforms_train.json`` and its like, as NeRF's synthetic scenes have them.

One focal length for all, as an angle; names of photos without ending; one file for each side of the split.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from csgaussian_ns.capture.optics import is_finite
from csgaussian_ns.capture.photos import ENDINGS, UNREADABLE
from csgaussian_ns.capture.transforms import Capture, Frame, frame_names, posix, read_frames
from csgaussian_ns.core.errors import DataError

ANGLE = "camera_angle_x"


def is_blender(facts: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the focal length is told as an angle and in no other way."""
    return ANGLE in facts and "fl_x" not in facts and not any("fl_x" in entry for entry in entries)


def read_blender(files: Mapping[str, Path]) -> Capture:
    """All frames of some files of one folder; where there are several, which photos are whose.

    Args:
        files: By the key that a list of their photos gets.

    Raises:
        DataError: A file cannot be read, has no frames or no angle, or the size of its photos is not known.
    """
    told = [(path, *read_frames(path)) for path in files.values()]
    first = told[0][0]
    everything = [Path(_with_ending(entry["file_path"])) for _, _, entries in told for entry in entries]
    names = iter(frame_names(first, everything))
    frames, lists = [], {}
    for key, (path, facts, entries) in zip(files, told, strict=True):
        lists[key] = [_with_ending(entry["file_path"]) for entry in entries]
        optics = _optics(path, facts, path.parent / lists[key][0])
        for number, (entry, name) in enumerate(zip(entries, lists[key], strict=True)):
            where = f"{path}, frame {number} ({name})"
            frames.append(Frame(next(names), name, path.parent / name, {**facts, **optics, **entry}, where))
    return Capture(first, first.parent, lists if len(files) > 1 else {}, tuple(frames))


def _with_ending(name: str) -> str:
    """Of a photo; PNG where none is told."""
    path = posix(name)
    return str(path if path.suffix.lower() in ENDINGS else path.with_name(f"{path.name}.png"))


def _optics(path: Path, facts: Mapping[str, Any], photo: Path) -> dict[str, float | int]:
    """Of all photos of a file, by the names of ``transforms.json``; their size is that of the first."""
    angle = facts.get(ANGLE)
    if not is_finite(angle) or not 0 < angle < math.pi:
        raise DataError(f"{path}: '{ANGLE}' is {str(angle)[:40]}; expected an angle above 0 and below pi")
    width, height = facts.get("w"), facts.get("h")
    if not (is_finite(width) and is_finite(height)):
        try:
            with Image.open(photo) as picture:
                width, height = picture.size
        except UNREADABLE as error:
            raise DataError(
                f"{path}: the size of its photos is not known, because {photo} cannot be read: {error}. Restore the "
                "photo, or state 'w' and 'h'"
            ) from error
    focal = width / 2 / math.tan(angle / 2)
    return {"fl_x": focal, "fl_y": focal, "cx": width / 2, "cy": height / 2, "w": int(width), "h": int(height)}
