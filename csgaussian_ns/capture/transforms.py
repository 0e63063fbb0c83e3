"""``transforms.json`` of a capture: its frames, in the order in which nerfstudio sorts them, and what is said of each.

The structure is checked when the file is read; poses and intrinsics (``cameras``) when they are asked for, since
masks of photos can be made without.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.texts import has_control

NAME = "transforms.json"
INTRINSICS = ("fl_x", "fl_y", "cx", "cy", "w", "h")
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
"""In the order of nerfstudio's ``distortion_params``, which may stand in their place."""
OPTICS = (*INTRINSICS, *DISTORTION, "distortion_params", "camera_model")


@dataclass(frozen=True)
class Frame:
    """One photo of a capture.

    Attributes:
        name: File name without folder and ending; with the folders where that would be ambiguous. No path.
        file_path: Of the photo, from the capture's folder, as the file says it; with forward slashes.
        photo: Path of the photo.
        facts: What the file says of this frame, and where that says nothing, of all frames.
        where: The file and the place in it, for messages.
    """

    name: str
    file_path: str
    photo: Path
    facts: Mapping[str, Any]
    where: str


@dataclass(frozen=True)
class Capture:
    """A scene folder.

    Attributes:
        path: Its ``transforms.json``, or what stands for that (``capture.folder``).
        folder: What paths start from.
        facts: What is said of all frames.
        frames: In the order in which training counts them: of ``transforms.json``, that of their photos' paths.
        notes: Sentences about what a reader may not expect.
    """

    path: Path
    folder: Path
    facts: Mapping[str, Any]
    frames: tuple[Frame, ...]
    notes: tuple[str, ...] = ()

    @property
    def photos(self) -> list[Path]:
        """Of all frames."""
        return [frame.photo for frame in self.frames]

    def files_under(self, key: str) -> dict[Path, Path]:
        """Photo to the file that its frame names under ``key``, for frames that name one.

        Raises:
            DataError: It is no text.
        """
        named = [(frame, frame.facts[key]) for frame in self.frames if frame.facts.get(key)]
        for frame, name in named:
            if not isinstance(name, str):
                raise DataError(f"{frame.where}: {key!r} is a {type(name).__name__}; expected the path of a file")
        return {frame.photo: self.folder / name for frame, name in named}


def transforms_in(data: Path) -> Path:
    """The ``transforms.json`` of a folder; the path of a file as it is."""
    return data if data.suffix == ".json" or data.is_file() else data / NAME


def read_capture(data: Path) -> Capture:
    """Read a ``transforms.json``.

    Args:
        data: The file, or its folder.

    Raises:
        DataError: There is no such file, it is something else, or it has no frames.
    """
    path = transforms_in(data)
    facts, entries = read_frames(path)
    shared = _with_slashes(facts, path.parent)
    told = [(number, _with_slashes(entry, path.parent)) for number, entry in enumerate(entries)]
    told.sort(key=lambda one: path.parent / one[1]["file_path"])
    names = frame_names(path, [Path(entry["file_path"]) for _, entry in told])
    frames = [_frame(path, number, name, shared, entry) for name, (number, entry) in zip(names, told, strict=True)]
    return Capture(path, path.parent, shared, tuple(frames), _differences(path, shared, [entry for _, entry in told]))


def read_frames(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a JSON file with ``frames`` says of all of them, and of each; each has a ``file_path``.

    Raises:
        DataError: As ``read_capture``.
    """
    facts = read_transforms(path)
    entries = facts.pop("frames", None)
    if not isinstance(entries, list) or not entries:
        raise _other(path, f"it has no list 'frames', or an empty one: {str(entries)[:40]}")
    for number, entry in enumerate(entries):
        named = isinstance(entry, dict) and isinstance(entry.get("file_path"), str)
        if not (named and posix(entry["file_path"]).name):
            raise _other(path, f"frame {number} is not an object with a 'file_path'")
    return facts, entries


def posix(name: str) -> PurePosixPath:
    """A path in the file as something to compare: without ``./``, and with forward slashes."""
    return PurePosixPath(name.replace("\\", "/"))


def read_transforms(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        DataError: There is no such file, or it holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; give a folder with {NAME}, or that file") from error
    except (ValueError, RecursionError) as error:
        raise _other(path, f"this is not a JSON file: {error}") from error
    if not isinstance(content, dict):
        raise _other(path, f"this holds a {type(content).__name__}, not an object")
    return content


def _other(path: Path, what: str) -> DataError:
    return DataError(f"{path}: expected a {NAME} of nerfstudio; {what}")


def _with_slashes(facts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Paths as Windows writes them, unless there is a file of that very name."""
    return {
        key: value.replace("\\", "/")
        if key.endswith("_path") and isinstance(value, str) and "\\" in value and not (folder / value).exists()
        else value
        for key, value in facts.items()
    }


def _frame(path: Path, number: int, name: str, shared: Mapping[str, Any], entry: Mapping[str, Any]) -> Frame:
    own = set(DISTORTION) & entry.keys()
    inherited = {key: value for key, value in shared.items() if not (own and key == "distortion_params")}
    where = f"{path}, frame {number} ({entry['file_path']})"
    return Frame(name, entry["file_path"], path.parent / entry["file_path"], {**inherited, **entry}, where)


def _differences(path: Path, shared: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """A sentence where frames have other optics than the file states for all of them."""
    differ = [
        {key for key in OPTICS if key in shared and key in entry and entry[key] != shared[key]} for entry in entries
    ]
    keys = [key for key in OPTICS if any(key in found for found in differ)]
    if not keys:
        return ()
    return (
        f"{path}: {', '.join(keys)} of {sum(map(bool, differ))} of {len(entries)} frames differ from what the file "
        "says of all frames; what a frame says of itself counts",
    )


def frame_names(path: Path, files: Sequence[Path]) -> list[str]:
    """File names without folder and ending; with the folders where that would be ambiguous. All differ.

    They become names of files, so nothing in them leads out of a folder: no root and no ``..``.
    """
    stems, taken = Counter(file.stem for file in files), Counter()
    names = []
    for file in files:
        parts = [part for part in file.with_suffix("").parts if part not in (file.anchor, "..")]
        name = file.stem if stems[file.stem] == 1 else "_".join(parts)
        if has_control(name):
            raise _other(path, f"the name {name!r} holds control characters")
        while (number := taken[name]) > 0:
            taken[name] += 1
            name = f"{name}_{number + 1}"
        taken[name] += 1
        names.append(name)
    return names
