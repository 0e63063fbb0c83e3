"""The file with a scene that a command was given: by name, through a pipe, or on standard input."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import tyro

from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.core.files import address_in, refuse_address

STDIN = Path("-")

SCENE_FILE = "file"
"""Name of a command's field for the file it works on."""
SceneFile = Annotated[
    Path,
    tyro.conf.Positional,
    tyro.conf.arg(help="The file, or its address, of which only what is needed is fetched; - reads standard input."),
]
"""Type of that field."""


def name_of(path: Path) -> str:
    """What a file is called when people are told about it."""
    return "standard input" if path == STDIN else address_in(path) or str(path)


@contextmanager
def open_file(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file for reading at any place; what the block finds wrong with it is told with its name.

    A pipe is read to its end first, as far as the file in it should reach.

    Raises:
        ConfigError: It does not exist or cannot be read.
        DataError, BackendUnavailable: As of ``receiver.sources.open_address``.
    """
    try:
        with _open(path) as stream:
            yield stream
    except FormatError as error:
        raise type(error)(f"{name_of(path)}: {error}") from error


def refuse_addresses(options: dict[str, Any]) -> None:
    """Say that files are expected, in place of a word about a strange folder; scenes may lie anywhere.

    Args:
        options: Of a command, by name.

    Raises:
        ConfigError: A path is the address of something on a network.
    """
    for name, value in options.items():
        if isinstance(value, Path) and name != SCENE_FILE:
            refuse_address(name.replace("_", "-"), value)


def _open(path: Path) -> BufferedIOBase:
    address = address_in(path)
    if address is not None:
        from csgaussian_ns.format.limits import DEFAULT_LIMITS
        from csgaussian_ns.receiver.sources import open_address

        return open_address(address, DEFAULT_LIMITS.max_file_bytes).stream()
    try:
        if path == STDIN:
            if sys.stdin.isatty():
                raise ConfigError("- reads a file from standard input: expected one, as in csg info - < scene.csg")
            return _fetched(sys.stdin.buffer)
        file = path.open("rb")
        if file.seekable():
            return file
        with file:
            return _fetched(file)
    except OSError as error:
        raise ConfigError(f"{name_of(path)} cannot be read: {error.strerror}") from error


def _fetched(pipe: BinaryIO | BufferedIOBase) -> BytesIO:
    """What comes through a pipe, up to one byte more than the file in it should have, or may have.

    Raises:
        FormatError: It does not begin like a ``.csg`` or a ``.ply`` file.
        LimitExceeded: It would be too long.
    """
    from csgaussian_ns.format.layout import HEADER_BYTES, parse_header
    from csgaussian_ns.format.limits import DEFAULT_LIMITS
    from csgaussian_ns.scene.ply_magic import is_ply

    front = pipe.read(HEADER_BYTES)
    ply = is_ply(BytesIO(front))
    length = DEFAULT_LIMITS.max_file_bytes if ply else parse_header(front, DEFAULT_LIMITS).file_length
    content = front + pipe.read(length + 1 - len(front))
    if ply:
        DEFAULT_LIMITS.check("max_file_bytes", len(content), "a PLY file in a pipe")
    return BytesIO(content)
