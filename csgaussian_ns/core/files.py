"""Files that are there completely or not at all."""

import errno
import glob
import io
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard, cast

from csgaussian_ns.core.errors import ConfigError

try:
    import fcntl
except ImportError:  # no such locks: what killed processes leave stays
    fcntl = None

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
"""What a path makes of an address, such as https:/host/scene.csg. One letter before the colon is a drive."""
_AS_GIVEN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.+", re.DOTALL)
_DIGITS = 8
_TRIES = 5
"""Names tried; a file system that cannot tell whether two names are one file refuses all of them."""
_NAME_BYTES = 200
"""Of the file's own name in that of the hidden one; file systems allow 255 for all of it."""


def is_address(source: object) -> TypeGuard[str]:
    """Whether a text tells of something on a network."""
    return isinstance(source, str) and _AS_GIVEN.fullmatch(source) is not None


def address_in(path: Path) -> str | None:
    """The address of something on a network that was taken for a path, as it was given; ``None`` for other paths."""
    match = _ADDRESS.fullmatch(path.as_posix())
    if match is None:
        return None
    return f"{match[1]}:{'///' if match[1].lower() == 'file' else '//'}{match[2]}"


def refuse_address(name: str, path: Path) -> None:
    """Say that a file is expected, in place of a word about a strange folder.

    Args:
        name: What the path is called.
        path: Of a caller.

    Raises:
        ConfigError: It is the address of something on a network.
    """
    address = address_in(path)
    if address is not None:
        raise ConfigError(
            f"{name} {address}: expected a path on this machine, got an address; fetch or send the file with another "
            "program, such as curl or scp"
        )


def make_folder(path: Path) -> None:
    """A folder for output, with those above it, unless it is there.

    Raises:
        ConfigError: It cannot be made, or a file has its name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # a zero or a lone surrogate in the name
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot make the folder {path}: {why}; choose another output") from error


def replace_file(path: Path, data: bytes, check: Callable[[Path], object] = lambda written: None) -> None:
    """Write beside ``path``, force it to disk, then rename: a reader or a crash never meets half a file.

    What an earlier call for ``path`` left when its process was killed is removed first.

    Args:
        path: The file.
        data: What it shall hold.
        check: Called with the path of the complete copy before it gets its name; what it raises leaves ``path`` as it
            was.

    Raises:
        ConfigError: It cannot be written: no such folder, no permission, no room.
    """
    with replacing(path, check) as file:
        file.write(data)


def write_json(path: Path, facts: Any) -> None:
    """Facts for people and programs, by ``replace_file``.

    Raises:
        ConfigError: As ``replace_file``.
    """
    replace_file(path, (json.dumps(facts, indent=1) + "\n").encode("utf8"))


def append_line(path: Path, line: bytes, wanted: Callable[[], bool] = lambda: True) -> None:
    """Add a line to a file that several processes add to: whole, or not at all.

    A last line without an end, which a crash left, is removed first.

    Args:
        path: The file; made where there is none.
        line: Without its end.
        wanted: Asked when nobody else can add a line; if it says no, none is added.

    Raises:
        ConfigError: It cannot be written; the file is as it was.
    """
    with _telling(path), io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644), "a+") as file:
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        size = _end_of_lines(file)
        if not wanted():
            return
        try:
            written = file.write(line + b"\n")
            if written != len(line) + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def _end_of_lines(file: io.FileIO) -> int:
    """Where the last whole line ends; what follows it is cut off."""
    size = end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - 4096)
        file.seek(begin)
        found = file.read(end - begin).rfind(b"\n")
        end = begin + found + 1
        if found >= 0:
            break
        end = begin
    if end != size:
        file.truncate(end)
    return end


@contextmanager
def replacing(
    path: Path, check: Callable[[Path], object] = lambda written: None, beside: Path | None = None
) -> Iterator[BinaryIO]:
    """``replace_file`` for what is too long to be held in memory, or is written by a library.

    Args:
        path: The file.
        check: As for ``replace_file``.
        beside: Another path of the same file system whose folder holds the hidden file until it is complete.

    Yields:
        An empty file, open for writing. It gets its name when the block ends, and is gone when the block fails.

    Raises:
        ConfigError: As ``replace_file``; also out of the file's own methods.
    """
    _check_name(path)
    with _telling(path):
        path = path.resolve() if path.is_symlink() else path  # the link stays one
        _remove_abandoned(beside or path)
    with _partial(path, beside or path) as (written, file):
        yield file
        with _telling(path):
            file.flush()
            os.fsync(file.fileno())
            if path.is_file():
                os.chmod(written, stat.S_IMODE(path.stat().st_mode))  # who may read it stays as it is
            if fcntl is None:
                file.close()  # where files that are open cannot be renamed
            check(written)
            os.replace(written, path)
    if os.name == "posix":  # the rename itself is durable only once the folder is on disk
        with _telling(path):
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _check_name(path: Path) -> None:
    try:
        possible = path.name and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:  # a lone surrogate
        possible = False
    if not possible:
        raise ConfigError(f"{str(path)!r} cannot be the name of a file; choose another")


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Turn what the system says about a file into an error that names it as the caller knows it."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"cannot write {path}: {why}; make room or choose another output") from error


class _Unbuffered(io.FileIO):
    """A new file that tells the name it will get, whoever writes to it: a library's own error would not."""

    def __init__(self, written: Path, path: Path) -> None:
        super().__init__(written, "xb")
        self._path = path

    def write(self, data: Any) -> int:
        with _telling(self._path):
            return super().write(data)


@contextmanager
def _partial(path: Path, beside: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new hidden file, locked while the block runs, and gone after it unless it was renamed."""
    for remaining in reversed(range(_TRIES)):
        written = beside.with_name(f".{_short(beside.name)}.{os.urandom(_DIGITS // 2).hex()}.tmp")
        with _telling(path):
            unbuffered = _Unbuffered(written, path)
        with io.BufferedWriter(unbuffered) as file:
            if not _lock(unbuffered, written) and remaining:
                with suppress(OSError):
                    written.unlink()
                continue
            try:
                yield written, cast("BinaryIO", file)
            finally:
                with suppress(OSError):
                    written.unlink()
            return


def _short(name: str) -> str:
    """As much of a file's name as leaves room for what the hidden file's name has besides."""
    while len(os.fsencode(name)) > _NAME_BYTES:
        name = name[:-1]
    return name


def _lock(file: io.FileIO, written: Path) -> bool:
    """Lock a new file; false where ``_remove_abandoned`` of another process came first."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), os.stat(written))
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:  # a file system without locks
        return True


def _remove_abandoned(path: Path) -> None:
    """Remove hidden files of ``path`` that no process has locked: those that wrote them are gone."""
    if fcntl is None:
        return
    for left in path.parent.glob(f".{glob.escape(_short(path.name))}.{'[0-9a-f]' * _DIGITS}.tmp"):
        with suppress(OSError), open(left, "rb") as file:  # locked, gone meanwhile, or somebody else's
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
