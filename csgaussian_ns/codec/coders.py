"""The coders of symbols, by the number that a COLR section names. Both code the same symbols under the same tables.

A stream is written from the symbols of all parts at once, and read part by part, because a decoder knows the tables of
a part only once it has the part before. torchac cannot stop in the middle of its data: its body has, for each part,
u32 length and a stream of ``codec.torchac_coder``.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int32, UInt8

from csgaussian_ns.codec import torchac_coder
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format.streams import rans
from csgaussian_ns.format.streams.symbol_tables import Tables


class Coder(IntEnum):
    """Numbers of the format, see FORMAT.md 9."""

    RANS = 0
    TORCHAC = 1


@runtime_checkable
class SymbolReader(Protocol):
    """Gives the symbols of a stream part by part."""

    def take(self, table_ids: UInt8[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        """The next part."""
        ...

    def finish(self) -> None:
        """Check that nothing is left."""
        ...


def coder_named(name: str) -> Coder:
    """The coder of an option.

    Raises:
        ConfigError: No such coder.
        BackendUnavailable: It cannot run here.
    """
    if name.upper() not in Coder.__members__:
        raise ConfigError(f"coder {name!r} is unknown; expected one of {', '.join(Coder.__members__).lower()}")
    coder = Coder[name.upper()]
    if coder is Coder.TORCHAC:
        torchac_coder.load()
    return coder


def coder_numbered(number: int, where: str) -> Coder:
    """The coder of a section.

    Raises:
        UnsupportedVersion: No such coder.
        BackendUnavailable: It cannot run here.
    """
    if number not in Coder.__members__.values():
        raise UnsupportedVersion(f"{where}: coder {number} is unknown, expected 0 to {max(Coder)}; a newer reader may")
    return coder_named(Coder(number).name)


def write_symbols(
    coder: Coder,
    symbols: Sequence[Int32[np.ndarray, " _"]],
    table_ids: Sequence[UInt8[np.ndarray, " _"]],
    tables: Tables,
) -> bytes:
    """The stream of all parts."""
    if coder is Coder.RANS:
        return rans.encode(np.concatenate(symbols), np.concatenate(table_ids), tables)
    parts = [torchac_coder.encode(*part, tables) for part in zip(symbols, table_ids, strict=True)]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def reader_of(coder: Coder, data: bytes | memoryview, tables: Tables) -> SymbolReader:
    """A reader at the begin of a stream.

    Raises:
        FormatError: Not such a stream.
    """
    return rans.Decoder(data, tables) if coder is Coder.RANS else _TorchacReader(data, tables)


class _TorchacReader:
    def __init__(self, data: bytes | memoryview, tables: Tables) -> None:
        self._data, self._tables, self._at = memoryview(data), tables, 0

    def take(self, table_ids: UInt8[np.ndarray, " n"]) -> Int32[np.ndarray, " n"]:
        if self._at + 4 > len(self._data):
            raise FormatError(f"torchac body of {len(self._data)} bytes ends before a part at byte {self._at}")
        (length,) = struct.unpack_from("<I", self._data, self._at)
        begin = self._at + 4
        self._at = begin + length
        if self._at > len(self._data):
            raise FormatError(f"torchac body of {len(self._data)} bytes ends inside a part, at byte {self._at}")
        return torchac_coder.decode(self._data[begin : self._at], table_ids, self._tables)

    def finish(self) -> None:
        if self._at != len(self._data):
            raise FormatError(f"torchac body has {len(self._data)} bytes, its parts take {self._at}")
