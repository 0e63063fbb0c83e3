"""Writer and reader of ``.spz`` files, version 3: all values in a byte or three, one attribute after another, in gzip.

Header, little endian: u32 magic ``NGSP``, u32 version, u32 Gaussians, u8 degree of harmonics, u8 fractional bits of
positions, u8 flags, u8 0. Then positions (3 x 24 bits fixed point), opacities (255 * alpha), colours of degree 0
(38.25 * coefficient + 127.5), logarithms of scales (16 * (x + 10)), quaternions (32 bits), and coefficients above
degree 0 (128 * x + 128), by coefficient and channel. Numbers are those of the PLY file, as gsply and splat-transform
take and give them: decision 0025. Source: README and packing code of nianticlabs/spz, read as a specification.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, UInt8

from csgaussian_ns.core.errors import ConfigError, FormatError, LimitExceeded
from csgaussian_ns.export.ply import unit
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, MAX_DEGREE
from csgaussian_ns.scene.splats import Splats

MAGIC = 0x5053474E
VERSION = 3
HEADER = struct.Struct("<IIIBBBB")
MOST_FRACTION_BITS = 20
"""After the point of coordinates below 8; farther ones leave fewer. Other writers take 12, wherever things are."""
MOST_BYTES = 1 << 32
"""Of what is unpacked."""
_LARGEST = (1 << 23) - 1
_COLOUR = 0.15 * 255
_MAGNITUDE = 511


def spz_bytes(splats: Splats) -> Iterator[bytes]:
    """The file, whole.

    Raises:
        ConfigError: Coordinates that 24 bits do not reach.
    """
    scene = splats.scene
    bits = _fraction_bits(scene.means)
    parts = [
        HEADER.pack(MAGIC, VERSION, len(splats), scene.degree, bits, 0, 0),
        np.rint(scene.means * 2.0**bits).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes(),
        _bytes_of(255 * scene.opacities),
        _bytes_of(_COLOUR * scene.harmonics[:, 0] + 127.5),
        _bytes_of(16 * (np.log(scene.scales) + 10)),
        _packed_quats(unit(scene.quats)).tobytes(),
        _bytes_of(128 * scene.harmonics[:, 1:] + 128),
    ]
    yield gzip.compress(b"".join(parts), 6, mtime=0)


def _fraction_bits(means: Float32[np.ndarray, "N 3"]) -> int:
    farthest = float(np.abs(means).max(initial=1e-9))
    bits = min(MOST_FRACTION_BITS, math.floor(math.log2(_LARGEST / farthest)))
    if bits < 0:
        raise ConfigError(f"coordinates of up to {farthest:.3g} do not fit into .spz (2^23); export PLY, or a --box")
    return bits


def _packed_quats(quats: Float32[np.ndarray, "N 4"]) -> np.ndarray:
    """Place of the largest of x, y, z, w in the two highest bits, then the others: a sign and nine bits each."""
    xyzw = quats[:, [1, 2, 3, 0]].astype(np.float64)
    largest = np.abs(xyzw).argmax(axis=1)
    xyzw *= np.where(xyzw[np.arange(len(xyzw)), largest] < 0, -1, 1)[:, None]
    magnitude = np.rint(np.abs(xyzw) * (_MAGNITUDE * math.sqrt(2))).clip(max=_MAGNITUDE).astype(np.uint32)
    coded = magnitude | ((xyzw < 0).astype(np.uint32) << np.uint32(9))
    packed = largest.astype(np.uint32)
    for part in range(4):
        packed = np.where(largest == part, packed, (packed << np.uint32(10)) | coded[:, part])
    return packed.astype("<u4")


def read_spz(data: bytes) -> GaussianScene:
    """Read a file of version 3. The input is not trusted.

    Raises:
        FormatError: Not such a file, damaged, or cut.
        LimitExceeded: It would take more than ``MOST_BYTES``.
    """
    plain = _unpacked(data)
    if len(plain) < HEADER.size:
        raise FormatError("not a .spz file: it is shorter than a header")
    magic, version, count, degree, bits, _, _ = HEADER.unpack_from(plain)
    if magic != MAGIC or version != VERSION or degree > MAX_DEGREE:
        raise FormatError(f"not a .spz file of version {VERSION} and degree 0 to {MAX_DEGREE}")
    rest = COEFFICIENTS[degree] - 1
    sizes = [size * count for size in (9, 1, 3, 3, 4, 3 * rest)]
    if len(plain) < HEADER.size + sum(sizes):
        raise FormatError(f"the .spz file is cut: {count} Gaussians take {HEADER.size + sum(sizes)} bytes")
    edges = np.cumsum([HEADER.size, *sizes])
    places, alphas, colours, scales, quats, sh = (
        np.frombuffer(plain, np.uint8, size, first) for first, size in zip(edges[:-1].tolist(), sizes, strict=True)
    )
    whole = np.zeros((3 * count, 4), np.uint8)
    whole[:, 1:] = places.reshape(-1, 3)
    means = (whole.view("<i4")[:, 0] >> 8).reshape(-1, 3) / 2.0**bits
    harmonics = np.concatenate(
        [(_floats(colours, 3) - 127.5)[:, None] / _COLOUR, (_floats(sh, 1).reshape(count, rest, 3) - 128) / 128], axis=1
    )
    return GaussianScene(
        means.astype(np.float32),
        _unpacked_quats(quats.view("<u4")),
        np.exp(_floats(scales, 3) / np.float32(16) - np.float32(10)),
        _floats(alphas, 1)[:, 0] / np.float32(255),
        harmonics.astype(np.float32),
    )


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = unpacker.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise FormatError(f"not a .spz file of version 1 to {VERSION}: {error}") from error
    if unpacker.unconsumed_tail:
        raise LimitExceeded(f"the .spz file unpacks to more than {MOST_BYTES} bytes")
    return plain


def _unpacked_quats(packed: np.ndarray) -> Float32[np.ndarray, "N 4"]:
    largest, xyzw, packed = (packed >> 30).astype(np.int64), np.zeros((len(packed), 4)), packed.copy()
    for part in (3, 2, 1, 0):
        stored = largest != part
        value = (packed & 511) * (math.sqrt(0.5) / _MAGNITUDE) * np.where(packed & 512, -1, 1)
        xyzw[stored, part] = value[stored]
        packed = np.where(stored, packed >> 10, packed)
    xyzw[np.arange(len(xyzw)), largest] = np.sqrt(np.maximum(0, 1 - (xyzw**2).sum(axis=1)))
    return xyzw[:, [3, 0, 1, 2]].astype(np.float32)


def _floats(values: UInt8[np.ndarray, " M"], width: int) -> Float32[np.ndarray, "N C"]:
    return values.astype(np.float32).reshape(-1, width)


def _bytes_of(values: np.ndarray) -> bytes:
    return np.rint(values).clip(0, 255).astype(np.uint8).tobytes()
