"""From the bytes of a ``.csg`` file to a scene, on numpy and numba. The input is not trusted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32

from csgaussian_ns.core.errors import ConfigError, FormatError, LimitExceeded, UnsupportedVersion
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.bodies import content_of, model_number
from csgaussian_ns.format.chunks import KINDS, Chunk, check_chunk, decode_chunk, decode_grid
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.layout import Entry
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.meta import ANCHORS, SceneMeta, meta_of, representation_of
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.models import read_model
from csgaussian_ns.format.render_networks import RenderNetworks, read_render_networks
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.format.semantic_chunks import SemanticReader, SemanticRows, open_semantics
from csgaussian_ns.format.threads import in_order, threads_for


def decode(
    source: str | Path | bytes | bytearray | memoryview | BufferedIOBase | Container,
    limits: DecodeLimits = DEFAULT_LIMITS,
    chunks: Sequence[int] | None = None,
    arithmetic: Arithmetic = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
    threads: int | None = None,
    semantics: bool = True,
) -> CodedScene:
    """Decode a scene.

    Args:
        source: Path, content, an open seekable file, of which only what is needed is read, or an open container.
        limits: What to refuse before memory is taken or work is done.
        chunks: Numbers of the chunks to decode; all by default.
        arithmetic: Of the entropy networks; never changes the result.
        progress: Called with the number of chunks done and in all.
        threads: Chunks decoded side by side, at most; by default one per core. Never changes the result.
        semantics: Decode the semantic layer too, where the file has one that is complete.

    Raises:
        FormatError: Not a ``.csg`` file, damaged, or cut before the end of its colours.
        UnsupportedVersion: It needs a newer reader.
        LimitExceeded: It asks for more than ``limits`` allow, or for more memory than there is.
        BackendUnavailable: Its symbols are coded by torchac, which is not installed.
    """
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return decode(file, limits, chunks, arithmetic, progress, threads, semantics)
    with _within_memory(limits):
        container = source if isinstance(source, Container) else read_container(source, limits)
        file = _open(container, chunks, semantics)
        rows = _Rows(file, limits)
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
    next, so all that is needed of a slow source is in time.

    Args:
        container: An open file.
        order: Numbers of the chunks to decode, one after the other; all, in the order of the file, where ``None``.
        limits: As of ``decode``, and so are the errors.
        threads: As there.
        semantics: As there.
    """
    with _within_memory(limits):
        file = _open(container, order, semantics)
        rows = _Rows(file, limits)
        for _ in rows.filling(file, limits, "auto", threads):
            if rows.chunks < len(file.chunks) or file.semantics is not None:
                yield rows.scene(file)
        yield _complete(file, rows, limits, "auto", threads)


def decode_grids(container: Container, limits: DecodeLimits = DEFAULT_LIMITS) -> list[Int32[np.ndarray, "A 3"]]:
    """Voxels of the anchors of each chunk, from positions alone: a few per cent of a file. Errors as of ``decode``."""
    with _within_memory(limits):
        file = _open(container, None, False)
        file.check(limits)
        return [decode_grid(chunk[0], container.read(chunk[0]).body) for chunk in file.chunks]


def _complete(
    file: "_File", rows: "_Rows", limits: DecodeLimits, arithmetic: Arithmetic, threads: int | None
) -> CodedScene:
    """All rows, and what is known of them."""
    if file.semantics is None:
        return rows.scene(file)
    known = SemanticRows(file.semantics, rows.grid)
    known.fill(file.numbers, limits, arithmetic, threads)
    return replace(rows.scene(file), semantics=known.layer(file.meta.voxel_size, whole=file.whole))


@contextmanager
def _within_memory(limits: DecodeLimits) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise LimitExceeded(
            f"decoding needs more memory than this machine gives ({error}); decode some chunks at a time, or bound it "
            f"by max_memory_bytes, which is {limits.max_memory_bytes}"
        ) from error


