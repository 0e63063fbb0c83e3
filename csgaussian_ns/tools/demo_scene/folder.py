"""The folder of a demo scene: made all of it or nothing, and replaced only when every file in it is ours.

A finished scene carries ``MARKER``, the SHA-256 of each of its files (``sha256sum -c`` reads it). A folder without
it, and one with a file that is not listed or no longer has that content, holds somebody's work and is refused.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from csgaussian_ns.core.errors import ConfigError

MARKER = ".csgaussian-demo-scene"
ADVICE = "choose another folder, or move this one away yourself"


def _digest(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _entries(folder: Path) -> Iterator[Path]:
    """Everything below ``folder``, in order of names; links are not followed, unreadable folders raise OSError."""
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _entries(path)


def _mark(folder: Path) -> None:
    """Write the marker over all files of a finished scene."""
    files = [path for path in _entries(folder) if path.is_file()]
    lines = [f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / MARKER).write_text("".join(lines), "utf8")


def _check_ours(out: Path) -> None:
    """Raise ConfigError unless ``out`` holds nothing but files that we wrote, unchanged."""
    marker = out / MARKER
    if marker.is_symlink() or not marker.is_file():
        raise ConfigError(
            f"{out} was not made by csg demo-scene (no {MARKER} in it), and --overwrite replaces nothing else; {ADVICE}"
        )
    text = marker.read_text("utf8", errors="replace")
    known = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}
    folders = {str(parent) for name in known for parent in PurePosixPath(name).parents}
    for path in _entries(out):
        name = path.relative_to(out).as_posix()
        if path == marker or (name in folders and path.is_dir() and not path.is_symlink()):
            continue
        if name not in known or path.is_symlink() or not path.is_file():
            raise ConfigError(f"{out} holds {name}, which csg demo-scene did not write; move it away, or {ADVICE}")
        if _digest(path) != known[name]:
            raise ConfigError(f"{out} holds {name}, which was changed after csg demo-scene wrote it; {ADVICE}")


def check_target(out: Path, overwrite: bool) -> None:
    """Refuse a target that would lose somebody's files, or that can be no folder.

    Raises:
        ConfigError: ``out`` is a file or lies below one, is not empty without ``overwrite``, or holds something that
            we did not write.
        OSError: ``out`` cannot be read.
    """
    there = next(path for path in (out, *out.parents) if path.exists())
    if not there.is_dir():
        raise ConfigError(f"cannot make the folder {out}: {there} is a file; give a folder to make")
    if there != out or not any(out.iterdir()):
        return
    if not overwrite:
        raise ConfigError(f"{out} is not empty; choose another folder, or pass --overwrite to replace the scene in it")
    _check_ours(out)


@contextmanager
def _parents(out: Path) -> Iterator[None]:
    """Make the folders above ``out`` that are missing; remove them again when the block fails."""
    missing = [path for path in out.parents if not path.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise


def _swap(fresh: Path, out: Path, old: Path) -> None:
    """Put ``fresh`` in the place of ``out``, which goes to ``old``; put ``out`` back when that fails."""
    try:
        if out.exists():
            out.rename(old)
        fresh.rename(out)
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out)
        raise


@contextmanager
def folder_in_one_piece(out: Path, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder next to ``out`` that takes its place when the block ends well, else is removed.

    Raises:
        ConfigError: As ``check_target``, or the file system refused: no permission, no room.
    """
    out = Path(os.path.realpath(out))
    try:
        check_target(out, overwrite)
        with _parents(out):
            holder = Path(tempfile.mkdtemp(prefix=".csg-demo-scene-", dir=out.parent))
            fresh, old = holder / "new", holder / "old"
            try:
                fresh.mkdir()
                yield fresh
                _mark(fresh)
                check_target(out, overwrite)
                _swap(fresh, out, old)
            finally:
                if out.exists() or not old.exists():  # never the only copy of the old scene
                    shutil.rmtree(holder, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise ConfigError(
            f"cannot write the scene folder {out}: {reason}; give a folder that you may write to, on a disk with room"
        ) from error
