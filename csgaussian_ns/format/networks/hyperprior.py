"""The hyperprior: what encoder and decoder expect of an anchor's channels, bit for bit the same anywhere; its bytes.

Numbers: means in 1/256 base step, logs of spreads in 1/256 octave of the base step, raw steps in 1/64, steps and
decoded values in 1/2**16 base step. A decoded value is ``(mean << 8) + step * symbol``. The probability table of a
channel is found from ``log spread - log step``.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Int64, UInt8

from csgaussian_ns.core.errors import FormatError, QuantisationError
from csgaussian_ns.format.attributes import VALUE_BITS, ChannelLayout
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.encodings import ENCODINGS, IntegerEncoding, InterpolatedIntegers
from csgaussian_ns.format.networks.fixed_point import BLOCK_ROWS, Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.lattice_tables import read_lattices, write_lattices
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from csgaussian_ns.format.networks.positional import MAX_EXTENT, VoxelBox
from csgaussian_ns.format.networks.steps import MEAN_BITS, integer_log_steps, integer_steps, scale_rows
from csgaussian_ns.format.streams.symbol_tables import GAUSSIAN

SYMBOL_LIMIT = (1 << 24) - 1
"""Largest magnitude of a symbol; with it every decoded integer stays below 2**51."""
_HEAD = struct.Struct("<B3iI")
_LENGTH = struct.Struct("<I")


class IntegerPrior(NamedTuple):
    """What the hyperprior says of some anchors; see the module for units."""

    mean: Int64[np.ndarray, "A D"]
    log_scale: Int64[np.ndarray, "A D"]
    step: Int64[np.ndarray, "A T"]
    log_step: Int64[np.ndarray, "A T"]

    def channels(self, channels: slice, kind: int, family: int = GAUSSIAN) -> "ChannelPrior":
        """What is known of some channels of one attribute type.

        Args:
            channels: Which.
            kind: Number of their attribute type.
            family: First table of their distribution.
        """
        mean = self.mean[:, channels]
        row = scale_rows(self.log_scale[:, channels] - self.log_step[:, kind : kind + 1]) + family
        return ChannelPrior(mean, np.broadcast_to(self.step[:, kind : kind + 1], mean.shape), row.astype(np.uint8))


class ChannelPrior(NamedTuple):
    """What is known of some values just before their symbols are coded.

    Attributes:
        mean: In 1/256 base step.
        step: In 1/2**16 base step.
        table: Probability table of each symbol.
    """

    mean: Int64[np.ndarray, "*n"]
    step: Int64[np.ndarray, "*n"]
    table: UInt8[np.ndarray, "*n"]

    def symbols(self, values: Float[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """The symbols of real values in base steps. Only an encoder runs this, so it may use floats.

        Raises:
            QuantisationError: A value is not finite or too far from its mean to be coded.
        """
        centred = values.astype(np.float64) * 2**VALUE_BITS - (self.mean << (VALUE_BITS - MEAN_BITS))
        rounded = np.rint(centred / self.step)
        # NaN compares false, so it is caught too; converting it to an integer would give an arbitrary symbol.
        if not (np.abs(rounded) <= SYMBOL_LIMIT).all():
            raise QuantisationError(
                f"a value lies {np.abs(rounded).max():g} steps from its mean; at most {SYMBOL_LIMIT} can be coded: "
                "look for NaN or for a step that is too small"
            )
        return rounded.astype(np.int64)

    def values(self, symbols: Int64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Decoded values in 1/2**16 base step."""
        return (self.mean << (VALUE_BITS - MEAN_BITS)) + self.step * symbols.clip(-SYMBOL_LIMIT, SYMBOL_LIMIT)


@dataclass(frozen=True)
class IntegerHyperprior:
    """Position to prior.

    Attributes:
        layout: Channels and base steps.
        encoding: Of the position.
        network: Encoding to mean, log spread, raw steps.
    """

    layout: ChannelLayout
    encoding: IntegerEncoding
    network: IntegerNetwork

    @property
    def operations(self) -> int:
        """Multiplications per anchor."""
        return self.encoding.operations + self.network.operations

    def prior(self, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic = "auto") -> IntegerPrior:
        """The prior of the anchors at the given voxels."""
        out = np.empty((len(grid), self.network.num_outputs), np.int64)
        for start in range(0, len(grid), BLOCK_ROWS):  # encodings may be wide
            rows = slice(start, start + BLOCK_ROWS)
            out[rows] = evaluate(self.network, self.encoding(grid[rows]), arithmetic)
        channels = self.layout.channels
        mean, log_scale, raw = np.split(out, [channels, 2 * channels], axis=1)
        return IntegerPrior(mean, log_scale, integer_steps(raw), integer_log_steps(raw))


def pack_blocks(blocks: Sequence[bytes]) -> bytes:
    """Each block behind its length as u32: what ``ByteReader.block`` takes."""
    return b"".join(_LENGTH.pack(len(block)) + block for block in blocks)


def write_hyperprior(hyperprior: IntegerHyperprior) -> bytes:
    """u8 kind of the encoding, i32 x 3 corner and u32 extent of its box, then its tables and the network as blocks.

    Tables are those of ``networks.lattice_tables``; encodings without any have none.
    """
    encoding = hyperprior.encoding
    head = _HEAD.pack(encoding.KIND, *encoding.box.origin, encoding.box.extent)
    tables = write_lattices(encoding) if isinstance(encoding, InterpolatedIntegers) else b""
    return head + pack_blocks([tables, to_bytes(hyperprior.network)])


def read_hyperprior(data: bytes | memoryview, layout: ChannelLayout) -> IntegerHyperprior:
    """The inverse of ``write_hyperprior``, for the given channels.

    Raises:
        FormatError: Not this layout, an unknown encoding, or a network that fits neither it nor the channels.
    """
    reader = ByteReader(data, "hyperprior")
    kind, x, y, z, extent = reader.unpack(_HEAD)
    tables, weights = reader.block(), reader.block()
    reader.end()
    if extent > MAX_EXTENT:
        raise FormatError(f"hyperprior: extent {extent} is out of range 0..{MAX_EXTENT}")
    coded = ENCODINGS.get(kind)
    if coded is None:
        raise FormatError(f"hyperprior: its encoding has the unknown number {kind}")
    box, network = VoxelBox((x, y, z), extent), from_bytes(weights)
    if issubclass(coded, InterpolatedIntegers):
        encoding = coded(box, *read_lattices(tables, coded))
    elif tables:
        raise FormatError(f"hyperprior: {len(tables)} bytes of tables for an encoding without any")
    else:
        encoding = coded(box)
    expected = (encoding.channels, 2 * layout.channels + layout.types)
    if (network.num_inputs, network.num_outputs) != expected or network.input_limit < encoding.LIMIT:
        raise FormatError(
            f"hyperprior: {network.num_inputs} inputs up to {network.input_limit} and {network.num_outputs} outputs; "
            f"encoding and attributes need {expected[0]} up to {encoding.LIMIT} and {expected[1]}"
        )
    return IntegerHyperprior(layout, encoding, network)
