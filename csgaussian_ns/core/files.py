"""Files that are there completely or not at all."""

import glob
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from csgaussian_ns.core.errors import ConfigError

try:
    import fcntl
except ImportError:  # no such locks: what killed processes leave stays
    fcntl = None

_DIGITS = 8
_TRIES = 5
"""Names tried; a file system that cannot tell whether two names are one file refuses all of them."""


def make_folder(path: Path) -> None:
    """A folder for output, with those above it, unless it is there.

    Raises:
        ConfigError: It cannot be made, or a file has its name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path}: {error.strerror}; choose another output") from error


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
    try:
        _replace_file(path, data, check)
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"cannot write {path}: {why}; make room or choose another output") from error


def _replace_file(path: Path, data: bytes, check: Callable[[Path], object]) -> None:
    _remove_abandoned(path)
    with _partial(path) as (written, file):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        if fcntl is None:
            file.close()  # where files that are open cannot be renamed
        check(written)
        os.replace(written, path)
    if os.name == "posix":  # the rename itself is durable only once the folder is on disk
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _partial(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new hidden file beside ``path``, locked while the block runs, and gone after it unless it was renamed."""
    for remaining in reversed(range(_TRIES)):
        written = path.with_name(f".{path.name}.{secrets.token_hex(_DIGITS // 2)}.tmp")
        with open(written, "xb") as file:
            if not _lock(file, written) and remaining:
                with suppress(FileNotFoundError):
                    written.unlink()
                continue
            try:
                yield written, file
            finally:
                with suppress(FileNotFoundError):
                    written.unlink()
            return


def _lock(file: BinaryIO, written: Path) -> bool:
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
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * _DIGITS}.tmp"):
        with suppress(OSError), open(left, "rb") as file:  # locked, gone meanwhile, or somebody else's
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
