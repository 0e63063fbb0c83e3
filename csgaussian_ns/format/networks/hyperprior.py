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

from csgaussian_ns.core.errors import FormatError, QuantisationError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.encodings import ENCODINGS, IntegerEncoding, InterpolatedIntegers
from csgaussian_ns.format.networks.fixed_point import BLOCK_ROWS, Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.lattice_tables import read_lattices, write_lattices
from csgaussian_ns.format.networks.model import ChannelPrior
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from csgaussian_ns.format.networks.positional import MAX_EXTENT, VoxelBox
from csgaussian_ns.format.networks.steps import integer_log_steps, integer_steps, scale_rows

_HEAD = struct.Struct("<B3iI")
_LENGTH = struct.Struct("<I")


class IntegerPrior(NamedTuple):
    """What the hyperprior says of some anchors; see the module for units."""

    mean: Int64[np.ndarray, "A D"]
    log_scale: Int64[np.ndarray, "A D"]
    step: Int64[np.ndarray, "A T"]
    log_step: Int64[np.ndarray, "A T"]

    def channels(self, channels: slice, kind: int, family: int) -> ChannelPrior:
        """What is known of some channels of one attribute type.

        Args:
            channels: Which.
            kind: Number of their attribute type.
            family: First table of their distribution.
        """
        mean = self.mean[:, channels]
        row = scale_rows(self.log_scale[:, channels] - self.log_step[:, kind : kind + 1]) + family
        return ChannelPrior(mean, np.broadcast_to(self.step[:, kind : kind + 1], mean.shape), row.astype(np.uint8))


@dataclass(frozen=True)
class IntegerHyperprior:
    """Position to prior.

    Attributes:
        layout: Channels and base steps.
        encoding: Of the position.
        network: Encoding to mean, log spread, raw steps.
        beside: Inputs of the network behind the encoding.
    """

    layout: ChannelLayout
    encoding: IntegerEncoding
    network: IntegerNetwork
    beside: int = 0

    @property
    def operations(self) -> int:
        """Multiplications per anchor."""
        return self.encoding.operations + self.network.operations

    def prior(
        self,
        grid: Int[np.ndarray, "A 3"],
        arithmetic: Arithmetic = "auto",
        beside: Int[np.ndarray, "A n"] | None = None,
    ) -> IntegerPrior:
        """The prior of the anchors at the given voxels, with what the network reads behind the encoding, if anything.

        Raises:
            QuantisationError: Another number of these inputs.
        """
        given = 0 if beside is None else beside.shape[1]
        if given != self.beside:
            raise QuantisationError(f"this hyperprior takes {self.beside} inputs behind the encoding, got {given}")
        out = np.empty((len(grid), self.network.num_outputs), np.int64)
        for start in range(0, len(grid), BLOCK_ROWS):  # encodings may be wide
            rows = slice(start, start + BLOCK_ROWS)
            encoded = self.encoding(grid[rows])
            inputs = encoded if beside is None else np.concatenate([encoded, beside[rows]], axis=1)
            out[rows] = evaluate(self.network, inputs, arithmetic)
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


def read_hyperprior(data: bytes | memoryview, layout: ChannelLayout, beside: int = 0) -> IntegerHyperprior:
    """The inverse of ``write_hyperprior``, for the given channels, and so many inputs behind the encoding.

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
    expected = (encoding.channels + beside, 2 * layout.channels + layout.types)
    if (network.num_inputs, network.num_outputs) != expected or network.input_limit < encoding.LIMIT:
        raise FormatError(
            f"hyperprior: {network.num_inputs} inputs up to {network.input_limit} and {network.num_outputs} outputs; "
            f"encoding and attributes need {expected[0]} up to {encoding.LIMIT} and {expected[1]}"
        )
    return IntegerHyperprior(layout, encoding, network, beside)
