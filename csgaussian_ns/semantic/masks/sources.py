"""Where the label maps of a scene's photos are: ``transforms.json`` names them, or a folder holds one per photo."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.texts import MAX_TEXT_BYTES, is_storable
from csgaussian_ns.semantic.masks.foreign import pictures_in
from csgaussian_ns.semantic.masks.label_maps import ENDINGS

KEY = "instance_mask_path"
"""Of a frame in ``transforms.json``. Not ``mask_path``: that means "ignore these pixels" to nerfstudio."""
SCENE_NAMES, FOLDER_NAMES = "instances.json", "names.json"
"""Id to name, beside ``transforms.json`` and inside a folder of label maps."""


@dataclass(frozen=True)
class LabelSource:
    """Label files of photos.

    Attributes:
        description: Where they come from, for messages.
        files: Photo to label file; photos without one are not in it.
        names: Id to name. Present only if ids mean the same object in every view.
    """

    description: str
    files: dict[Path, Path] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


def from_transforms(capture: Capture, photos: Sequence[Path], key: str = KEY) -> LabelSource:
    """The files that the frames of a capture name under ``key``.

    Photos are found by path, or, if they were replaced by smaller copies in another folder, by file name.

    Args:
        capture: What ``transforms.json`` says.
        photos: Photos to find label files for.
        key: Of the frames.

    Raises:
        DataError: A file that is named does not exist, or the names of instances cannot be read.
    """
    by_path = capture.files_under(key)
    uses = Counter(photo.name for photo in by_path)
    by_name = {photo.name: label for photo, label in by_path.items() if uses[photo.name] == 1}
    files = {photo: by_path.get(photo, by_name.get(photo.name)) for photo in photos}
    found = {photo: label for photo, label in files.items() if label is not None}
    for photo, label in found.items():
        if not is_label(label):
            raise DataError(
                f"{capture.path}: the frame of {photo.name} names the label map {label}, which does not exist. Restore "
                f"it or remove '{key}'"
            )
    names = read_names(capture.folder / SCENE_NAMES) if found else {}
    return LabelSource(f"{key} in {capture.path}", found, names)


def from_folder(folder: Path, photos: Sequence[Path]) -> LabelSource:
    """The files of ``folder`` that are named like the photos, with an ending of ``label_maps.ENDINGS``.

    Photos in several sub-folders may share names; ``a/b/c.jpg`` is looked for as ``a/b/c``, ``b/c`` and ``c``.

    Raises:
        DataError: ``folder`` does not exist or fits none of the photos; or its names cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"the folder of label maps {folder} does not exist; make one with csg masks")
    found = {}
    for photo in photos:
        parts = photo.parts[1:] if photo.is_absolute() else photo.parts
        inner = [parts[start:] for start in range(len(parts)) if ".." not in parts[start:]]
        tails = [Path(*names).with_suffix("") for names in inner]
        candidates = (folder / f"{tail}{ending}" for tail in tails for ending in ENDINGS)
        label = next((path for path in candidates if is_label(path) and path.name != FOLDER_NAMES), None)
        if label is not None:
            found[photo] = label
    if photos and not found:
        labels = (path for path in folder.iterdir() if path.suffix in ENDINGS and is_label(path))
        there = sorted(path.name for path in labels if path.name != FOLDER_NAMES)
        raise DataError(
            f"the folder {folder} holds no label map for any of {len(photos)} photos: expected "
            f"{photos[0].stem}.npz, .png, .json or .npy, or a folder {photos[0].stem} of PNG files, and so on; found "
            f"{', '.join(there[:3]) or 'no label file'}{' ...' if len(there) > 3 else ''}"
        )
    return LabelSource(f"the folder {folder}", found, read_names(folder / FOLDER_NAMES))


def is_label(path: Path) -> bool:
    """Whether there are masks under a name: a file, or a folder of pictures."""
    return path.is_file() or bool(pictures_in(path))


def read_names(path: Path) -> dict[int, str]:
    """Id to name from a JSON object such as ``{"0": "background", "1": "cup"}``; empty without the file.

    Raises:
        DataError: It is not such an object, or no file could hold one of the names.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf8"))
        names = {int(number): name for number, name in content.items()}
    except (ValueError, AttributeError) as error:
        raise DataError(f"{path} is not a JSON object of ids and names: {error}") from error
    if not all(isinstance(name, str) for name in names.values()):
        raise DataError(f"{path}: every name must be a text; got {content}")
    for number, name in names.items():
        if not is_storable(name):
            raise DataError(
                f"{path}: the name of {number} must be at most {MAX_TEXT_BYTES} bytes of UTF-8 without control "
                f"characters, as the exported file holds it; got {name[:60]!r} with {len(name)} characters. Shorten it"
            )
    return {number: name for number, name in names.items() if number > 0}
