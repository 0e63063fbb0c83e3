"""From the bytes of a ``.csg`` file to a scene, on numpy and numba. The input is not trusted."""

from collections.abc import Callable, Sequence
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from csgaussian_ns.core.edits import targets_of
from csgaussian_ns.core.errors import LimitExceeded
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.format.chunks import Chunk, decode_chunk
from csgaussian_ns.format.coded_file import CodedFile, open_coded
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.format.semantic_chunks import SemanticRows
from csgaussian_ns.format.threads import run_in_order, threads_for


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
    try:
        container = source if isinstance(source, Container) else read_container(source, limits)
        edited = edits_of(container) if edits else ()
        file = open_coded(container, chunks, semantics or any(map(targets_of, edited)))
        file.check(limits)
        scene = _Rows(file)

        def take(chunk: Chunk) -> None:
            scene.put(chunk)
            progress(scene.chunks, len(file.chunks))

        count = threads_for(len(file.chunks), file.chunk_memory, limits.max_memory_bytes, threads)
        run_in_order(decode_chunk, file.jobs(arithmetic), count, take)
        layer = None
        if file.semantics is not None:
            rows = SemanticRows(file.semantics, scene.grid)
            rows.fill(file.numbers, limits, arithmetic, threads)
            layer = rows.layer(file.meta.voxel_size, whole=chunks is None)
        return CodedScene(scene.grid, scene.anchors(), file.networks, file.meta, layer, container.truncated, edited)
    except MemoryError as error:
        raise LimitExceeded(
            f"decoding needs more memory than this machine gives ({error}); decode some chunks at a time, or bound it "
            f"by max_memory_bytes, which is {limits.max_memory_bytes}"
        ) from error


class _Rows:
    """The attributes of a scene, filled chunk by chunk so that integers are kept for chunks in work alone."""

    def __init__(self, file: CodedFile) -> None:
        self._layout, self._voxel_size = file.layout, np.float32(file.meta.voxel_size)
        self.chunks, self._filled, count = 0, 0, file.anchors
        self.grid = np.empty((count, 3), np.int32)
        self._values = [np.empty((count, size), np.float32) for size in self._layout.sizes]
        self._mask = np.empty((count, self._layout.num_offsets), np.float32)

    def put(self, chunk: Chunk) -> None:
        """Add a chunk."""
        rows = slice(self._filled, self._filled + len(chunk.grid))
        self.grid[rows], self._mask[rows] = chunk.grid, chunk.mask
        real = self._layout.real_values(chunk.values)
        for target, channels in zip(self._values, self._layout.slices, strict=True):
            target[rows] = real[:, channels]
        self.chunks, self._filled = self.chunks + 1, rows.stop

    def anchors(self) -> Anchors:
        """Everything, once all chunks are there."""
        position = self.grid.astype(np.float32) * self._voxel_size
        return self._layout.anchors(position, self._values, self._mask)
