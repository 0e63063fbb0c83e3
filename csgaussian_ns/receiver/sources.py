"""Files that lie elsewhere, read in parts.

The first request brings 64 KiB, which hold header, table of contents and META of all but huge files. What was fetched
is kept.
"""

import threading
from collections.abc import Iterable
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError, LimitExceeded
from csgaussian_ns.core.files import make_folder, refuse_address
from csgaussian_ns.receiver.origins import Origin, Server, elsewhere

FRONT = 1 << 16
"""Bytes of the first request."""
GAP = 1 << 15
"""Bytes that are fetched along with their neighbours rather than left out by one more request."""


def open_address(address: str, most: int) -> "Parts":
    """Begin to read a file.

    Args:
        address: Of HTTP, or of anything that fsspec has an implementation of: s3, gs, ...
        most: Largest size to read.

    Raises:
        DataError: There is no such file, or its server does not answer.
        LimitExceeded: It is larger.
        BackendUnavailable: fsspec, or its implementation, is not installed.
    """
    http = address.lower().startswith(("http://", "https://"))
    return Parts(Server(address) if http else elsewhere(address), address, most)


class Parts:
    """A ``ByteSource`` of ``format.container`` that fetches what is asked for, once.

    Attributes:
        size: Of the file, bytes.
        requests: Made so far.
        fetched: Bytes that came so far.
    """

    def __init__(self, origin: Origin, name: str, most: int) -> None:
        self._origin, self.name = origin, name
        front, self.size = origin.front(FRONT, most)
        if self.size > most:
            raise LimitExceeded(
                f"{name}: the file has {self.size} bytes, more than max_file_bytes = {most}; raise it in DecodeLimits"
            )
        self.requests, self.fetched = 1, len(front)
        self._there: list[tuple[int, bytes]] = [(0, front)]
        self._asking = threading.Lock()

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file; fetched if need be, errors as of ``open_address``."""
        if self._missing([(offset, length)]):
            self.fetch([(offset, length)])
        parts, at, end, there = [], offset, offset + length, self._there
        while at < end:
            start, data = next((s, d) for s, d in there if s <= at < s + len(d))
            parts.append(data[at - start : end - start])
            at = min(end, start + len(data))
        return b"".join(parts)

    def fetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Have these bytes here, each an offset and a length, with as few requests as is sensible. Any thread may."""
        with self._asking:
            for start, end in _together(self._missing(ranges)):
                data = self._origin.part(start, end - start)
                self._there = sorted([*self._there, (start, data)])
                self.requests, self.fetched = self.requests + 1, self.fetched + len(data)

    @property
    def whole(self) -> bytes | None:
        """The file, if all of it is here."""
        if not self._missing([(0, self.size)]) and len(self._there) > 1:
            self._there = [(0, self.read(0, self.size))]
        return self._there[0][1] if len(self._there[0][1]) == self.size else None

    def stream(self) -> BufferedReader:
        """The same as an open file."""
        return BufferedReader(_Stream(self), FRONT)

    def _missing(self, ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Starts and ends of what is not here."""
        missing = []
        for at, length in sorted(ranges):
            end = min(at + length, self.size)
            for start, data in self._there:
                if start < end and start + len(data) > at:
                    if at < start:
                        missing.append((at, start))
                    at = start + len(data)
            if at < end:
                missing.append((at, end))
        return missing


def _together(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges with small gaps between them as one."""
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and start - joined[-1][1] <= GAP:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class _Stream(RawIOBase):
    """Parts as a file that is open for reading."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._at = parts, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._parts.size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._parts.size - self._at))
        buffer[:length] = self._parts.read(self._at, length)
        self._at += length
        return length


def check_output(path: Path, data: bytes) -> None:
    """Make the folder of a file that a scene is about to be saved as, byte by byte.

    Raises:
        ConfigError: It is an address, or one format would come to lie under a name of the other.
    """
    refuse_address("path", path)
    if data.startswith(b"ply") and path.suffix.lower() == ".csg":
        raise ConfigError(f"{path}: the scene is of a PLY file, and saved as one; csg import makes a .csg file of it")
    if not data.startswith(b"ply") and path.suffix.lower() == ".ply":
        raise ConfigError(f"{path}: the scene is of a .csg file, and saved as one; csg export makes a .ply file of it")
    make_folder(path.parent)
