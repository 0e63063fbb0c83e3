"""The render networks (NETR): they turn decoded features into Gaussians, so small errors in them only blur.

Layout, little endian: u8 number of networks; per network u8 number of layers; per layer u16 outputs, u16 inputs,
u8 precision (16: float16 weights; 8: int8 weights times one float32 scale per output), then the scales (precision 8
only), the biases as float32, the weights row by row. ReLU between layers is implied.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from csgaussian_ns.core.byte_reader import ByteReader
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.format.int8_rows import to_int8

MAX_NETWORKS, MAX_LAYERS, MAX_WIDTH = 16, 8, 4096
WEIGHT_BITS = (4, 5, 6, 7, 8, 16)
VIEW_CHANNELS = 4
"""Inputs beside the feature."""
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
    """NETR; arguments as of ``weights_to_bytes``."""
    return weights_to_bytes([networks.opacity, networks.covariance, networks.color], bits)


def read_render_networks(data: bytes, feature_dim: int, num_offsets: int) -> RenderNetworks:
    """The inverse of ``write_render_networks``.

    Raises:
        FormatError: Not three networks with the inputs and outputs that the attributes need.
    """
    networks = weights_from_bytes(data)
    inputs, hidden = feature_dim + VIEW_CHANNELS, networks[0][0].weight.shape[0]
    shapes = [[layer.weight.shape for layer in layers] for layers in networks]
    expected = [[(hidden, inputs), (channels * num_offsets, hidden)] for channels in (1, 7, 3)]
    if shapes != expected:
        raise FormatError(f"NETR: networks have shapes {quoted(shapes)}; the attributes need {expected}")
    return RenderNetworks(*networks)


def weights_to_bytes(networks: Sequence[Layers], bits: int) -> bytes:
    """Networks in the layout above.

    Args:
        networks: Layers of each.
        bits: Per weight: 4 to 8, which are all stored as int8, or 16.
    """
    if bits not in WEIGHT_BITS:
        raise ValueError(f"weights have 4 to 8 or 16 bits, not {bits}")
    precision = max(bits, 8)
    parts = [struct.pack("<B", len(networks))]
    for layers in networks:
        parts.append(struct.pack("<B", len(layers)))
        for weight, bias in layers:
            parts.append(_LAYER.pack(*weight.shape, precision))
            offsets = bias.astype("<f4").tobytes()
            if precision == 16:
                parts += [offsets, weight.astype("<f2").tobytes()]
            else:
                scale, integers = to_int8(weight, bits)
                parts += [scale.astype("<f4").tobytes(), offsets, integers.tobytes()]
    return b"".join(parts)


def weights_from_bytes(data: bytes | memoryview) -> list[Layers]:
    """Read what ``weights_to_bytes`` wrote. Untrusted: nothing is allocated beyond the length of ``data``.

    Raises:
        FormatError: Not the layout above, or numbers that are not finite.
    """
    reader = ByteReader(data, "render networks")
    networks = []
    for _ in range(_count(reader, MAX_NETWORKS, "networks")):
        layers: list[RenderLayer] = []
        for _ in range(_count(reader, MAX_LAYERS, "layers")):
            layers.append(_layer(reader))
            if len(layers) > 1 and layers[-1].weight.shape[1] != layers[-2].weight.shape[0]:
                raise FormatError("render networks: a layer does not fit the one before it")
        networks.append(tuple(layers))
    reader.end()
    return networks


def _count(reader: ByteReader, limit: int, what: str) -> int:
    (number,) = reader.take(1)
    if not 1 <= number <= limit:
        raise FormatError(f"render networks: {number} {what}; allowed are 1..{limit}")
    return number


def _layer(reader: ByteReader) -> RenderLayer:
    rows, columns, precision = reader.unpack(_LAYER)
    if not (1 <= rows <= MAX_WIDTH and 1 <= columns <= MAX_WIDTH) or precision not in (8, 16):
        raise FormatError(f"render networks: a layer of {rows}x{columns} with {precision} bits cannot be")
    scale = _numbers(reader, "<f4", rows)[:, None] if precision == 8 else np.ones((1, 1), np.float32)
    bias = _numbers(reader, "<f4", rows)
    stored = _numbers(reader, "<f2" if precision == 16 else "i1", rows * columns).reshape(rows, columns)
    with np.errstate(over="ignore"):
        weight = stored * scale
    if not np.isfinite(weight).all():
        raise FormatError("render networks: a weight is not finite")
    return RenderLayer(weight, bias)


def _numbers(reader: ByteReader, kind: str, count: int) -> np.ndarray:
    values = reader.array(kind, count).astype(np.float32)
    if not np.isfinite(values).all():
        raise FormatError("render networks: a number is not finite")
    return values
