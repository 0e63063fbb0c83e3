"""From the bytes of a ``.csg`` file to a scene, on numpy and numba. The input is not trusted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from csgaussian_ns.core.edits import Edit, targets_of
from csgaussian_ns.core.shapes import Int32
from csgaussian_ns.format.chunk_threads import in_order, threads_for
from csgaussian_ns.format.chunks import Chunk, check_positions, decode_chunk, decode_grid
from csgaussian_ns.format.coded_file import CodedFile, open_coded
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits, within_memory
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.format.semantic_chunks import SemanticRows


def decode(
    source: str | Path | bytes | bytearray | memoryview | BufferedIOBase | Container,
    limits: DecodeLimits = DEFAULT_LIMITS,
    chunks: Sequence[int] | None = None,
    arithmetic: Arithmetic = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
    threads: int | None = None,
    semantics: bool = True,
    edits: bool = True,
) -> CodedScene:
    """Decode a scene.

    Args:
        source: Path, content, an open seekable file, of which only what is needed is read, or an open container.
        limits: What to refuse before memory is taken or work is done.
        chunks: Numbers of the chunks to decode; all by default.
        arithmetic: Of the entropy networks; never changes the result.
        progress: Called with the number of chunks done and in all.
        threads: Chunks decoded side by side, at most; by default one per core. Never changes the result.
        semantics: Decode the semantic layer too, where the file has one that is complete. Edits of objects need it.
        edits: Read what was edited, too; a file that is cut before that is refused then.

    Raises:
        FormatError: Not a ``.csg`` file, damaged, or cut before the end of its colours.
        UnsupportedVersion: It needs a newer reader.
        LimitExceeded: It asks for more than ``limits`` allow, or for more memory than there is.
        BackendUnavailable: Its symbols are coded by torchac, which is not installed.
    """
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return decode(file, limits, chunks, arithmetic, progress, threads, semantics, edits)
    with within_memory(limits):
        container = source if isinstance(source, Container) else read_container(source, limits)
        edited = edits_of(container) if edits else ()
        file = open_coded(container, chunks, semantics or any(map(targets_of, edited)))
        file.check(limits)
        rows = _Rows(file, edited)
        for _ in rows.filling(file, limits, arithmetic, threads):
            progress(rows.chunks, len(file.chunks))
        return _complete(file, rows, limits, arithmetic, threads)


def decode_growing(
    container: Container,
    order: Sequence[int] | None = None,
    limits: DecodeLimits = DEFAULT_LIMITS,
    threads: int | None = None,
    semantics: bool = True,
) -> Iterator[CodedScene]:
    """What is there of a scene after each chunk; the last scene has its semantics, too, where they are wanted.

    The scenes share their arrays: anchors keep their rows, and more of them follow. A body is read when its chunk is
    next, so all that is needed of a slow source is in time. Where objects were edited there is but the last scene: what
    was removed must not be seen, and what belongs to an object comes last.

    Args:
        container: An open file.
        order: Numbers of the chunks to decode, one after the other; all, in the order of the file, where ``None``.
        limits: As of ``decode``, and so are the errors.
        threads: As there.
        semantics: As there.
    """
    with within_memory(limits):
        edited = edits_of(container)
        of_objects = any(map(targets_of, edited))
        file = open_coded(container, order, semantics or of_objects)
        file.check(limits)
        rows = _Rows(file, edited)
        for _ in rows.filling(file, limits, "auto", threads):
            if not of_objects and (rows.chunks < len(file.chunks) or file.semantics is not None):
                yield rows.scene(file)
        yield _complete(file, rows, limits, "auto", threads)


def decode_grids(container: Container, limits: DecodeLimits = DEFAULT_LIMITS) -> list[Int32[np.ndarray, "A 3"]]:
    """Voxels of the anchors of each chunk, from positions alone: a few per cent of a file. Errors as of ``decode``."""
    with within_memory(limits):
        entries = container.chunks("POSI")
        for entry in entries:
            check_positions(entry, limits)
        return [decode_grid(entry, container.read(entry).body) for entry in entries]


def _complete(
    file: CodedFile, rows: "_Rows", limits: DecodeLimits, arithmetic: Arithmetic, threads: int | None
) -> CodedScene:
    """All rows, and what is known of them."""
    if file.semantics is None:
        return rows.scene(file)
    known = SemanticRows(file.semantics, rows.grid)
    known.fill(file.numbers, limits, arithmetic, threads)
    return replace(rows.scene(file), semantics=known.layer(file.meta.voxel_size, whole=file.whole))


class _Rows:
    """The attributes of a scene, filled chunk by chunk so that integers are kept for chunks in work alone."""

    def __init__(self, file: CodedFile, edits: tuple[Edit, ...]) -> None:
        self._edits = edits
        self._layout, self._voxel_size = file.layout, np.float32(file.meta.voxel_size)
        self.chunks, self._filled, count = 0, 0, file.anchors
        self.grid = np.empty((count, 3), np.int32)
        self._values = [np.empty((count, size), np.float32) for size in self._layout.sizes]
        self._mask = np.empty((count, self._layout.num_offsets), np.float32)

    def filling(
        self, file: CodedFile, limits: DecodeLimits, arithmetic: Arithmetic, threads: int | None
    ) -> Iterator[None]:
        """Decode; the caller has a look after each chunk."""
        count = threads_for(len(file.chunks), file.chunk_memory, limits.max_memory_bytes, threads)
        for chunk in in_order(decode_chunk, file.jobs(arithmetic), count):
            self._put(chunk)
            yield

    def _put(self, chunk: Chunk) -> None:
        rows = slice(self._filled, self._filled + len(chunk.grid))
        self.grid[rows], self._mask[rows] = chunk.grid, chunk.mask
        real = self._layout.real_values(chunk.values)
        for target, channels in zip(self._values, self._layout.slices, strict=True):
            target[rows] = real[:, channels]
        self.chunks, self._filled = self.chunks + 1, rows.stop

    def scene(self, file: CodedFile) -> CodedScene:
        """Of the chunks that are there."""
        grid, mask = self.grid[: self._filled], self._mask[: self._filled]
        values = [array[: self._filled] for array in self._values]
        anchors = self._layout.anchors(grid.astype(np.float32) * self._voxel_size, values, mask)
        return CodedScene(grid, anchors, file.networks, file.meta, None, file.container.truncated, self._edits)
