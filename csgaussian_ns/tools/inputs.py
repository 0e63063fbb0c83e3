"""The file with a scene that a command was given: by name, through a pipe, or on standard input."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BytesIO
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, BinaryIO

import tyro

from csgaussian_ns.core.errors import ConfigError, CsgError, FormatError
from csgaussian_ns.core.files import is_address, refuse_address
from csgaussian_ns.tools.maybe import Maybe

STDIN = "-"
SPZ = (b"\x1f\x8b", b"NGSP")
"""How ``.spz`` files begin: those of version 3 and before are packed as a whole."""

SceneFile = Annotated[
    str,
    tyro.conf.Positional,
    tyro.conf.arg(
        metavar="FILE|URL|-",
        help="The file, or its address, of which only what is needed is fetched; - reads standard input.",
    ),
]
"""Type of a command's field for the file it works on: as it was given, since a path would change an address."""
SceneFiles = Annotated[
    tuple[str, ...],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="FILE|URL|- FILE|URL|- ...", help="The files, at least two, or their addresses."),
]
"""The same of a command for several."""
WeightsFile = Annotated[
    Maybe[Path],
    tyro.conf.arg(help="Weights that scenes of photos are decoded by, or their folder; else CSG_WEIGHTS names them."),
]
"""Type of a field of commands that decode; ``cli`` makes it known."""


def name_of(given: str) -> str:
    """What a file is called when people are told about it."""
    return "standard input" if given == STDIN else given or "''"


def path_of(given: str) -> PurePosixPath | None:
    """Folders and name of a file, of an address too; ``None`` where nobody knows them."""
    if given == STDIN:
        return None
    if is_address(given):
        from urllib.parse import unquote, urlsplit

        return PurePosixPath(unquote(urlsplit(given).path))
    return PurePosixPath(Path(given).as_posix())


@contextmanager
def open_file(given: str) -> Iterator[BufferedIOBase]:
    """Open a file for reading at any place; what the block finds wrong with it is told with its name.

    A pipe is read to its end first, as far as the file in it should reach.

    Raises:
        ConfigError: It does not exist or cannot be read.
        DataError, BackendUnavailable: As of ``receiver.sources.open_address``.
    """
    try:
        with _open(given) as stream:
            yield stream
    except FormatError as error:
        raise type(error)(f"{name_of(given)}: {error}") from error


@contextmanager
def open_csg(given: str) -> Iterator[BufferedIOBase]:
    """As ``open_file``, for what takes ``.csg`` files alone; of other files of Gaussians it says how to make one.

    Raises:
        ConfigError: It is a PLY or SPZ file.
    """
    from csgaussian_ns.scene.ply_magic import is_ply

    with open_file(given) as stream:
        front = stream.read(4)
        stream.seek(0)
        kind = "a PLY" if is_ply(stream) else "an SPZ" if front.startswith(SPZ) else ""
        if kind:
            raise ConfigError(
                f"{name_of(given)} is {kind} file; make a .csg file of it first: csg import {given} -o scene.csg"
            )
        yield stream


def refuse_addresses(options: dict[str, Any]) -> None:
    """Say that files are expected, in place of a word about a strange folder; scenes, which are no paths, lie anywhere.

    Args:
        options: Of a command, by name.

    Raises:
        ConfigError: A path is the address of something on a network.
    """
    for name, value in options.items():
        if isinstance(value, Path):
            refuse_address(name.replace("_", "-"), value)


def _open(given: str) -> BufferedIOBase:
    if is_address(given):
        from csgaussian_ns.format.limits import DEFAULT_LIMITS
        from csgaussian_ns.receiver.sources import open_address

        return open_address(given, DEFAULT_LIMITS.max_file_bytes).stream()
    try:
        if given == STDIN:
            if sys.stdin.isatty():
                raise ConfigError("- reads a file from standard input: expected one, as in csg info - < scene.csg")
            return _fetched(sys.stdin.buffer)
        file = open(given, "rb")  # noqa: SIM115  # the caller closes it
        if file.seekable():
            return file
        with file:
            return _fetched(file)
    except CsgError:
        raise
    except (OSError, ValueError) as error:  # of a zero in the name, too
        raise ConfigError(f"{name_of(given)} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _fetched(pipe: BinaryIO | BufferedIOBase) -> BytesIO:
    """What comes through a pipe, up to one byte more than the file in it should have, or may have.

    Raises:
        FormatError: It does not begin like a ``.csg``, ``.ply`` or ``.spz`` file.
        LimitExceeded: It would be too long.
    """
    from csgaussian_ns.format.layout import HEADER_BYTES, parse_header
    from csgaussian_ns.format.limits import DEFAULT_LIMITS
    from csgaussian_ns.scene.ply_magic import is_ply

    front = pipe.read(HEADER_BYTES)
    foreign = is_ply(BytesIO(front)) or front.startswith(SPZ)
    length = DEFAULT_LIMITS.max_file_bytes if foreign else parse_header(front, DEFAULT_LIMITS).file_length
    content = front + pipe.read(length + 1 - len(front))
    if foreign:
        DEFAULT_LIMITS.check("max_file_bytes", len(content), "a file in a pipe")
    return BytesIO(content)
