"""Chunks of Gaussians: their sections POSI and SPLT, written and read side by side."""

import zlib
from collections.abc import Sequence

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int32
from csgaussian_ns.format.chunks import check_positions, check_room, decode_grid, positions_section
from csgaussian_ns.format.gaussians.rows import GaussianRows
from csgaussian_ns.format.kinds import Run, check_codec, compare_crc, info_of
from csgaussian_ns.format.layout import Entry, Section
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DecodeLimits
from csgaussian_ns.format.streams.mixing import most_bits
from csgaussian_ns.format.streams.splat_rows import decode_rows, encode_rows

GAUSSIAN_KINDS = ("POSI", "SPLT")


def encode_chunk(rows: GaussianRows, origin: Int32[np.ndarray, "3"], where: Run) -> tuple[Section, Section]:
    """Code one run of Gaussians.

    Args:
        rows: In Morton order, on distinct voxels.
        origin: ``positions.common_origin`` of the scene.
        where: Which run it is.
    """
    told = {"symbols": rows.values.size, "decoded_crc": _crc(rows.values)}
    body = encode_rows(rows.values, rows.grid)
    return positions_section(rows.grid, origin, where), Section(info_of("SPLT", where, **told), body)


def decode_chunk(entries: Sequence[Entry], bodies: Sequence[bytes | memoryview], channels: int) -> GaussianRows:
    """The inverse of ``encode_chunk``; each part is compared with its checksum.

    Raises:
        FormatError: Damaged.
    """
    info = entries[1].info
    grid = decode_grid(entries[0], bodies[0])
    values = decode_rows(bodies[1], grid, channels)
    compare_crc(info.decoded_crc, _crc(values), str(info))
    return GaussianRows(grid, values)


def check_chunk(entries: Sequence[Entry], channels: int, limits: DecodeLimits) -> None:
    """What the table of contents alone says about a chunk, before memory is taken for it.

    Raises:
        FormatError: It contradicts itself, or promises what so few bytes cannot hold.
        UnsupportedVersion: It is coded in an unknown way.
        LimitExceeded: It asks for more than ``limits`` allow.
    """
    position, splats = (entry.info for entry in entries)
    count = position.rows
    if not count == splats.rows > 0 or splats.symbols != count * channels:
        raise FormatError(
            f"{splats}: {splats.rows} Gaussians and {splats.symbols} values; expected at least one, those of the "
            f"positions, which are {count}, with {channels} values each"
        )
    check_positions(entries[0], limits)
    check_codec(splats)
    limits.check("max_symbols_per_chunk", splats.symbols, str(splats))
    limits.check("max_memory_bytes", splats.symbols * BYTES_PER_SYMBOL, str(splats))
    check_room(entries[1], splats.symbols, most_bits)


def _crc(values: Int32[np.ndarray, "N C"]) -> int:
    """CRC-32 of the values as little-endian int32, row by row."""
    return zlib.crc32(np.ascontiguousarray(values, "<i4").data)
