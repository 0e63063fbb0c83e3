"""A folder of label maps that is filled photo by photo: whatever is there is whole, and is not made twice.

Every file notes the settings it was made with and the hash of its photo. A run that was killed goes on where it
stopped; a photo or a setting that changed has its masks made again; a file that we did not write stays.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from csgaussian_ns.capture.photos import photo_names, read_photo
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.shapes import UInt8
from csgaussian_ns.semantic.masks.label_maps import read_notes, write_masks
from csgaussian_ns.semantic.masks.mask_set import MaskSet

MAKER, PHOTO = "made_by", "photo_sha256"
"""Notes in every file."""


class MaskMaker(Protocol):
    """Finds the masks of a photo."""

    def __call__(self, image: UInt8[np.ndarray, "H W 3"]) -> MaskSet:
        """Masks with the size of the photo; the same for the same photo."""
        ...


@dataclass(frozen=True)
class FilledCache:
    """What a run did.

    Attributes:
        files: Label file of each photo.
        made: Number of files written; the others were there.
        replaced: Those of them whose photo or settings had changed.
        seconds: Time spent.
    """

    files: dict[Path, Path]
    made: int
    replaced: int
    seconds: float


def fill(
    folder: Path,
    photos: list[Path],
    made_by: str,
    load_maker: Callable[[], MaskMaker],
    progress: Callable[[Iterable[tuple[Path, Path, str]]], Iterable[tuple[Path, Path, str]]] = lambda work: work,
) -> FilledCache:
    """Make the masks of all photos that ``folder`` has none of.

    Args:
        folder: Created if missing.
        photos: Of one scene.
        made_by: Maker and hash of its settings.
        load_maker: Called once, and only if there is work: weights load slowly.
        progress: Passes on the list of work while it shows how far it is.

    Raises:
        ConfigError: A file is in the way that we did not write.
        DataError: A photo cannot be read.
    """
    began = time.perf_counter()
    files = {photo: folder / f"{name}.npz" for photo, name in zip(photos, photo_names(photos), strict=True)}
    work, replaced = [], 0
    for photo, file in files.items():
        digest = content_hash(photo)
        if file.exists():
            notes = read_notes(file)
            if MAKER not in notes:
                raise ConfigError(f"{file} was not written by csg masks and stays; choose another --output")
            if (notes[MAKER], notes.get(PHOTO)) == (made_by, digest):
                continue
            replaced += 1
        work.append((photo, file, digest))
    if work:
        maker = load_maker()
        for photo, file, digest in progress(work):
            masks = maker(read_photo(photo))
            make_folder(file.parent)
            write_masks(file, masks, **{MAKER: made_by, PHOTO: digest})
    return FilledCache(files, len(work), replaced, time.perf_counter() - began)


def content_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        ConfigError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()
