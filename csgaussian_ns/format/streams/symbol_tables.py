"""The 176 integer probability tables that attribute symbols are coded with.

Ids 0 .. 87 are zero-mean Gaussians with sigma/step = 2^(-4 + id/8); ids 88 .. 175 are Laplacians
exp(-|x|/b) / 2b with b/step = 2^(-4 + (id - 88)/8). Symbol s stands for [s - 1/2, s + 1/2] steps.

A table has the symbols -h .. h and, last, an escape for all values beyond. Probabilities are n / 2^14, n >= 1, and sum
to one. At the right scale they cost 0.0002 bit per symbol more than the exact distribution up to scale/step = 8, and
0.005 bit at 117 (with the escapes' bits).

File, little-endian u16: h of each table; then for each table the frequencies of symbols 0, 1 .. h (-s has that of s)
and of the escape.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Float64, Int32, Int64, UInt8, UInt16
from csgaussian_ns.format.tables import shipped

PRECISION = 14
TABLES_PER_FAMILY = 88
GAUSSIAN = 0
LAPLACE = 88
"""Ids of the first table of each family."""

STEPS_PER_OCTAVE = 8
SMALLEST_OCTAVE = -4


@dataclass(frozen=True)
class Tables:
    """Integer probability tables, laid end to end in flat arrays of E entries.

    Attributes:
        frequencies: Of each entry, in 2^-14.
        cumulative: Sum of the frequencies before an entry in its table.
        sizes: Entries of each table: 2h + 2, the escape is the last.
        offsets: First entry of each table.
        minimum: Symbol of that first entry, -h.
        escape_order: Order of the Exp-Golomb code of values beyond the alphabet: the table's octave plus one.
    """

    frequencies: Int32[np.ndarray, " E"]
    cumulative: Int32[np.ndarray, " E"]
    sizes: Int32[np.ndarray, " T"]
    offsets: Int32[np.ndarray, " T"]
    minimum: Int32[np.ndarray, " T"]
    escape_order: UInt8[np.ndarray, " T"]

    @property
    def count(self) -> int:
        """Number of tables; ids are 0 .. count - 1."""
        return len(self.sizes)

    @cached_property
    def slots(self) -> UInt16[np.ndarray, " T_times_16384"]:
        """The entry that owns each of the 2^14 slots of each table. 5.8 MB, made on first use in a few milliseconds."""
        return np.repeat(np.arange(len(self.frequencies), dtype=np.uint16), self.frequencies)

    @cached_property
    def records(self) -> Int64[np.ndarray, " E"]:
        """Per entry ``symbol << 32 | cumulative << 15 | frequency``: all a coder needs, in one load.

        An escape has symbol ``ESCAPE``.
        """
        position = np.arange(len(self.frequencies)) - np.repeat(self.offsets, self.sizes)
        symbol = position + np.repeat(self.minimum, self.sizes)
        symbol[self.offsets + self.sizes - 1] = ESCAPE
        return (symbol.astype(np.int64) << 32) | (self.cumulative.astype(np.int64) << 15) | self.frequencies

    def ideal_bits(self, symbols: Int32[np.ndarray, " n"], table_ids: UInt8[np.ndarray, " n"]) -> float:
        """Code length of the symbols in bits by the tables alone; values beyond an alphabet cost the escape."""
        half = -self.minimum[table_ids]
        inside = (symbols >= -half) & (symbols <= half)
        entry = self.offsets[table_ids] + np.where(inside, symbols, half + 1) + half
        return float(np.sum(self.costs[entry]))

    @cached_property
    def costs(self) -> Float64[np.ndarray, " E"]:
        """Code length of each entry in bits."""
        return PRECISION - np.log2(self.frequencies)


ESCAPE = -(1 << 15)
"""Symbol of an escape in ``Tables.records``; no alphabet reaches it."""


def build(halves: list[int], upper: list[list[int]], orders: list[int]) -> Tables:
    """Tables from h, the frequencies of symbols 0 .. h and of the escape, and the Exp-Golomb order of each.

    Raises:
        FormatError: A table does not sum to 2^14, or the entries cannot be indexed by 16 bits.
    """
    whole = [[*reversed(f[1 : h + 1]), *f] for h, f in zip(halves, upper, strict=True)]
    if any(sum(table) != 1 << PRECISION or min(table) < 1 for table in whole):
        raise FormatError(f"a probability table does not sum to {1 << PRECISION}, or has an empty symbol")
    sizes = np.array([len(table) for table in whole], np.int32)
    if len(whole) > 256 or int(sizes.sum()) > 1 << 16:
        raise FormatError(f"{len(whole)} tables with {int(sizes.sum())} entries; the limits are 256 and 65536")
    return Tables(
        frequencies=np.concatenate([np.array(table, np.int32) for table in whole]),
        cumulative=np.concatenate([np.cumsum([0, *table[:-1]]).astype(np.int32) for table in whole]),
        sizes=sizes,
        offsets=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32),
        minimum=-np.array(halves, np.int32),
        escape_order=np.array(orders, np.uint8),
    )


def parse(data: bytes) -> Tables:
    """The tables of a file whose content is trusted, as a shipped one is after its hash was compared."""
    numbers = np.frombuffer(data, "<u2").astype(int).tolist()
    halves, rest = numbers[: 2 * TABLES_PER_FAMILY], numbers[2 * TABLES_PER_FAMILY :]
    edges = np.cumsum([0, *(h + 2 for h in halves)]).tolist()
    octaves = [SMALLEST_OCTAVE + (k % TABLES_PER_FAMILY) // STEPS_PER_OCTAVE for k in range(len(halves))]
    return build(halves, [rest[a:b] for a, b in pairwise(edges)], [max(0, octave + 1) for octave in octaves])


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """The tables of the format, read once per process; errors as of ``shipped``."""
    return parse(shipped("symbols.bin"))
