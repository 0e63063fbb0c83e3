"""Header and table of contents of a ``.csg`` file: records, and how they become bytes and back.

FORMAT.md, section "Container", is the normative text. Reader and writer of each record stand side by side; nothing here
opens files or looks inside sections.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag

from csgaussian_ns.core.errors import FormatError, UnsupportedVersion
from csgaussian_ns.format.kinds import KINDS, Layer, Run, SectionInfo
from csgaussian_ns.format.limits import DecodeLimits

MAGIC = b"\x89CSG\r\n\x1a\n"
FOREIGN = {
    b"ply": "but a PLY file: csg info and csg render take those with Gaussians",
    b"NGSP": "but an SPZ file",
    b"\x1f\x8b": "but a gzip archive, perhaps an older SPZ file",
    b"PK": "but a ZIP archive, perhaps a SOG file",
    b"glTF": "but a GLB file",
}
"""What files begin with that people have beside ``.csg`` files."""
MAJOR, MINOR = 1, 0
ALIGNMENT = 8

_HEADER = struct.Struct("<8sHHIIIQQII16s")
_CRC_OFFSET = 44
_ENTRY = struct.Struct("<4sHBBIIQQIIIIII")
HEADER_BYTES = _HEADER.size
ENTRY_BYTES = _ENTRY.size

_CRITICAL = 1  # flag of an entry
_MUST_UNDERSTAND_ENTRY_FLAGS = 0x00FF  # the others may be ignored


class MustUnderstand(IntFlag):
    """Header flags that change how the file is read; a reader refuses a file with one it does not know."""

    NONE = 0
    REPRESENTATION = 1
    """The scene is not made of anchors: META says of what."""


@dataclass(frozen=True)
class Section:
    """A section and its bytes.

    Attributes:
        info: What it is.
        body: Its bytes.
        crc: Their CRC-32, where it is known.
    """

    info: SectionInfo
    body: bytes | memoryview
    crc: int | None = field(default=None, compare=False, repr=False)

    def at(self, run: Run) -> "Section":
        """The same of another chunk."""
        return replace(self, info=replace(self.info, **run._asdict()))


@dataclass(frozen=True)
class Entry:
    """A section as the table of contents lists it.

    Attributes:
        info: What it is.
        offset: First byte of the body in the file, a multiple of 8.
        length: Bytes of the body, at least 1, without padding.
        stored_crc: CRC-32 of the body.
    """

    info: SectionInfo
    offset: int
    length: int
    stored_crc: int

    @property
    def end(self) -> int:
        """One past the last byte, padding included."""
        return aligned(self.offset + self.length)


@dataclass(frozen=True)
class Header:
    """The first 64 bytes.

    Attributes:
        rows: Of the scene: its anchors, Gaussians, or what else it is made of.
        entries: Number of sections.
        file_length: Bytes of the whole file.
        must_understand: Flags that a reader must know.
        optional: Flags that a reader may ignore.
        minor: Minor version of the format; the major version is MAJOR.
    """

    rows: int
    entries: int
    file_length: int
    must_understand: MustUnderstand = MustUnderstand.NONE
    optional: int = 0
    minor: int = MINOR

    @property
    def toc_end(self) -> int:
        """One past the last byte of the table of contents."""
        return HEADER_BYTES + ENTRY_BYTES * self.entries


def aligned(offset: int) -> int:
    """The next multiple of 8."""
    return -(-offset // ALIGNMENT) * ALIGNMENT


def pack_front(header: Header, entries: Sequence[Entry]) -> bytes:
    """Header and table of contents, with their checksum.

    Raises:
        ValueError: A field does not fit its width, or a kind is not four characters out of A-Z and 0-9.
    """
    toc = b"".join(map(_pack_entry, entries))
    flags = (int(header.must_understand), header.optional)
    try:
        front = bytearray(
            _HEADER.pack(
                MAGIC,
                MAJOR,
                header.minor,
                *flags,
                len(entries),
                header.file_length,
                HEADER_BYTES,
                header.rows,
                0,
                b"",
            )
        )
    except struct.error as error:
        raise ValueError(f"{header} does not fit the format: {error}") from error
    struct.pack_into("<I", front, _CRC_OFFSET, zlib.crc32(toc, zlib.crc32(front)))
    return bytes(front) + toc


def parse_header(data: bytes, limits: DecodeLimits) -> Header:
    """Read the first 64 bytes. Their checksum covers the table of contents too and is checked with it.

    Raises:
        FormatError: Not a ``.csg`` file, or damaged.
        UnsupportedVersion: Written by a later, incompatible version.
        LimitExceeded: Too long, too many sections or rows.
    """
    if len(data) < HEADER_BYTES:
        raise FormatError(f"the file has {len(data)} bytes, the header alone needs {HEADER_BYTES}; it is cut or empty")
    magic, major, minor, must, optional, entries, length, toc, rows, _, reserved = _HEADER.unpack_from(data)
    if magic != MAGIC:
        kind = next((name for start, name in FOREIGN.items() if magic.startswith(start)), "or a text-mode copy of one")
        raise FormatError(f"bytes 0 to 7: expected {MAGIC!r}, found {magic!r}; this is no .csg file, {kind}")
    if major != MAJOR:
        raise UnsupportedVersion(
            f"bytes 8 to 9: format version {major}.{minor}, this reader knows {MAJOR}.x; use a matching csgaussian_ns"
        )
    if must & ~sum(MustUnderstand):
        raise UnsupportedVersion(
            f"bytes 12 to 15: unknown must-understand flags {must:#010x}; a newer reader is needed"
        )
    if toc != HEADER_BYTES:
        raise FormatError(f"bytes 32 to 39: table of contents at {toc}, expected {HEADER_BYTES}; the file is damaged")
    if reserved != bytes(16):
        raise FormatError(f"bytes 48 to 63: expected zeros, found {reserved.hex()}; the file is damaged")
    limits.check("max_file_bytes", length, "bytes 24 to 31, file length")
    limits.check("max_sections", entries, "bytes 20 to 23, number of sections")
    limits.check("max_rows", rows, "bytes 40 to 43, number of rows")
    header = Header(rows, entries, length, MustUnderstand(must), optional, minor)
    if length % ALIGNMENT or length < header.toc_end:
        raise FormatError(
            f"bytes 24 to 31: file length {length}, expected a multiple of {ALIGNMENT} and at least {header.toc_end}, "
            f"where the table of {entries} sections ends; the file is damaged"
        )
    return header


def parse_toc(front: bytes, header: Header, limits: DecodeLimits) -> tuple[Entry, ...]:
    """Read and check the table of contents.

    Args:
        front: The file's first ``header.toc_end`` bytes, header included.
        header: From ``parse_header``.
        limits: Bounds on single sections.

    Raises:
        FormatError: Bad checksum, or sections that overlap, leave gaps, repeat or reach outside.
        UnsupportedVersion: An unknown critical kind or flag.
        LimitExceeded: A section with too many symbols.
    """
    stored = int.from_bytes(front[_CRC_OFFSET : _CRC_OFFSET + 4], "little")
    zeroed = front[:_CRC_OFFSET] + bytes(4) + front[_CRC_OFFSET + 4 :]
    if zlib.crc32(zeroed) != stored:
        raise FormatError(
            f"bytes 44 to 47: checksum of header and table is {stored:#010x}, of the bytes {zlib.crc32(zeroed):#010x}; "
            "the file is damaged, fetch it again"
        )
    entries = tuple(_parse_entry(front, place) for place in range(HEADER_BYTES, header.toc_end, ENTRY_BYTES))
    _check_order(entries, header)
    for entry in entries:
        limits.check("max_symbols_per_chunk", entry.info.symbols, f"{entry.info}, symbols")
        if entry.info.first_row + entry.info.rows > header.rows:
            raise FormatError(
                f"{entry.info}: rows {entry.info.first_row} to "
                f"{entry.info.first_row + entry.info.rows}, the scene has {header.rows}; the file is damaged"
            )
    return entries


def _pack_entry(entry: Entry) -> bytes:
    info = entry.info
    if len(info.kind) != 4 or not all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for c in info.kind):
        raise ValueError(f"section kind {info.kind!r}: expected four characters out of A-Z and 0-9")
    flags = _CRITICAL if info.critical else 0
    place = (entry.offset, entry.length, info.first_row, info.rows)
    crcs = (entry.stored_crc, info.decoded_crc, info.known_answer_crc)
    try:
        return _ENTRY.pack(
            info.kind.encode(), flags, int(info.layer), info.codec, info.chunk, info.symbols, *place, *crcs, 0
        )
    except struct.error as error:
        raise ValueError(f"{entry} does not fit the format: {error}") from error


def _parse_entry(front: bytes, place: int) -> Entry:
    kind, flags, layer, codec, chunk, symbols, offset, length, first, rows, stored, decoded, known, reserved = (
        _ENTRY.unpack_from(front, place)
    )
    where = f"table of contents, byte {place}, section {kind!r}"
    if not (kind.isalnum() and kind.upper() == kind):
        raise FormatError(f"{where}: expected four characters out of A-Z and 0-9; the file is damaged")
    if reserved:
        raise FormatError(f"{where}: last four bytes are {reserved:#010x}, expected zeros; the file is damaged")
    critical = bool(flags & _CRITICAL)
    if flags & _MUST_UNDERSTAND_ENTRY_FLAGS & ~_CRITICAL:
        raise UnsupportedVersion(f"{where}: unknown must-understand flags {flags:#06x}; a newer reader is needed")
    if critical and kind.decode() not in KINDS:
        raise UnsupportedVersion(f"{where}: unknown, and the file cannot be read without it; a newer reader is needed")
    if layer not in Layer.__members__.values():
        raise UnsupportedVersion(
            f"{where}: unknown layer {layer}, expected 0 to {max(Layer)}; a newer reader is needed"
        )
    counts = (chunk, codec, symbols, first, rows, decoded, known)
    info = SectionInfo(kind.decode(), Layer(layer), critical, *counts)
    if info.kind in KINDS:
        KINDS[info.kind].check(info)
    return Entry(info, offset, length, stored)


def _check_order(entries: Sequence[Entry], header: Header) -> None:
    """Bodies must tile the rest of the file, cuttable layers last, and no section may come twice."""
    expected, droppable, seen = header.toc_end, False, set()
    for entry in entries:
        info = entry.info
        if entry.offset != expected:
            raise FormatError(f"{info}: begins at byte {entry.offset}, expected {expected}; the file is damaged")
        if entry.length == 0 or entry.end > header.file_length:
            raise FormatError(
                f"{info}: {entry.length} bytes from byte {entry.offset} on, expected at least one and at most up to "
                f"{header.file_length}, the end of the file; the file is damaged"
            )
        if droppable and info.layer < Layer.SEMANTIC:
            raise FormatError(f"{info}: layer {info.layer.name} comes after the semantic layer; write semantics last")
        if (info.kind, info.chunk) in seen:
            raise FormatError(f"{info}: listed twice; the file is damaged")
        expected, droppable = entry.end, info.layer >= Layer.SEMANTIC
        seen.add((info.kind, info.chunk))
    if expected != header.file_length:
        raise FormatError(f"sections end at byte {expected}, the file at {header.file_length}; the file is damaged")