class _File(NamedTuple):
    """A file that is read up to the bodies of its chunks.

    Attributes:
        container: The whole.
        whole: Whether all chunks are wanted.
        meta, layout, model, networks: From its common sections.
        numbers: The chunks that are wanted.
        chunks: POSI, MASK and COLR of each of them.
        semantics: Reader of that layer, if there is one and it is wanted.
    """

    container: Container
    whole: bool
    meta: SceneMeta
    layout: AttributeLayout
    model: IntegerModel
    networks: RenderNetworks
    numbers: list[int]
    chunks: list[tuple[Entry, ...]]
    semantics: SemanticReader | None

    @property
    def anchors(self) -> int:
        """Of all chunks that are wanted."""
        return sum(chunk[0].info.anchors for chunk in self.chunks)

    @property
    def chunk_memory(self) -> int:
        """Bytes that decoding the largest chunk takes."""
        largest = max((chunk[0].info.anchors for chunk in self.chunks), default=0)
        return largest * self.layout.channels * BYTES_PER_SYMBOL

    def check(self, limits: DecodeLimits) -> None:
        """Refuse all that can be refused before memory is taken; errors as of ``decode``."""
        layout, meanings = self.layout, self.semantics
        memory = self.anchors * (layout.channels + layout.num_offsets + 6) * 4
        memory += 0 if meanings is None else meanings.memory(self.anchors)
        limits.check("max_memory_bytes", memory, "the decoded scene")
        operations = self.model.operations + self.networks.operations
        operations += 0 if meanings is None else meanings.model.operations
        limits.check("max_network_operations", self.anchors * operations, f"networks for {self.anchors} anchors")
        for chunk in self.chunks:
            check_chunk(chunk, layout, limits)
        if meanings is not None:
            meanings.check(self.numbers, limits)

    def jobs(self, arithmetic: Arithmetic) -> Iterator[tuple]:
        """Arguments of ``decode_chunk``, one chunk after the other."""
        for chunk in self.chunks:
            yield chunk, [self.container.read(entry).body for entry in chunk], self.model, self.layout, arithmetic


def _open(container: Container, chunks: Sequence[int] | None, semantics: bool) -> _File:
    representation = representation_of(container)
    if representation != ANCHORS:
        raise UnsupportedVersion(
            f"the scene is made of {representation!r}, this reader knows {ANCHORS}; a newer reader is needed"
        )
    meta = meta_of(container)
    layout = meta.layout
    content = content_of(container, "NETE")
    model = read_model(model_number(container, "NETE"), content, layout, "NETE")
    networks = read_render_networks(content_of(container, "NETR"), meta.feature_dim, meta.num_offsets)
    kinds = {kind: container.chunks(kind) for kind in KINDS}
    counts = {kind: len(entries) for kind, entries in kinds.items()}
    if len(set(counts.values())) > 1:
        raise FormatError(f"chunks of the kinds differ in number: {counts}; the file is damaged")
    trios = list(zip(*kinds.values(), strict=True))
    numbers = list(range(len(trios)) if chunks is None else chunks)
    for number in numbers:
        if not 0 <= number < len(trios):
            raise ConfigError(f"chunk {number} does not exist; the file has chunks 0..{len(trios) - 1}")
    wanted = [trios[number] for number in numbers]
    meanings = open_semantics(container) if semantics else None
    whole = sorted(numbers) == list(range(len(trios)))
    return _File(container, whole, meta, layout, model, networks, numbers, wanted, meanings)


class _Rows:
    """The attributes of a scene, filled chunk by chunk so that integers are kept for chunks in work alone."""

    def __init__(self, file: _File, limits: DecodeLimits) -> None:
        file.check(limits)
        self._layout, self._voxel_size = file.layout, np.float32(file.meta.voxel_size)
        self.chunks, self._filled, count = 0, 0, file.anchors
        self.grid = np.empty((count, 3), np.int32)
        self._values = [np.empty((count, size), np.float32) for size in self._layout.sizes]
        self._mask = np.empty((count, self._layout.num_offsets), np.float32)

    def filling(self, file: _File, limits: DecodeLimits, arithmetic: Arithmetic, threads: int | None) -> Iterator[None]:
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

    def scene(self, file: _File) -> CodedScene:
        """Of the chunks that are there."""
        grid, mask = self.grid[: self._filled], self._mask[: self._filled]
        values = [array[: self._filled] for array in self._values]
        anchors = self._layout.anchors(grid.astype(np.float32) * self._voxel_size, values, mask)
        return CodedScene(grid, anchors, file.networks, file.meta, None, file.container.truncated)
