"""Chunks of anchors: their sections POSI, MASK and COLR, written and read side by side."""

import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Bool, Float, Int32, Int64
from csgaussian_ns.format.attribute_streams import check_values, decode_values, encode_values
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.checks import values_crc
from csgaussian_ns.format.kinds import Run, check_codec, compare_crc, info_of
from csgaussian_ns.format.layout import Entry, Section
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.streams.coders import Coder
from csgaussian_ns.format.streams.mixing import most_bits
from csgaussian_ns.format.streams.offset_masks import decode_masks, encode_masks
from csgaussian_ns.format.streams.positions import decode_positions, encode_positions, most_points, positions_crc

ANCHOR_KINDS = ("POSI", "MASK", "COLR")
CHUNK_ANCHORS = 16_384
"""Anchors of a chunk, where a writer has no reason for another number."""


class CodedChunk(NamedTuple):
    """The sections of one chunk, and the ideal code length of its colours in bits."""

    positions: Section
    masks: Section
    colours: Section
    ideal_bits: float


class Chunk(NamedTuple):
    """A decoded chunk: voxels, which offsets are kept, and channels in 1/2**16 base step."""

    grid: Int32[np.ndarray, "A 3"]
    mask: Bool[np.ndarray, "A K"]
    values: Int64[np.ndarray, "A D"]


def encode_chunk(
    model: IntegerModel,
    layout: AttributeLayout,
    grid: Int32[np.ndarray, "A 3"],
    mask: Bool[np.ndarray, "A K"],
    values: Float[np.ndarray, "A D"],
    origin: Int32[np.ndarray, "3"],
    where: Run,
    coder: Coder = Coder.RANS,
) -> CodedChunk:
    """Code one run of anchors.

    Args:
        model: The shared model.
        layout: Its attributes.
        grid: Voxels, in Morton order.
        mask: Which offsets are kept.
        values: Channels in base steps.
        origin: ``positions.common_origin`` of the scene.
        where: Which run it is.
        coder: Of the colours.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    colours = encode_values(model, grid, layout.coded(mask), values, coder)
    said = {**colours.fields, "decoded_crc": values_crc(colours.values)}
    return CodedChunk(
        positions_section(grid, origin, where),
        Section(info_of("MASK", where, symbols=mask.size, decoded_crc=_masks_crc(mask)), encode_masks(mask)),
        Section(info_of("COLR", where, **said), colours.stream),
        colours.ideal_bits,
    )


def decode_chunk(
    entries: Sequence[Entry],
    bodies: Sequence[bytes | memoryview],
    model: IntegerModel,
    layout: AttributeLayout,
    arithmetic: Arithmetic = "auto",
) -> Chunk:
    """The inverse of ``encode_chunk``; each part is compared with its checksum.

    Raises:
        FormatError: Damaged.
    """
    position, masking, colour = (entry.info for entry in entries)
    grid = decode_grid(entries[0], bodies[0])
    mask = decode_masks(bodies[1], position.rows, layout.num_offsets)
    compare_crc(masking.decoded_crc, _masks_crc(mask), str(masking))
    values = decode_values(colour, model, grid, layout.coded(mask), bodies[2], arithmetic)
    compare_crc(colour.decoded_crc, values_crc(values), str(colour))
    return Chunk(grid, mask, values)


def positions_section(grid: Int32[np.ndarray, "A 3"], origin: Int32[np.ndarray, "3"], where: Run) -> Section:
    """POSI of a run; arguments as of ``encode_chunk``."""
    return Section(info_of("POSI", where, decoded_crc=positions_crc(grid)), encode_positions(grid, origin))


def decode_grid(entry: Entry, body: bytes | memoryview) -> Int32[np.ndarray, "A 3"]:
    """Voxels of a chunk from its section POSI, compared with their checksum.

    Raises:
        FormatError: Damaged.
    """
    grid = decode_positions(body, entry.info.rows)
    compare_crc(entry.info.decoded_crc, positions_crc(grid), str(entry.info))
    return grid


def check_chunk(entries: Sequence[Entry], layout: AttributeLayout, limits: DecodeLimits) -> None:
    """What the table of contents alone says about a chunk, before memory is taken for it.

    Raises:
        FormatError: It contradicts itself, or promises what so few bytes cannot hold.
        UnsupportedVersion: It is coded in an unknown way.
        LimitExceeded: It asks for more than ``limits`` allow.
        BackendUnavailable: Its coder is not installed.
    """
    position, masking, colour = (entry.info for entry in entries)
    count, bits = position.rows, position.rows * layout.num_offsets
    if not count == masking.rows == colour.rows:
        raise FormatError(f"{colour}: positions, masks and colours of chunk {position.chunk} differ in their anchors")
    check_positions(entries[0], limits)
    check_codec(masking)
    if masking.symbols != bits:
        raise FormatError(f"{masking}: promises {masking.symbols} symbols; {count} anchors have {bits} offsets")
    check_values(colour, layout.channels, limits)
    check_room(entries[1], bits, most_bits)


def check_positions(entry: Entry, limits: DecodeLimits) -> None:
    """The same about the positions of a chunk."""
    check_codec(entry.info)
    limits.check("max_memory_bytes", entry.info.rows * BYTES_PER_SYMBOL, str(entry.info))
    check_room(entry, entry.info.rows, most_points)


def check_room(entry: Entry, values: int, most: Callable[[int], int]) -> None:
    """Refuse a body that is too short for what it promises.

    Raises:
        FormatError: It is.
    """
    if values > most(entry.length):
        raise FormatError(
            f"{entry.info}: {entry.info.rows} anchors cannot come from {entry.length} bytes; the file is damaged"
        )


def _masks_crc(mask: Bool[np.ndarray, "A K"]) -> int:
    return zlib.crc32(np.packbits(mask, axis=None).tobytes())
