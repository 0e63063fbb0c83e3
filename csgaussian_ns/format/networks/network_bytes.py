"""Integer networks as bytes: the normative layout of a network inside a ``.csg`` file.

Little endian, no padding. First all headers, then the numbers, kind by kind, so that a general compressor meets long
runs of one kind:

    u8   number of layers, 1..16
    u16  number of inputs of the first layer, 1..4096
    u16  largest magnitude of an input, 1..32767
    per layer:  u16 outputs 1..4096, u8 shift 1..40, i32 lowest, i32 highest
    per layer:  u16 multiplier per output, 1..32767
    per layer:  i32 bias per output
    per layer:  i8  weight [output, input], a row after the other

The length must match exactly. What cannot be evaluated exactly (``fixed_point.IntegerNetwork``) is rejected.
"""

import struct

import numpy as np

from csgaussian_ns.core.errors import FormatError, QuantisationError
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork

MAX_LAYERS = 16
MAX_WIDTH = 4096
_HEAD = struct.Struct("<BHH")
_LAYER = struct.Struct("<HBii")


def to_bytes(network: IntegerNetwork) -> bytes:
    """The network in the layout above.

    Raises:
        QuantisationError: More layers or wider ones than the format holds.
    """
    layers = network.layers
    if len(layers) > MAX_LAYERS or max(network.num_inputs, *(len(layer.bias) for layer in layers)) > MAX_WIDTH:
        raise QuantisationError(f"networks have at most {MAX_LAYERS} layers of at most {MAX_WIDTH} units")
    head = _HEAD.pack(len(layers), network.num_inputs, network.input_limit)
    headers = [_LAYER.pack(len(layer.bias), layer.shift, layer.lowest, layer.highest) for layer in layers]
    multipliers = [layer.multiplier.astype("<u2").tobytes() for layer in layers]
    biases = [layer.bias.astype("<i4").tobytes() for layer in layers]
    weights = [layer.weight.tobytes() for layer in layers]
    return b"".join([head, *headers, *multipliers, *biases, *weights])


def from_bytes(data: bytes | memoryview) -> IntegerNetwork:
    """Read what ``to_bytes`` wrote. Untrusted input: memory stays within a small multiple of ``len(data)``.

    Raises:
        FormatError: Not the layout above, or a network that cannot be evaluated exactly.
    """
    reader = ByteReader(data, "integer network")
    count, inputs, input_limit = reader.unpack(_HEAD)
    if not 1 <= count <= MAX_LAYERS or not 1 <= inputs <= MAX_WIDTH:
        raise FormatError(f"integer network: {count} layers or {inputs} inputs are out of range")
    headers = [reader.unpack(_LAYER) for _ in range(count)]
    outputs = [header[0] for header in headers]
    if not all(1 <= width <= MAX_WIDTH for width in outputs):
        raise FormatError(f"integer network: a layer's width is out of 1..{MAX_WIDTH}: {outputs}")
    shapes = list(zip(outputs, [inputs, *outputs[:-1]], strict=True))
    expected = _HEAD.size + count * _LAYER.size + sum(rows * (2 + 4 + columns) for rows, columns in shapes)
    if len(data) != expected:
        raise FormatError(f"integer network: {len(data)} bytes, its headers ask for {expected}")
    multipliers = [reader.array("<u2", rows).astype(np.int64) for rows in outputs]
    biases = [reader.array("<i4", rows).astype(np.int64) for rows in outputs]
    weights = [reader.array("i1", rows * columns).reshape(rows, columns) for rows, columns in shapes]
    try:
        layers = tuple(
            IntegerLayer(weight, bias, multiplier, shift, lowest, highest)
            for weight, bias, multiplier, (_, shift, lowest, highest) in zip(
                weights, biases, multipliers, headers, strict=True
            )
        )
        return IntegerNetwork(layers, input_limit)
    except QuantisationError as error:
        raise FormatError(str(error)) from error
