"""From a file, wherever it lies, to a scene."""

import os
import stat
from collections.abc import Callable, Sequence
from io import BufferedIOBase, BytesIO
from numbers import Integral
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError, FormatError, LimitExceeded, QueryError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import with_edits
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.receiver.opened import Opened, Wanted
from csgaussian_ns.receiver.orbit import PlainMeta
from csgaussian_ns.receiver.representations import read
from csgaussian_ns.receiver.scene import LoadedScene, showing
from csgaussian_ns.receiver.sources import open_address
from csgaussian_ns.scene.ply_magic import is_ply

Source = str | Path | bytes | bytearray | memoryview | BufferedIOBase
EXPECTED = "expected a path, an address, bytes, or a file that is open for reading bytes"


def load(
    source: Source,
    limits: DecodeLimits = DEFAULT_LIMITS,
    chunks: Sequence[int] | None = None,
    semantics: bool = True,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    edits: bool = True,
) -> LoadedScene:
    """Open a ``.csg`` file, or a ``.ply`` file with Gaussians; which of them it is, its first bytes tell.

    Args:
        source: Path, address (http, https, or what fsspec knows: s3, gs, ...), content, or an open seekable file. It
            is not trusted. Of an address only what is asked for is fetched.
        limits: What to refuse before memory is taken or work is done.
        chunks: Numbers of the chunks to decode; all by default.
        semantics: Decode objects too, where the file has them. Where objects were edited they are decoded in any case.
        threads: Chunks decoded side by side, at most; by default one per core. Never changes the result.
        progress: Called with the number of chunks done and in all.
        edits: Show the scene as it was edited; else as it was before, and ``save`` writes it without the edits.

    Raises:
        FormatError: Neither kind of file, damaged, or cut before the end of its colours.
        UnsupportedVersion: It needs a newer reader.
        LimitExceeded: It asks for more than ``limits`` allow, or for more memory than there is.
        DataError: The address gives no file, or the file changed while it was fetched.
        BackendUnavailable: Its kind of address needs fsspec, or a package for it.
        ConfigError: The source is none of these; there is no such chunk; limits or threads are none.
        OSError: The file cannot be read.
    """
    check_settings(limits, threads)
    if chunks is not None:
        chunks = _numbers(chunks)
    wanted = Wanted(limits, chunks, semantics, threads, progress, edits)
    if is_address(source):
        parts = open_address(source, limits.max_file_bytes)
        if (chunks is not None or not semantics) and not is_ply(parts.stream()):
            return _scene(read_container(parts, limits), wanted, parts.whole)
        data = parts.read(0, parts.size)
    else:
        data = bytes_of(source, limits)
    stream = BytesIO(data)
    if is_ply(stream):
        from csgaussian_ns.scene.ply import read_gaussians, read_header, up_of_ply

        header = read_header(stream)
        return LoadedScene(read_gaussians(stream, header), PlainMeta(up=up_of_ply(header)), "Gaussians", data)
    return _scene(read_container(data, limits), wanted, data)


def check_settings(limits: object, threads: object) -> None:
    """See that a caller's settings are some.

    Raises:
        ConfigError: They are not.
    """
    if not isinstance(limits, DecodeLimits):
        raise ConfigError(f"limits: expected DecodeLimits, got {type(limits).__name__}")
    if threads is not None and not (isinstance(threads, int) and threads >= 1):
        raise ConfigError(f"threads: expected a whole number of at least 1, or None for one per core, got {threads!r}")


def bytes_of(source: Any, limits: DecodeLimits) -> bytes:
    """All bytes of a path, of a file that is open, or of what is bytes already.

    Raises:
        LimitExceeded: There are too many.
        ConfigError: The source is none of these.
        OSError: The file cannot be read.
    """
    data = _content(source, limits.max_file_bytes + 1)
    if len(data) > limits.max_file_bytes:
        raise LimitExceeded(
            f"the file has more than max_file_bytes = {limits.max_file_bytes}; raise it in DecodeLimits"
        )
    return data


def _scene(container: Container, wanted: Wanted, data: bytes | None) -> LoadedScene:
    opened = read(container, wanted)
    if not wanted.edits and container.of_kind("EDIT") and data is not None:
        data = with_edits(container, ())
    return loaded(opened, data, wanted.limits)


def loaded(opened: Opened, content: bytes | None, limits: DecodeLimits) -> LoadedScene:
    """What a file holds, as its edits make it; errors as of ``load``."""
    coded = opened.coded
    plain = LoadedScene(opened.scene, coded.meta, opened.rows, content, coded, limits=limits)
    try:
        return showing(plain, coded.edits)
    except QueryError as error:
        raise FormatError(f"EDIT: {error}") from error


def _numbers(chunks: Any) -> list[int]:
    if not isinstance(chunks, Sequence) or not all(isinstance(number, Integral) for number in chunks):
        raise ConfigError(f"chunks: expected a list of numbers, got {str(chunks)[:80]!r}")
    return [int(number) for number in chunks]


def _content(source: Any, most: int) -> bytes:
    """All bytes of the source, or as many as show that they are too many."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    try:
        if isinstance(source, str | Path):
            with open(source, "rb") as file:
                known = os.fstat(file.fileno())  # reading so much takes so much memory, be the file as short as it may
                return file.read(min(most, known.st_size + 1) if stat.S_ISREG(known.st_mode) else most)
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        content: Any = source.read(min(most, size + 1))
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f"{str(source)[:99]!a} cannot be opened ({error}); {EXPECTED}") from error
    if not isinstance(content, bytes):
        raise ConfigError(f"an open file that gives {type(content).__name__}; {EXPECTED}")
    return content
