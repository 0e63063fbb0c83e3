"""Files that are there completely or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from csgaussian_ns.core.errors import ConfigError


def make_folder(path: Path) -> None:
    """A folder for output, with those above it, unless it is there.

    Raises:
        ConfigError: It cannot be made, or a file has its name.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path}: {error.strerror}; choose another output") from error


def replace_file(path: Path, data: bytes) -> None:
    """Write beside ``path``, force it to disk, then rename: a reader or a crash never meets half a file."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise
    if os.name == "posix":  # the rename itself is durable only once the folder is on disk
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
