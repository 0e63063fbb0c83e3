"""From the bytes of a ``.csg`` file to a scene that can be rendered. The input is not trusted."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64
from torch import Tensor

from csgaussian_ns.codec import sections as bodies
from csgaussian_ns.codec.checks import check_known_answer, compare_crc, values_crc
from csgaussian_ns.codec.colour import decode_colour
from csgaussian_ns.codec.container import Container, read_container
from csgaussian_ns.codec.decode_semantics import open_semantics
from csgaussian_ns.codec.encode import coded_symbols
from csgaussian_ns.codec.layout import Entry
from csgaussian_ns.codec.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.codec.masks import decode_masks
from csgaussian_ns.codec.positions import decode_positions, positions_crc
from csgaussian_ns.codec.scene import CodedScene, SceneMeta
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import AttributeLayout
from csgaussian_ns.entropy.integer import IntegerColourModel
from csgaussian_ns.entropy.integer_prior import real_values
from csgaussian_ns.quant.fixed_point import Arithmetic

BYTES_PER_SYMBOL = 64
"""Memory that decoding a chunk takes at most, per channel of an anchor; measured 40."""


def decode(
    source: str | Path | bytes | bytearray | memoryview | BufferedIOBase,
    limits: DecodeLimits = DEFAULT_LIMITS,
    chunks: Sequence[int] | None = None,
    arithmetic: Arithmetic = "auto",
    progress: Callable[[int, int], None] = lambda done, total: None,
    semantics: bool = True,
) -> CodedScene:
    """Decode a scene.

    Args:
        source: Path, content, or an open seekable file; from the latter only what is needed is read.
        limits: What to refuse before memory is taken.
        chunks: Numbers of the chunks to decode; all by default.
        arithmetic: Of the entropy networks; never changes the result.
        progress: Called with the number of chunks done and in all.
        semantics: Decode the semantic layer too, where the file has one that is complete.

    Raises:
        FormatError: Not a ``.csg`` file, damaged, or cut before the end of its colours.
        UnsupportedVersion: It needs a newer reader.
        LimitExceeded: It asks for more than ``limits`` allow.
    """
    if isinstance(source, str | Path):
        with open(source, "rb") as file:
            return decode(file, limits, chunks, arithmetic, progress, semantics)
    container = read_container(source, limits)  # type: ignore[arg-type]
    meta = read_meta(container)
    layout = AttributeLayout(meta.feature_dim, meta.num_offsets, meta.base_steps)
    model = bodies.read_entropy_networks(bodies.content_of(container, "NETE"), layout)
    decoders = bodies.read_decoders(bodies.content_of(container, "NETR"), meta.feature_dim, meta.num_offsets)
    entries = list(zip(*(container.chunks(kind) for kind in ("POSI", "MASK", "COLR")), strict=True))
    wanted = [_checked(number, len(entries)) for number in (range(len(entries)) if chunks is None else chunks)]
    reader = open_semantics(container) if semantics else None
    grids, masks, values, meanings = [], [], [], []
    for done, number in enumerate(wanted):
        grid, mask, decoded = _decode_chunk(container, entries[number], model, limits, arithmetic)
        grids.append(torch.from_numpy(grid))
        masks.append(mask)
        values.append(decoded)
        if reader is not None:
            meanings.append(reader.chunk(number, grids[-1], limits, arithmetic))
        progress(done + 1, len(wanted))
    scene = _assemble(grids, masks, values, layout, meta, decoders)
    layer = None if reader is None else reader.layer(meanings, scene.grid, meta.voxel_size, chunks is None)
    return replace(scene, semantics=layer, truncated=container.truncated)


def read_meta(container: Container) -> SceneMeta:
    """The facts of an open file."""
    return bodies.read_meta(bodies.content_of(container, "META"))


def _checked(number: int, count: int) -> int:
    if not 0 <= number < count:
        raise ValueError(f"chunk {number} does not exist; the file has chunks 0..{count - 1}")
    return number


def _decode_chunk(
    container: Container,
    trio: tuple[Entry, ...],
    model: IntegerColourModel,
    limits: DecodeLimits,
    arithmetic: Arithmetic,
) -> tuple[Int32[np.ndarray, "A 3"], Bool[Tensor, "A K"], Int64[Tensor, "A D"]]:
    """Voxels, masks and channels of one chunk, each compared with its checksum."""
    position, masking, colour = (entry.info for entry in trio)
    count = position.anchors
    if not count == masking.anchors == colour.anchors:
        raise FormatError(f"{colour}: positions, masks and colours of chunk {position.chunk} differ in their anchors")
    symbols = count * model.layout.channels
    limits.check("max_symbols_per_chunk", symbols, str(colour))
    limits.check("max_memory_bytes", symbols * BYTES_PER_SYMBOL, str(colour))
    grid = decode_positions(container.read(trio[0]).body, count)
    compare_crc(position.decoded_crc, positions_crc(grid), str(position))
    bits = decode_masks(container.read(trio[1]).body, count, model.layout.num_offsets)
    compare_crc(masking.decoded_crc, zlib.crc32(np.packbits(bits, axis=None).tobytes()), str(masking))
    mask, voxels = torch.from_numpy(bits), torch.from_numpy(grid)
    if colour.symbols != coded_symbols(model, mask):
        raise FormatError(
            f"{colour}: promises {colour.symbols} symbols, its masks ask for {coded_symbols(model, mask)}"
        )
    check_known_answer(colour.known_answer_crc, model.hyperprior, voxels, str(colour))
    decoded = decode_colour(model, voxels, mask, container.read(trio[2]).body, arithmetic)
    compare_crc(colour.decoded_crc, values_crc(decoded), str(colour))
    return grid, mask, decoded


def _assemble(
    grids: list[Tensor],
    masks: list[Tensor],
    values: list[Tensor],
    layout: AttributeLayout,
    meta: SceneMeta,
    decoders: torch.nn.Module,
) -> CodedScene:
    """Integers to attributes."""
    grid = torch.cat([torch.zeros(0, 3, dtype=torch.int32), *grids])
    flat = torch.cat([torch.zeros(0, layout.channels, dtype=torch.int64), *values])
    mask = torch.cat([torch.zeros(0, layout.num_offsets, dtype=torch.bool), *masks])
    feature, scaling, offset = real_values(flat, layout).split(layout.sizes, dim=-1)
    position = grid.to(torch.float32) * torch.tensor(meta.voxel_size, dtype=torch.float32)
    shaped = offset.reshape(len(grid), layout.num_offsets, 3)
    anchors = Anchors(position, feature, shaped, scaling, mask.to(torch.float32))
    return CodedScene(grid, anchors, decoders, meta)  # type: ignore[arg-type]
