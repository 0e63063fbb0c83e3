"""A ``.csg`` file as sections of bytes: no network, no symbol and no stream is known here.

FORMAT.md, section "Container", is the normative text. Reading takes the header and the table of contents first and
bodies only when they are asked for, so a part of a long file can be fetched from a slow place.
"""

import os
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from io import BufferedIOBase
from typing import Protocol, cast, runtime_checkable

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.kinds import KINDS, Layer
from csgaussian_ns.format.layout import (
    HEADER_BYTES,
    MINOR,
    Entry,
    Header,
    MustUnderstand,
    Section,
    pack_front,
    parse_header,
    parse_toc,
)
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits


@runtime_checkable
class ByteSource(Protocol):
    """Where a file's bytes come from; a server that answers range requests can be one."""

    size: int
    """Number of bytes that can be read."""

    def read(self, offset: int, length: int) -> bytes | memoryview:
        """``length`` bytes from ``offset`` on; both lie inside ``size``."""
        ...


class _Memory:
    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B")
        self.size = len(self._data)

    def read(self, offset: int, length: int) -> memoryview:
        return self._data[offset : offset + length]


class _File:
    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)


@dataclass(frozen=True)
class Container:
    """An open file whose header and table of contents are checked; bodies are read, and checked, on demand.

    Attributes:
        header: The first 64 bytes.
        entries: Every section that is wholly there, in file order, unknown optional ones included.
        missing: Sections of the semantic layer that were cut off.
    """

    header: Header
    entries: tuple[Entry, ...]
    missing: tuple[Entry, ...]
    _source: ByteSource

    @property
    def truncated(self) -> bool:
        """Whether the file ends early; what is left is complete but for the semantic layer."""
        return self._source.size < self.header.file_length

    def of_kind(self, kind: str) -> tuple[Entry, ...]:
        """Sections of one kind, sorted by chunk number."""
        return tuple(sorted((e for e in self.entries if e.info.kind == kind), key=lambda e: e.info.chunk))

    def chunks(self, kind: str) -> tuple[Entry, ...]:
        """Sections of one kind that share out all rows among them, in the order of the rows.

        Raises:
            FormatError: Chunk numbers or row ranges leave a gap or overlap.
        """
        found, expected = self.of_kind(kind), 0
        for number, entry in enumerate(found):
            if entry.info.chunk != number or entry.info.first_row != expected:
                raise FormatError(
                    f"{entry.info}: begins at row {entry.info.first_row}, expected chunk {number} from row "
                    f"{expected} on; the file is damaged"
                )
            expected += entry.info.rows
        if expected != self.header.rows:
            raise FormatError(f"{kind} chunks hold {expected} rows, the scene has {self.header.rows}; one is missing")
        return found

    def refuse_others(self, kinds: Collection[str], what: str) -> None:
        """Refuse sections of known kinds that a file of this sort does not have.

        Args:
            kinds: Those it has.
            what: Names the sort.

        Raises:
            FormatError: There is another one.
        """
        strange = {entry.info.kind for entry in self.entries} & (KINDS.keys() - set(kinds))
        if strange:
            raise FormatError(f"sections {', '.join(sorted(strange))} in {what}, which has none; the file is damaged")

    def read(self, entry: Entry) -> Section:
        """Read one section; its checksum and the zeros after it are verified.

        Raises:
            FormatError: The bytes are damaged, or could not be read.
        """
        length = entry.end - entry.offset
        padded = self._source.read(entry.offset, length)
        if len(padded) != length:
            raise FormatError(
                f"{entry.info}: {len(padded)} bytes came from byte {entry.offset}, expected {length}; the file changed"
            )
        body, padding = padded[: entry.length], bytes(padded[entry.length :])
        if padding != bytes(len(padding)):
            raise FormatError(
                f"{entry.info}: bytes {entry.offset + entry.length} to {entry.end - 1} are {padding.hex()}, expected "
                "zeros; the file is damaged"
            )
        if zlib.crc32(body) != entry.stored_crc:
            raise FormatError(
                f"{entry.info}: checksum of bytes {entry.offset} to {entry.offset + entry.length - 1} is "
                f"{zlib.crc32(body):#010x}, expected {entry.stored_crc:#010x}; the file is damaged, fetch it again"
            )
        return Section(entry.info, body, entry.stored_crc)

    def sections(self) -> list[Section]:
        """All sections that are there, read and verified."""
        return [self.read(entry) for entry in self.entries]


def read_container(
    data: bytes | bytearray | memoryview | BufferedIOBase | ByteSource, limits: DecodeLimits = DEFAULT_LIMITS
) -> Container:
    """Open a file: check header and table of contents, read no body.

    Args:
        data: The whole file, an open and seekable one, or a source that reads ranges. Untrusted. It is read again when
            a body is asked for, so keep it open.
        limits: What to refuse before memory is taken.

    Raises:
        FormatError: Not a ``.csg`` file, damaged, or cut before the end of its colours.
        UnsupportedVersion: It needs a newer reader.
        LimitExceeded: It is larger than ``limits`` allow.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        source = _Memory(data)
    elif isinstance(data, ByteSource) and not hasattr(data, "seek"):  # open files may know their size too
        source = data
    else:
        source = _File(cast("BufferedIOBase", data))
    header = parse_header(bytes(source.read(0, min(HEADER_BYTES, source.size))), limits)
    if source.size > header.file_length:
        raise FormatError(
            f"the file has {source.size} bytes, its header says {header.file_length}; something was appended to it"
        )
    if source.size < header.toc_end:
        raise FormatError(
            f"the file has {source.size} bytes, its table of contents ends at {header.toc_end}; it is cut"
        )
    entries = parse_toc(bytes(source.read(0, header.toc_end)), header, limits)
    present = tuple(entry for entry in entries if entry.end <= source.size)
    missing = entries[len(present) :]
    if missing and missing[0].info.layer < Layer.SEMANTIC:
        raise FormatError(
            f"the file is cut at byte {source.size} of {header.file_length}, before {missing[0].info} ends; only the "
            "semantic layer may be missing. Fetch it again."
        )
    return Container(header, present, missing, source)


def pack(
    sections: Iterable[Section],
    rows: int,
    must_understand: MustUnderstand = MustUnderstand.NONE,
    optional: int = 0,
    minor: int = MINOR,
) -> bytes:
    """The bytes of a file with these sections, in this order.

    Args:
        sections: Bodies of at least one byte; those of the semantic layer last.
        rows: Of the scene: its anchors, Gaussians, or what else it is made of.
        must_understand: Header flags that every reader must know.
        optional: Header flags that a reader may ignore.
        minor: Minor version.

    Raises:
        ValueError: A field does not fit, a section is empty, repeats, or is out of order (as a FormatError: the result
            is read back before it is returned).
    """
    sections = list(sections)
    header = Header(rows, len(sections), 0, must_understand, optional, minor)
    entries, offset = [], header.toc_end
    for section in sections:
        body = memoryview(section.body).cast("B")
        entries.append(Entry(section.info, offset, len(body), zlib.crc32(body) if section.crc is None else section.crc))
        offset = entries[-1].end
    front = pack_front(replace(header, file_length=offset), entries)
    parts: list[bytes | memoryview] = [front]
    for entry, section in zip(entries, sections, strict=True):
        parts += [section.body, bytes(entry.end - entry.offset - entry.length)]
    data = b"".join(parts)
    unlimited = DecodeLimits(*[1 << 64] * 5)
    read_container(data, unlimited)
    return data
