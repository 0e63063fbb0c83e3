"""Writer and reader of the bodies of META, NETE and NETR side by side. Streams of anchors have files of their own."""

import json
import struct
import zlib

from torch import nn

from csgaussian_ns.codec.hyperprior import pack_blocks, read_hyperprior, write_hyperprior
from csgaussian_ns.codec.scene import SceneMeta
from csgaussian_ns.codec.weights import RenderLayer, weights_from_bytes, weights_to_bytes
from csgaussian_ns.core.byte_reader import ByteReader
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.entropy.base import AttributeLayout
from csgaussian_ns.entropy.carm import slice_widths
from csgaussian_ns.entropy.integer import IntegerColourModel
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.kinds import Layer, SectionInfo
from csgaussian_ns.format.layout import Section
from csgaussian_ns.quant.network_bytes import from_bytes, to_bytes
from csgaussian_ns.quant.requantise import INPUT_LIMIT
from csgaussian_ns.scene.decoders import Decoders

RAW, DEFLATE = 0, 1
"""Codec ids of the bodies in this file."""
MAX_CONTENT = 1 << 24
"""Bytes of plain content."""
_NETE = struct.Struct("<HBB")


def deflated(body: bytes) -> tuple[int, bytes]:
    """Codec id and body, whichever way is shorter."""
    packed = zlib.compress(body, 9)
    return (DEFLATE, packed) if len(packed) < len(body) else (RAW, body)


def inflated(codec: int, body: bytes | memoryview, what: str) -> bytes:
    """The inverse of ``deflated``, never more than ``MAX_CONTENT`` bytes.

    Raises:
        UnsupportedVersion: Unknown codec id.
        FormatError: Damaged, or too large.
    """
    if codec not in (RAW, DEFLATE):
        raise UnsupportedVersion(f"{what}: codec {codec} is unknown; expected {RAW} (raw) or {DEFLATE} (deflate)")
    if codec == RAW:
        if len(body) > MAX_CONTENT:
            raise FormatError(f"{what}: {len(body)} bytes; at most {MAX_CONTENT} are allowed")
        return bytes(body)
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(bytes(body), MAX_CONTENT + 1)
    except zlib.error as error:
        raise FormatError(f"{what}: {error}") from error
    if not unpacker.eof or unpacker.unused_data or len(data) > MAX_CONTENT:
        raise FormatError(f"{what}: its deflate stream is cut, longer than {MAX_CONTENT} bytes, or followed by others")
    return data


def packed_section(kind: str, layer: Layer, content: bytes) -> Section:
    """A section that occurs once, deflated if that helps; critical unless it belongs to the semantic layer.

    Raises:
        ConfigError: More than ``MAX_CONTENT`` bytes.
    """
    if len(content) > MAX_CONTENT:
        raise ConfigError(
            f"{kind} would have {len(content)} bytes, a file holds at most {MAX_CONTENT}. Take a smaller table "
            "(hyperprior_size), fewer objects, or an encoder with shorter vectors"
        )
    codec, body = deflated(content)
    info = SectionInfo(kind, layer, layer < Layer.SEMANTIC, codec=codec, decoded_crc=zlib.crc32(content))
    return Section(info, body)


def content_of(container: Container, kind: str) -> bytes:
    """The inverse of ``packed_section``.

    Raises:
        FormatError: It does not occur once, or is damaged.
    """
    found = container.of_kind(kind)
    if len(found) != 1:
        raise FormatError(f"{kind} occurs {len(found)} times, expected once; the file is damaged")
    info = found[0].info
    content = inflated(info.codec, container.read(found[0]).body, kind)
    if zlib.crc32(content) != info.decoded_crc:
        raise FormatError(f"{kind}: its content does not have the checksum in the table of contents")
    return content


