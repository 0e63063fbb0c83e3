"""Streams packed by zstd."""

from io import BytesIO

from csgaussian_ns.core.errors import BackendUnavailable, FormatError


def unzstd(data: bytes, size: int) -> bytes:
    """One zstd stream of a known size.

    Raises:
        FormatError: It is damaged, or of another size.
        BackendUnavailable: There is no zstd.
    """
    try:
        import zstandard
    except ImportError as error:
        raise BackendUnavailable(
            "this file is packed by zstd, which is not installed: pip install 'csgaussian-ns[spz]'"
        ) from error
    try:
        plain = zstandard.ZstdDecompressor().stream_reader(BytesIO(data)).read(size + 1)
    except zstandard.ZstdError as error:
        raise FormatError(f"a zstd stream is damaged: {error}") from error
    if len(plain) != size:
        raise FormatError(f"a zstd stream of {len(plain)} bytes, expected {size}; the file is damaged or cut")
    return plain
