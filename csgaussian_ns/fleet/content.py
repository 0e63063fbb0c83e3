"""What a capture is, as a hash: the same wherever it lies, and another one when photos, masks or poses change.

Of a capture on this machine its describing files count byte by byte, and so does each file that they name, by name,
size, and its content; of one larger than ``WHOLE`` by its first and last ``END`` bytes, as photos are many and large.
Of one at an address, which is not fetched for this, the names of all files count, their sizes, and what the store says
of their content (ETag), or else when they were written.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from csgaussian_ns.capture.kinds import SIDES, files_in, model_in
from csgaussian_ns.capture.transforms import read_frames, transforms_in
from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.fleet.storage import is_local, listed

WHOLE, END = 1 << 18, 1 << 16
"""Bytes of a file that is read to its end, and what is read of both ends of larger ones."""
BESIDE = ("instances.json", "instance_points.ply", "train_list.txt", "validation_list.txt", "test_list.txt")
"""Files beside the describing one that are read with it."""
TOLD = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "crc32c")
"""What stores call a sum of the content."""
WRITTEN = ("LastModified", "last_modified", "updated", "mtime", "created")
"""What they call the time."""


def content_of(data: str, *others: str | None) -> str:
    """A hash of a capture and further files; of what cannot be read, its place.

    Args:
        data: Path or address of the capture.
        others: Paths or addresses of files: a scene, which counts whole, or the ``config.yml`` of a run, whose
            checkpoints count, too.
    """
    told = hashlib.sha256()
    for place in (data, *others):
        try:
            parts = [*_far(place)] if place and not is_local(place) else [*_near(Path(place))] if place else []
        except (CsgError, OSError, ValueError, RecursionError):
            parts = []
        if place and not parts:
            parts = [b"at", os.fsencode(place)]
        for part in (b"place", *parts):
            told.update(len(part).to_bytes(8, "little") + part)
    return told.hexdigest()[:32]


def _near(place: Path) -> Iterator[bytes]:
    """Names and sums of the files that count."""
    path = transforms_in(place)
    if path.suffix == ".json" and path.is_file():
        yield from _described(path)
    elif place.is_dir() and files_in(place):
        for side in SIDES.values():
            if (place / side).is_file():
                yield from _described(place / side)
    elif place.is_file():
        checkpoints = place.parent / "nerfstudio_models"
        yield from (place.name.encode("utf8", "surrogatepass"), _sum(place, whole=True))
        yield from _sums(checkpoints, _names(checkpoints))
    elif (model := model_in(place)) is not None:
        names = [*(f"{model.relative_to(place)}/{name}" for name in _names(model)), *BESIDE]
        yield from _sums(place, [*names, *(f"images/{name}" for name in _names(place / "images"))])


def _described(path: Path) -> Iterator[bytes]:
    """A JSON file with frames, and what it names."""
    yield from (path.name.encode(), hashlib.sha256(path.read_bytes()).digest())
    facts, entries = read_frames(path)
    named = {
        value.replace("\\", "/")
        for told in (facts, *entries)
        for key, value in told.items()
        if key.endswith("_path") and isinstance(value, str)
    }
    yield from _sums(path.parent, [*sorted(named), *BESIDE])


def _sums(folder: Path, names: list[str]) -> Iterator[bytes]:
    """Of each file that there is, the name, and a sum of size and content."""
    for name in names:
        file = next((folder / f"{name}{end}" for end in ("", ".png") if (folder / f"{name}{end}").is_file()), None)
        if file is not None:
            yield from (name.encode("utf8", "surrogatepass"), _sum(file))


def _sum(file: Path, whole: bool = False) -> bytes:
    with open(file, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        told = hashlib.sha256(str(size).encode())
        if whole or size <= WHOLE:
            while part := stream.read(WHOLE):
                told.update(part)
        else:
            told.update(stream.read(END))
            stream.seek(-END, os.SEEK_END)
            told.update(stream.read(END))
    return told.digest()


def _names(folder: Path) -> list[str]:
    """Of all files below a folder, hidden ones left out."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not any(part.startswith(".") for part in name.split("/")))


def _far(address: str) -> Iterator[bytes]:
    for name, facts in listed(address):
        if not any(part.startswith(".") for part in name.split("/")):
            yield from (name.encode("utf8", "surrogatepass"), _facts(facts).encode())


def _facts(facts: dict[str, Any]) -> str:
    told = next((str(facts[key]) for key in (*TOLD, *WRITTEN) if facts.get(key) is not None), "")
    return f"{facts.get('size')} {told}"
