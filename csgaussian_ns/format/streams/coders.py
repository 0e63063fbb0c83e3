"""The coders of symbols, by the number that a COLR section names. Both code the same symbols under the same tables.

A stream is written from the symbols of all parts at once, and read part by part, because a decoder knows the tables of
a part only once it has the part before.

rANS is here. A coder that needs more than numpy and numba is registered from outside: torchac by ``codec``.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, UnsupportedVersion
from csgaussian_ns.core.shapes import Int32, UInt8
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


@runtime_checkable
class SymbolCoder(Protocol):
    """What codes symbols: a module, or an object."""

    def load(self) -> object:
        """Make ready.

        Raises:
            BackendUnavailable: It cannot run here.
        """
        ...

    def encode_parts(
        self, symbols: Sequence[Int32[np.ndarray, " _"]], table_ids: Sequence[UInt8[np.ndarray, " _"]], tables: Tables
    ) -> bytes:
        """The stream of all parts."""
        ...

    def part_reader(self, data: bytes | memoryview, tables: Tables) -> SymbolReader:
        """A reader at the begin of a stream.

        Raises:
            FormatError: Not such a stream.
        """
        ...


class _Rans:
    """``streams.rans``: a stream can be read in parts as it is."""

    def load(self) -> None:
        """Nothing is missing."""

    def encode_parts(
        self, symbols: Sequence[Int32[np.ndarray, " _"]], table_ids: Sequence[UInt8[np.ndarray, " _"]], tables: Tables
    ) -> bytes:
        """As of ``SymbolCoder``."""
        return rans.encode(np.concatenate(symbols), np.concatenate(table_ids), tables)

    def part_reader(self, data: bytes | memoryview, tables: Tables) -> rans.Decoder:
        """As of ``SymbolCoder``."""
        return rans.Decoder(data, tables)


_REGISTERED: dict[Coder, SymbolCoder] = {Coder.RANS: _Rans()}


def register(number: Coder, coder: SymbolCoder) -> None:
    """Let files be coded, and read, by a coder."""
    _REGISTERED[number] = coder


def coder_named(name: str) -> Coder:
    """The coder of an option.

    Raises:
        ConfigError: No such coder.
        BackendUnavailable: It cannot run here.
    """
    if name.upper() not in Coder.__members__:
        raise ConfigError(f"coder {name!r} is unknown; expected one of {', '.join(Coder.__members__).lower()}")
    coder = Coder[name.upper()]
    if coder not in _REGISTERED:
        raise BackendUnavailable(
            f"coder {name.lower()!r} is not registered in this program; import csgaussian_ns.codec, which does"
        )
    _REGISTERED[coder].load()
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
    return _REGISTERED[coder].encode_parts(symbols, table_ids, tables)


def reader_of(coder: Coder, data: bytes | memoryview, tables: Tables) -> SymbolReader:
    """A reader at the begin of a stream.

    Raises:
        FormatError: Not such a stream.
    """
    return _REGISTERED[coder].part_reader(data, tables)
