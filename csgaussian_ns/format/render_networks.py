"""The render networks (NETR): they turn decoded features into Gaussians, so small errors in them only blur.

Layout, little endian: u8 number of networks, 3; per network u8 number of layers, 2; per layer u16 outputs, u16 inputs,
u8 precision (16: float16 weights; 8: int8 weights times one float32 scale per output), then the scales (precision 8
only), the biases as float32, the weights row by row. ReLU between layers is implied.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.int8_rows import to_int8

MAX_WIDTH = 4096
WEIGHT_BITS = (4, 5, 6, 7, 8, 16)
VIEW_CHANNELS = 4
"""Inputs beside the feature."""
OUTPUTS = (1, 7, 3)
"""Per Gaussian, of the three networks."""
_LAYER = struct.Struct("<HHB")


class RenderLayer(NamedTuple):
    """One affine layer."""

    weight: Float32[np.ndarray, "outputs inputs"]
    bias: Float32[np.ndarray, " outputs"]


Layers = tuple[RenderLayer, ...]
"""In order of evaluation, with a ReLU between two."""


@dataclass(frozen=True)
class RenderNetworks:
    """Three networks of two layers each. They read (feature, unit direction from the camera, distance) of an anchor.

    Attributes:
        opacity: One output per Gaussian of the anchor; alpha is its tanh.
        covariance: Seven: raw scale factors (their sigmoid counts) and raw quaternion wxyz.
        color: Three; RGB is their sigmoid.
    """

    opacity: Layers
    covariance: Layers
    color: Layers

    @property
    def operations(self) -> int:
        """Multiplications per anchor."""
        return sum(layer.weight.size for layers in (self.opacity, self.covariance, self.color) for layer in layers)


def write_render_networks(networks: RenderNetworks, bits: int) -> bytes:
    """Networks in the layout above; ``bits`` per weight: 4 to 8, which are all stored as int8, or 16."""
    if bits not in WEIGHT_BITS:
        raise ValueError(f"weights have 4 to 8 or 16 bits, not {bits}")
    precision, parts = max(bits, 8), [bytes([len(OUTPUTS)])]
    for layers in (networks.opacity, networks.covariance, networks.color):
        parts.append(bytes([len(layers)]))
        for weight, bias in layers:
            parts.append(_LAYER.pack(*weight.shape, precision))
            offsets = bias.astype("<f4").tobytes()
            if precision == 16:
                parts += [offsets, weight.astype("<f2").tobytes()]
            else:
                scale, integers = to_int8(weight, bits)
                parts += [scale.astype("<f4").tobytes(), offsets, integers.tobytes()]
    return b"".join(parts)


def read_render_networks(data: bytes | memoryview, feature_dim: int, num_offsets: int) -> RenderNetworks:
    """The inverse of ``write_render_networks``. Untrusted: nothing is allocated beyond the length of ``data``.

    Raises:
        FormatError: Not the layout above, not the inputs and outputs that the attributes need, or not finite.
    """
    reader = ByteReader(data, "NETR")
    _expect(reader, len(OUTPUTS), "networks")
    networks = []
    for outputs in OUTPUTS:
        _expect(reader, 2, "layers")
        hidden, last = _layer(reader), _layer(reader)
        shapes, width = [hidden.weight.shape, last.weight.shape], len(hidden.bias)
        expected = [(width, feature_dim + VIEW_CHANNELS), (outputs * num_offsets, width)]
        if shapes != expected or (networks and width != len(networks[0][0].bias)):
            raise FormatError(f"NETR: a network has shapes {shapes}; expected {expected}, and one width in all")
        networks.append((hidden, last))
    reader.end()
    return RenderNetworks(*networks)


def _expect(reader: ByteReader, count: int, what: str) -> None:
    (number,) = reader.take(1)
    if number != count:
        raise FormatError(f"NETR: {number} {what}; expected {count}")


def _layer(reader: ByteReader) -> RenderLayer:
    rows, columns, precision = reader.unpack(_LAYER)
    if not (1 <= rows <= MAX_WIDTH and 1 <= columns <= MAX_WIDTH) or precision not in (8, 16):
        raise FormatError(f"NETR: a layer of {rows}x{columns} with {precision} bits cannot be")
    scale = _numbers(reader, "<f4", rows)[:, None] if precision == 8 else np.ones((1, 1), np.float32)
    bias = _numbers(reader, "<f4", rows)
    stored = _numbers(reader, "<f2" if precision == 16 else "i1", rows * columns).reshape(rows, columns)
    with np.errstate(over="ignore"):
        weight = stored * scale
    if not np.isfinite(weight).all():
        raise FormatError("NETR: a weight is not finite")
    return RenderLayer(weight, bias)


def _numbers(reader: ByteReader, kind: str, count: int) -> np.ndarray:
    values = reader.array(kind, count).astype(np.float32)
    if not np.isfinite(values).all():
        raise FormatError("NETR: a number is not finite")
    return values
