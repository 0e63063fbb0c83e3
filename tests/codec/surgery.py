"""Changes files the way an attacker does: with checksums that are right again."""

import zlib

from csgaussian_ns.codec.layout import ENTRY_BYTES, HEADER_BYTES


def with_checksums(data: bytes | bytearray) -> bytes:
    """The file with the checksums of all bodies, and of header and table, computed anew; lengths are taken as they are.

    Checksums of decoded content are not touched: they are what must find the damage then.
    """
    changed = bytearray(data)
    entries = int.from_bytes(changed[20:24], "little")
    for place in range(HEADER_BYTES, HEADER_BYTES + entries * ENTRY_BYTES, ENTRY_BYTES):
        if place + ENTRY_BYTES > len(changed):
            break
        offset, length = (int.from_bytes(changed[place + at : place + at + 8], "little") for at in (16, 24))
        body = changed[min(offset, len(changed)) : min(offset + length, len(changed))]
        changed[place + 40 : place + 44] = zlib.crc32(body).to_bytes(4, "little")
    changed[44:48] = bytes(4)
    front = changed[: HEADER_BYTES + entries * ENTRY_BYTES]
    changed[44:48] = zlib.crc32(front).to_bytes(4, "little")
    return bytes(changed)
