"""Streams packed by zstd."""

from io import BytesIO

from csgaussian_ns.core.errors import BackendUnavailable, FormatError

LEVEL = 12
"""How hard to pack: slower ones gain next to nothing."""
HOW_TO_GET = "zstd, which is not installed: pip install 'csgaussian-ns[spz]'"


def zstd(data: bytes) -> bytes:
    """One zstd stream, which says its size.

    Raises:
        BackendUnavailable: There is no zstd.
    """
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(f"this is packed by {HOW_TO_GET}") from error
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


def unzstd(data: bytes, size: int) -> bytes:
    """One zstd stream of a known size.

    Raises:
        FormatError: It is damaged, or of another size.
        BackendUnavailable: There is no zstd.
    """
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(f"this file is packed by {HOW_TO_GET}") from error
    try:
        plain = zstandard.ZstdDecompressor().stream_reader(BytesIO(data)).read(size + 1)
    except zstandard.ZstdError as error:
        raise FormatError(f"a zstd stream is damaged: {error}") from error
    if len(plain) != size:
        raise FormatError(f"a zstd stream of {len(plain)} bytes, expected {size}; the file is damaged or cut")
    return plain
