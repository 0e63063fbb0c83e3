"""Writer and reader of a hyperprior: spatial encoding and network, of colour or of any other attributes."""

import struct
from collections.abc import Sequence

from csgaussian_ns.codec.lattices import read_lattices, write_lattices
from csgaussian_ns.core.byte_reader import ByteReader
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.entropy.base import ChannelLayout
from csgaussian_ns.entropy.integer_prior import IntegerHyperprior
from csgaussian_ns.entropy.interpolated import InterpolatedIntegers
from csgaussian_ns.entropy.registry import coded_encoding
from csgaussian_ns.quant.network_bytes import from_bytes, to_bytes
from csgaussian_ns.quant.positional import MAX_EXTENT, VoxelBox

_HEAD = struct.Struct("<B3iI")
_LENGTH = struct.Struct("<I")


def pack_blocks(blocks: Sequence[bytes]) -> bytes:
    """Each block behind its length as u32: what ``ByteReader.block`` takes."""
    return b"".join(_LENGTH.pack(len(block)) + block for block in blocks)


def write_hyperprior(hyperprior: IntegerHyperprior) -> bytes:
    """u8 kind of the encoding, i32 x 3 corner and u32 extent of its box, then its tables and the network as blocks.

    Tables are those of ``codec.lattices``; encodings without any have none.
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
    coded = coded_encoding(kind)
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
