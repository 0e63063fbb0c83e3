"""From the bytes of a ``.csg`` file of Gaussians to the Gaussians. The input is not trusted."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.edits import Edit, targets_of
from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.format.chunk_threads import in_order, threads_for
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.gaussians.chunks import GAUSSIAN_KINDS, check_chunk, decode_chunk
from csgaussian_ns.format.gaussians.meta import GaussianMeta, gaussian_meta_of
from csgaussian_ns.format.gaussians.rows import Arrays, GaussianRows, arrays_of
from csgaussian_ns.format.kinds import SEMANTIC_KINDS
from csgaussian_ns.format.layout import Entry
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits, within_memory
from csgaussian_ns.format.scene import semantic_bytes
from csgaussian_ns.format.semantic_chunks import SemanticReader, SemanticRows, open_semantics
from csgaussian_ns.format.streams.splat_rows import CHANNELS

BYTES_PER_VALUE = 32
"""Memory that a scene takes at most, per channel of a Gaussian, while it is put together; measured 31."""
CODER_BYTES = 24 << 20
"""Of the contexts of one chunk."""


@dataclass(frozen=True)
class CodedGaussians:
    """A decoded file of Gaussians.

    Attributes:
        rows: In the order of the file.
        meta: Facts.
        semantics: Objects; ``None`` where the file has none, was cut after its colours, or they were not asked for.
        truncated: The file was cut after its colours.
        edits: What shall be seen of it; all else here is as it was before them.
    """

    rows: GaussianRows
    meta: GaussianMeta
    semantics: SemanticLayer | None = None
    truncated: bool = False
    edits: tuple[Edit, ...] = ()

    def __len__(self) -> int:
        """Number of Gaussians."""
        return len(self.rows.grid)

    @property
    def arrays(self) -> Arrays:
        """The Gaussians in units of the scene."""
        return arrays_of(self.rows, self.meta)

    @property
    def slots(self) -> Bool[np.ndarray, "N 1"]:
        """Each row draws one Gaussian."""
        return np.ones((len(self), 1), np.bool_)

    def digest(self) -> str:
        """SHA-256 of everything that was decoded as integers, the same on every device.

        Of these bytes, little endian, row by row: i32 voxels; i32 values; semantics as of ``format.scene.digest``.
        """
        hasher = hashlib.sha256(np.asarray(self.rows.grid, "<i4").tobytes())
        hasher.update(np.asarray(self.rows.values, "<i4").tobytes())
        hasher.update(b"" if self.semantics is None else semantic_bytes(self.semantics))
        return hasher.hexdigest()

    def named_arrays(self) -> dict[str, np.ndarray]:
        """All rows, by name; see ``receiver.opened.Coded``."""
        arrays = self.arrays._asdict() | {"grid": self.rows.grid}
        return arrays | ({} if self.semantics is None else {"label": self.semantics.label})


class GaussianFile(NamedTuple):
    """A file that is read up to the bodies of its chunks.

    Attributes:
        container: The whole.
        meta: Its facts.
        numbers: The chunks that are wanted.
        chunks: POSI and SPLT of each of them.
        whole: Whether these are all.
        semantics: Reader of that layer, if there is one and it is wanted.
    """

    container: Container
    meta: GaussianMeta
    numbers: list[int]
    chunks: list[tuple[Entry, ...]]
    whole: bool
    semantics: SemanticReader | None

    @property
    def channels(self) -> int:
        """Values of each Gaussian."""
        return CHANNELS[self.meta.degree]

    def check(self, limits: DecodeLimits) -> None:
        """Refuse all that can be refused before memory is taken; errors as of ``decode_gaussians``."""
        count = sum(chunk[0].info.rows for chunk in self.chunks)
        memory = count * (self.channels + 6) * BYTES_PER_VALUE
        if self.semantics is not None:
            memory += self.semantics.memory(count)
            operations = self.semantics.model.operations
            limits.check("max_network_operations", count * operations, f"networks for {count} Gaussians")
        limits.check("max_memory_bytes", memory, "the decoded scene")
        for chunk in self.chunks:
            check_chunk(chunk, self.channels, limits)
        if self.semantics is not None:
            self.semantics.check(self.numbers, limits)

    def parts(self, limits: DecodeLimits, threads: int | None) -> Iterator[GaussianRows]:
        """The chunks, decoded one after the other, on ``threads`` threads at most."""
        largest = max((chunk[0].info.rows for chunk in self.chunks), default=0)
        memory = largest * self.channels * BYTES_PER_SYMBOL + CODER_BYTES
        jobs = ((chunk, [self.container.read(entry).body for entry in chunk], self.channels) for chunk in self.chunks)
        yield from in_order(decode_chunk, jobs, threads_for(len(self.chunks), memory, limits.max_memory_bytes, threads))


def open_gaussians(container: Container, chunks: Sequence[int] | None = None, semantics: bool = True) -> GaussianFile:
    """Read all but the bodies of chunks.

    Args:
        container: Of Gaussians.
        chunks: Numbers of those that are wanted; all by default.
        semantics: Whether objects are wanted, where there are some.

    Raises:
        FormatError: Damaged.
        ConfigError: There is no such chunk.
    """
    container.refuse_others(("META", *GAUSSIAN_KINDS, *SEMANTIC_KINDS), "a scene of Gaussians")
    meta, kinds = gaussian_meta_of(container), [container.chunks(kind) for kind in GAUSSIAN_KINDS]
    if len(kinds[0]) != len(kinds[1]):
        raise FormatError(f"{len(kinds[0])} chunks of positions, {len(kinds[1])} of Gaussians; the file is damaged")
    pairs = list(zip(*kinds, strict=True))
    numbers = list(range(len(pairs)) if chunks is None else chunks)
    for number in numbers:
        if not 0 <= number < len(pairs):
            raise ConfigError(f"chunk {number} does not exist; the file has chunks 0..{len(pairs) - 1}")
    whole = sorted(numbers) == list(range(len(pairs)))
    wanted = [pairs[number] for number in numbers]
    return GaussianFile(container, meta, numbers, wanted, whole, open_semantics(container) if semantics else None)


def decode_gaussians(
    container: Container,
    limits: DecodeLimits,
    chunks: Sequence[int] | None = None,
    threads: int | None = None,
    semantics: bool = True,
    edits: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CodedGaussians:
    """Decode a scene of Gaussians; arguments and errors as of ``format.decode.decode``."""
    with within_memory(limits):
        edited = edits_of(container) if edits else ()
        file = open_gaussians(container, chunks, semantics or any(map(targets_of, edited)))
        file.check(limits)
        parts = []
        for part in file.parts(limits, threads):
            parts.append(part)
            progress(len(parts), len(file.chunks))
        return _complete(file, parts, edited, limits, threads)


def decode_growing_gaussians(
    container: Container,
    order: Sequence[int],
    limits: DecodeLimits,
    threads: int | None = None,
    semantics: bool = True,
) -> Iterator[CodedGaussians]:
    """What is there of a scene after each chunk; see ``format.decode.decode_growing``."""
    with within_memory(limits):
        edited = edits_of(container)
        of_objects = any(map(targets_of, edited))
        file = open_gaussians(container, order, semantics or of_objects)
        file.check(limits)
        parts = []
        for part in file.parts(limits, threads):
            parts.append(part)
            if not of_objects and (len(parts) < len(file.chunks) or file.semantics is not None):
                yield CodedGaussians(_joined(parts, file.channels), file.meta, None, container.truncated, edited)
        yield _complete(file, parts, edited, limits, threads)


def _complete(
    file: GaussianFile,
    parts: Sequence[GaussianRows],
    edits: tuple[Edit, ...],
    limits: DecodeLimits,
    threads: int | None,
) -> CodedGaussians:
    """All rows, and what is known of them."""
    rows, layer = _joined(parts, file.channels), None
    if file.semantics is not None:
        known = SemanticRows(file.semantics, rows.grid)
        known.fill(file.numbers, limits, "auto", threads)
        layer = known.layer(file.meta.voxel_size, whole=file.whole)
    return CodedGaussians(rows, file.meta, layer, file.container.truncated, edits)


def _joined(parts: Sequence[GaussianRows], channels: int) -> GaussianRows:
    grids = [np.zeros((0, 3), np.int32), *(part.grid for part in parts)]
    values = [np.zeros((0, channels), np.int32), *(part.values for part in parts)]
    return GaussianRows(np.concatenate(grids), np.concatenate(values))