def write_meta(meta: SceneMeta) -> bytes:
    """UTF-8 JSON.

    Raises:
        ConfigError: Facts that no reader takes.
    """
    data = json.dumps(meta.to_json(), separators=(",", ":")).encode("utf8")
    try:
        read_meta(data)
    except FormatError as error:
        raise ConfigError(f"facts about the scene that a file cannot hold: {error}") from error
    return data


def read_meta(data: bytes) -> SceneMeta:
    """The inverse of ``write_meta``.

    Raises:
        FormatError: Not such JSON.
    """
    try:
        values = json.loads(data.decode("utf8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"META: {error}") from error
    return SceneMeta.from_json(values)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def write_entropy_networks(model: IntegerColourModel) -> bytes:
    """NETE, little endian.

    u16 multiplier and u8 shift of the requantiser; u8 number of CARM networks; then the hyperprior
    (``codec.hyperprior``) and these (``quant.network_bytes``), each behind its length as u32.
    """
    head = _NETE.pack(*model.requantiser, len(model.carm))
    return head + pack_blocks([write_hyperprior(model.hyperprior), *map(to_bytes, model.carm)])


def read_entropy_networks(data: bytes, layout: AttributeLayout) -> IntegerColourModel:
    """The inverse of ``write_entropy_networks``.

    Raises:
        FormatError: Not this layout, or networks that do not fit the attributes.
    """
    reader = ByteReader(data, "NETE")
    multiplier, shift, count = reader.unpack(_NETE)
    if not 1 <= multiplier < 1 << 15 or not 1 <= shift <= 40:
        raise FormatError(f"NETE: multiplier {multiplier} or shift {shift} is out of range")
    first, *others = [reader.block() for _ in range(1 + count)]
    reader.end()
    hyperprior, carm = read_hyperprior(first, layout), tuple(map(from_bytes, others))
    widths = slice_widths(layout.feature_dim)
    starts = [sum(widths[:i]) for i in range(1, len(widths))]
    expected = [(start, 2 * width) for start, width in zip(starts, widths[1:], strict=True)][:count]
    if any(network.input_limit < INPUT_LIMIT for network in carm):
        raise FormatError(f"NETE: a channel network does not take inputs up to {INPUT_LIMIT}, as requantised ones are")
    if [(network.num_inputs, network.num_outputs) for network in carm] != expected or count not in (0, len(starts)):
        raise FormatError(f"NETE: its networks do not have the inputs and outputs that the attributes need: {expected}")
    return IntegerColourModel(layout, hyperprior, carm, (multiplier, shift))


def write_decoders(decoders: Decoders, bits: int) -> bytes:
    """NETR: opacity, covariance and colour network in ``codec.weights``."""
    networks = [decoders.opacity, decoders.covariance, decoders.color]
    linear = [[layer for layer in network if isinstance(layer, nn.Linear)] for network in networks]
    layers = [[RenderLayer(layer.weight, layer.bias) for layer in found] for found in linear]
    return weights_to_bytes(layers, bits)


def read_decoders(data: bytes, feature_dim: int, num_offsets: int) -> Decoders:
    """The inverse of ``write_decoders``, frozen.

    Raises:
        FormatError: Not three networks with the inputs and outputs that the attributes need.
    """
    networks = weights_from_bytes(data)
    inputs = feature_dim + Decoders.VIEW_CHANNELS
    shapes = [[tuple(layer.weight.shape) for layer in layers] for layers in networks]
    hidden = shapes[0][0][0]
    expected = [[(hidden, inputs), (channels * num_offsets, hidden)] for channels in (1, 7, 3)]
    if shapes != expected:
        raise FormatError(f"NETR: networks have shapes {shapes}; the attributes need {expected}")
    decoders = Decoders(feature_dim, num_offsets, hidden)
    for network, layers in zip((decoders.opacity, decoders.covariance, decoders.color), networks, strict=True):
        linear = (layer for layer in network if isinstance(layer, nn.Linear))
        for target, layer in zip(linear, layers, strict=True):
            target.weight.data, target.bias.data = layer.weight, layer.bias
    return decoders.requires_grad_(False)
