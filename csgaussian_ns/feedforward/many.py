"""Which scenes are trained on, and which are held out: ``scenes.json``, or a folder of chunks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.feedforward.depths import told_range
from csgaussian_ns.feedforward.json_files import read_json
from csgaussian_ns.feedforward.posed import PosedScene, scene_of_folder

NAME = "scenes.json"
PARTS = ("train", "held_out")
_EXPECTED = (
    f"expected an object with lists {PARTS[0]!r} and {PARTS[1]!r}: of folders, or of objects with 'folder' (a "
    "capture, or chunks of RealEstate10K or DL3DV), 'near' and 'far'"
)
_CHUNK_PARTS = ("train", "test")
"""Folders that such data sets come in."""


@dataclass(frozen=True)
class Entry:
    """A scene that is opened when it is its turn.

    Attributes:
        name: For people.
        file: Scenes with the same one are opened together at little cost.
        open: Opens it.
    """

    name: str
    file: Path
    open: Callable[[], PosedScene]


@dataclass(frozen=True)
class ManyScenes:
    """Scenes of a training.

    Attributes:
        train: Trained on.
        held_out: Measured.
    """

    train: tuple[Entry, ...]
    held_out: tuple[Entry, ...]


def read_scenes(data: Path) -> ManyScenes:
    """What a file or a folder says of scenes.

    Args:
        data: ``scenes.json``, a folder with it, a folder of chunks, or one with such folders ``train`` and ``test``.

    Raises:
        DataError: It is none, or nothing is trained on.
    """
    path = data / NAME if data.is_dir() else data
    if data.is_dir() and not path.is_file():
        found = [tuple(_of_folder(data / part, None)) for part in _CHUNK_PARTS if _has_chunks(data / part)]
        if not found and _has_chunks(data):
            found = [tuple(_of_folder(data, None))]
        if not found:
            raise DataError(f"{data} has neither {NAME} nor index.json of chunks; give one of them")
        return ManyScenes(found[0], found[1] if len(found) > 1 else ())
    told = read_json(path, _EXPECTED)
    if not isinstance(told, dict) or not isinstance(told.get(PARTS[0]), list):
        raise DataError(f"{path}: {_EXPECTED}")
    train, held_out = (tuple(_listed(path, part, told.get(part, []))) for part in PARTS)
    if not train:
        raise DataError(f"{path}: no scene to train on; {_EXPECTED}")
    shared = {entry.name for entry in train} & {entry.name for entry in held_out}
    if shared:
        raise DataError(f"{path}: {quoted(min(shared))} is trained on and held out; name it once")
    return ManyScenes(train, held_out)


def _listed(path: Path, part: str, told: object) -> Iterator[Entry]:
    if not isinstance(told, list):
        raise DataError(f"{path}: {part!r} is a {type(told).__name__}; {_EXPECTED}")
    for one in told:
        facts: dict[str, Any] = {"folder": one} if isinstance(one, str) else one if isinstance(one, dict) else {}
        unknown = facts.keys() - {"folder", "near", "far"}
        if not isinstance(facts.get("folder"), str) or unknown:
            raise DataError(f"{path}: {part!r} has {quoted(one)}; {_EXPECTED}")
        depths = None
        if "near" in facts or "far" in facts:
            depths = told_range(facts.get("near"), facts.get("far"), f"{path}, {facts['folder']}: ")
        yield from _of_folder(path.parent / facts["folder"], depths)


def _of_folder(folder: Path, depths: tuple[float, float] | None) -> Iterator[Entry]:
    """Its scene, or all of its chunks."""
    if not _has_chunks(folder):
        yield Entry(str(folder), folder, partial(scene_of_folder, folder, depths))
        return
    from csgaussian_ns.feedforward.chunks import DEPTHS, index_of, scene_of_chunk

    for key, file in index_of(folder).items():
        yield Entry(f"{folder}:{key}", file, partial(scene_of_chunk, file, key, depths or DEPTHS))


def _has_chunks(folder: Path) -> bool:
    return (folder / "index.json").is_file() and not (folder / "transforms.json").is_file()
