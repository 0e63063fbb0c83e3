"""From the bytes of a ``.csg`` file to a scene that can be rendered. The input is not trusted."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64
from torch import Tensor

from csgaussian_ns.codec import sections as bodies
from csgaussian_ns.codec.checks import check_codec, check_known_answer, compare_crc, values_crc
from csgaussian_ns.codec.coders import Coder, coder_numbered
from csgaussian_ns.codec.colour import decode_colour
from csgaussian_ns.codec.decode_semantics import SemanticReader, SemanticRows, open_semantics
from csgaussian_ns.codec.encode import coded_symbols
from csgaussian_ns.codec.scene import CodedScene, SceneMeta
from csgaussian_ns.codec.threads import run_in_order, threads_for
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import AttributeLayout
from csgaussian_ns.entropy.integer import IntegerColourModel
from csgaussian_ns.entropy.integer_prior import real_values
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.layout import Entry
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.streams.masks import decode_masks
from csgaussian_ns.format.streams.positions import decode_positions, positions_crc
from csgaussian_ns.quant.fixed_point import Arithmetic

BYTES_PER_SYMBOL = 64
"""Memory that decoding a chunk takes at most, per channel of an anchor; measured 40."""


def decode(
    source: str | Path | bytes | bytearray | memoryview | BufferedIOBase,
    limits: DecodeLimits = DEFAULT_LIMITS,
    chunks: Sequence[int] | None = None,
    arithmetic: Arithmetic = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
    threads: int | None = None,
    semantics: bool = True,
) -> CodedScene:
    """Decode a scene.

    Args:
        source: Path, content, or an open seekable file; from the latter only what is needed is read.
        limits: What to refuse before memory is taken.
        chunks: Numbers of the chunks to decode; all by default.
        arithmetic: Of the entropy networks; never changes the result.
        progress: Called with the number of chunks done and in all.
        threads: Chunks decoded side by side, at most; by default one per core. Never changes the result.
        semantics: Decode the semantic layer too, where the file has one that is complete.

    Raises:
        FormatError: Not a ``.csg`` file, damaged, or cut before the end of its colours.
        UnsupportedVersion: It needs a newer reader.
        LimitExceeded: It asks for more than ``limits`` allow.
        BackendUnavailable: Its symbols are coded by torchac, which is not installed.
    """
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return decode(file, limits, chunks, arithmetic, progress, threads, semantics)
    container = read_container(source, limits)  # type: ignore[arg-type]
    meta = read_meta(container)
    layout = AttributeLayout(meta.feature_dim, meta.num_offsets, meta.base_steps)
    model = bodies.read_entropy_networks(bodies.content_of(container, "NETE"), layout)
    decoders = bodies.read_decoders(bodies.content_of(container, "NETR"), meta.feature_dim, meta.num_offsets)
    entries = _chunks(container)
    numbers = [_checked(number, len(entries)) for number in (range(len(entries)) if chunks is None else chunks)]
    entries = [entries[number] for number in numbers]
    meanings = open_semantics(container) if semantics else None
    anchors = sum(trio[2].info.anchors for trio in entries)
    limits.check("max_memory_bytes", _memory(anchors, layout, meanings), "the decoded scene")
    largest = max((trio[2].info.anchors for trio in entries), default=0) * layout.channels * BYTES_PER_SYMBOL
    scene = _Rows(anchors, layout, meta)

    def jobs() -> Iterator[tuple]:
        for trio in entries:
            _check_bounds(trio, layout, limits)
            yield trio, [container.read(entry).body for entry in trio], model, arithmetic

    def take(decoded: tuple[Tensor, Tensor, Tensor]) -> None:
        scene.put(*decoded)
        progress(scene.chunks, len(entries))

    count = threads_for(len(entries), largest, limits.max_memory_bytes, threads)
    run_in_order(_decode_chunk, jobs(), count, take)
    layer = None
    if meanings is not None:
        rows = SemanticRows(meanings, scene.grid)
        rows.fill(numbers, limits, arithmetic, threads)
        layer = rows.layer(meta.voxel_size, whole=chunks is None)
    return CodedScene(scene.grid, scene.anchors(), decoders, meta, layer, container.truncated)


def read_meta(container: Container) -> SceneMeta:
    """The facts of an open file."""
    return bodies.read_meta(bodies.content_of(container, "META"))


def _memory(anchors: int, layout: AttributeLayout, meanings: SemanticReader | None) -> int:
    """Bytes that the decoded scene takes."""
    colour = anchors * (layout.channels + layout.num_offsets + 6) * 4
    return colour if meanings is None else colour + meanings.memory(anchors)


def _checked(number: int, count: int) -> int:
    if not 0 <= number < count:
        raise ValueError(f"chunk {number} does not exist; the file has chunks 0..{count - 1}")
    return number


def _chunks(container: Container) -> list[tuple[Entry, ...]]:
    """POSI, MASK and COLR of every chunk."""
    kinds = {kind: container.chunks(kind) for kind in ("POSI", "MASK", "COLR")}
    counts = {kind: len(entries) for kind, entries in kinds.items()}
    if len(set(counts.values())) > 1:
        raise FormatError(f"chunks of the kinds differ in number: {counts}; the file is damaged")
    return list(zip(*kinds.values(), strict=True))


def _check_bounds(trio: tuple[Entry, ...], layout: AttributeLayout, limits: DecodeLimits) -> None:
    """What the table of contents alone says about a chunk, before memory is taken for it."""
    position, masking, colour = (entry.info for entry in trio)
    if not position.anchors == masking.anchors == colour.anchors:
        raise FormatError(f"{colour}: positions, masks and colours of chunk {position.chunk} differ in their anchors")
    check_codec(position)
    check_codec(masking)
    coder_numbered(colour.codec, str(colour))
    symbols = position.anchors * layout.channels
    if masking.symbols != masking.anchors * layout.num_offsets:
        raise FormatError(
            f"{masking}: promises {masking.symbols} symbols; {masking.anchors} anchors have "
            f"{masking.anchors * layout.num_offsets} offsets"
        )
    limits.check("max_symbols_per_chunk", symbols, str(colour))
    limits.check("max_memory_bytes", symbols * BYTES_PER_SYMBOL, str(colour))


def _decode_chunk(
    trio: tuple[Entry, ...],
    streams: Sequence[bytes | memoryview],
    model: IntegerColourModel,
    arithmetic: Arithmetic,
) -> tuple[Int32[Tensor, "A 3"], Bool[Tensor, "A K"], Int64[Tensor, "A D"]]:
    """Voxels, masks and channels of one chunk, each compared with its checksum."""
    position, masking, colour = (entry.info for entry in trio)
    count = position.anchors
    grid = decode_positions(streams[0], count)
    compare_crc(position.decoded_crc, positions_crc(grid), str(position))
    bits = decode_masks(streams[1], count, model.layout.num_offsets)
    compare_crc(masking.decoded_crc, zlib.crc32(np.packbits(bits, axis=None).tobytes()), str(masking))
    mask, voxels = torch.from_numpy(bits), torch.from_numpy(grid)
    if colour.symbols != coded_symbols(model, mask):
        raise FormatError(
            f"{colour}: promises {colour.symbols} symbols, its masks ask for {coded_symbols(model, mask)}"
        )
    check_known_answer(colour.known_answer_crc, model.hyperprior, voxels, str(colour), arithmetic)
    decoded = decode_colour(model, voxels, mask, streams[2], arithmetic, Coder(colour.codec))
    compare_crc(colour.decoded_crc, values_crc(decoded), str(colour))
    return voxels, mask, decoded


class _Rows:
    """The attributes of a scene, filled chunk by chunk so that integers are kept for chunks in work alone."""

    def __init__(self, count: int, layout: AttributeLayout, meta: SceneMeta) -> None:
        self.chunks = 0
        self.grid = torch.empty(count, 3, dtype=torch.int32)
        self._values = [torch.empty(count, size) for size in layout.sizes]
        self._mask = torch.empty(count, layout.num_offsets)
        self._layout, self._voxel_size, self._filled = layout, meta.voxel_size, 0

    def put(self, grid: Int32[Tensor, "A 3"], mask: Bool[Tensor, "A K"], values: Int64[Tensor, "A D"]) -> None:
        """Add a chunk."""
        rows = slice(self._filled, self._filled + len(grid))
        self.grid[rows], self._mask[rows] = grid, mask.to(torch.float32)
        parts = real_values(values, self._layout).split(self._layout.sizes, dim=1)
        for target, part in zip(self._values, parts, strict=True):
            target[rows] = part
        self.chunks, self._filled = self.chunks + 1, rows.stop

    def anchors(self) -> Anchors:
        """Everything, once all chunks are there."""
        feature, scaling, offset = self._values
        position = self.grid.to(torch.float32) * torch.tensor(self._voxel_size, dtype=torch.float32)
        shaped = offset.reshape(len(self.grid), self._layout.num_offsets, 3)
        return Anchors(position, feature, shaped, scaling, self._mask)
