"""Bodies of sections that occur once: plain content, deflated where that helps, with a bound on its size."""

import zlib

from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.kinds import KINDS, info_of
from csgaussian_ns.format.layout import Section

RAW, DEFLATE = 0, 1
"""Codec ids, behind twice the number of an entropy model where a kind holds one."""


def deflated(body: bytes) -> tuple[int, bytes]:
    """Codec id and body, whichever way is shorter."""
    packed = zlib.compress(body, 9)
    return (DEFLATE, packed) if len(packed) < len(body) else (RAW, body)


def inflated(codec: int, body: bytes | memoryview, kind: str) -> bytes:
    """The inverse of ``deflated``, never more than a kind may have.

    Raises:
        UnsupportedVersion: Unknown codec id.
        FormatError: Damaged, or too large.
    """
    most = KINDS[kind].max_content
    if codec > DEFLATE and not KINDS[kind].modelled:
        raise UnsupportedVersion(f"{kind}: codec {codec} is unknown; expected {RAW} (raw) or {DEFLATE} (deflate)")
    if codec % 2 == RAW:
        if len(body) > most:
            raise FormatError(f"{kind}: {len(body)} bytes; at most {most} are allowed")
        return bytes(body)
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(bytes(body), most + 1)
    except zlib.error as error:
        raise FormatError(f"{kind}: {error}") from error
    if not unpacker.eof or unpacker.unused_data or len(data) > most:
        raise FormatError(f"{kind}: its deflate stream is cut, longer than {most} bytes, or followed by others")
    return data


def packed_section(kind: str, content: bytes, model: int = 0) -> Section:
    """A section that occurs once, deflated if that helps.

    Args:
        kind: Of the section.
        content: Plain.
        model: Number of the entropy model, for a kind that holds one.

    Raises:
        ConfigError: More bytes than this kind may have.
    """
    if len(content) > KINDS[kind].max_content:
        raise ConfigError(
            f"{kind} would have {len(content)} bytes, a file holds at most {KINDS[kind].max_content}. Take a smaller "
            "table (hyperprior_size), fewer objects, an encoder with shorter vectors, or less in 'extra'"
        )
    codec, body = deflated(content)
    return Section(info_of(kind, codec=codec + 2 * model, decoded_crc=zlib.crc32(content)), body)


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


def model_number(container: Container, kind: str) -> int:
    """Number of the entropy model in a section that ``content_of`` gives the content of."""
    return container.of_kind(kind)[0].info.codec // 2
