"""Rebuilds the shipped tables of csgaussian_ns/format/tables: probabilities, steps and their logarithms, sines.

Run it only to change the format: the files are a part of it, and their SHA-256 are pinned beside them and in FORMAT.md.

    python scripts/make_tables.py [--check]

Probabilities. Table k of a family has scale/step = 2^(-4 + k/8), k = 0 .. 87; the scale is sigma of the Gaussian, b of
the Laplacian exp(-|x|/b) / 2b. Symbol s has the mass of [s - 1/2, s + 1/2]. The alphabet is -h .. h, where h >= 1 is
the last symbol whose mass is at least ``CUT`` / 2^14; everything beyond is the escape symbol. Each symbol gets
max(1, round(mass * c)) of 2^14 with the largest c that fits, and symbol 0 gets the few that are left. Only erfc and
expm1 are floating point. They are rounded to 2^-48 at once; float64, 40-digit arithmetic and a relative error of 1e-12
all give the same tables (tests/format/streams/test_symbol_tables.py).

The others are rounded once. The nearest miss of a rounding boundary is 1.4e-4 of a unit, so every correct library gives
the same integers (tests/format/networks/test_tables.py).
"""

import math
import struct
import sys
from collections.abc import Callable
from decimal import Decimal, localcontext
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

PRECISION = 14
TABLES = 88
CUT = 0.5  # with 0.25 or 1 the widest tables cost 0.003 bit more; no difference below scale/step = 8
MASS_BITS = 48
FOLDER = Path(__file__).resolve().parents[1] / "csgaussian_ns" / "format" / "tables"


def gaussian_tail(x: float) -> float:
    """P(X > x) for x >= 0, sigma 1."""
    return 0.5 * math.erfc(x * math.sqrt(0.5))


def laplacian_tail(x: float) -> float:
    """P(X > x) for x >= 0, b 1."""
    return 0.5 * math.exp(-x)


def masses(tail: Callable[[float], float], scale: float) -> list[int]:
    """Masses of symbols 0 .. h and of the escape, in 2^-48."""
    whole = 1 << MASS_BITS
    tails = [round(whole * tail(0.5 / scale))]  # tails[s]: beyond s + 1/2, on one side
    while True:
        s = len(tails)
        beyond = round(whole * tail((s + 0.5) / scale))
        if s > 1 and (tails[-1] - beyond) * 2**PRECISION < CUT * whole:
            break
        tails.append(beyond)
    inside = [before - after for before, after in pairwise(tails)]
    return [whole - 2 * tails[0], *inside, 2 * tails[-1]]


def quantise(mass: list[int]) -> list[int]:
    """Frequencies of symbols 0 .. h and of the escape, at least 1; over -h .. h and the escape they sum to 2^14."""

    def rounded(factor: int) -> list[int]:
        shift = MASS_BITS - PRECISION + 16
        return [max(1, (m * factor + (1 << (shift - 1))) >> shift) for m in mass]

    def total(frequencies: list[int]) -> int:
        return 2 * sum(frequencies) - frequencies[0] - frequencies[-1]

    low, high = 0, 1 << 17  # the factor in 65536ths
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if total(rounded(middle)) <= 1 << PRECISION else (low, middle)
    frequencies = rounded(low)
    frequencies[0] += (1 << PRECISION) - total(frequencies)
    return frequencies


def symbols() -> bytes:
    """The probabilities: see format/streams/symbol_tables.py for the layout."""
    tables = [
        quantise(masses(tail, 2.0 ** (-4 + k / 8))) for tail in (gaussian_tail, laplacian_tail) for k in range(TABLES)
    ]
    halves = struct.pack(f"<{len(tables)}H", *(len(table) - 2 for table in tables))
    return halves + b"".join(struct.pack(f"<{len(table)}H", *table) for table in tables)


def exact_steps() -> list[Decimal]:
    """2^16 (1.1 + tanh(i / 64)) for i = -256 .. 256."""
    with localcontext() as context:
        context.prec = 40
        growth = [(2 * Decimal(i) / 64).exp() for i in range(-256, 257)]
        return [65536 * (Decimal("1.1") + (value - 1) / (value + 1)) for value in growth]


def exact_sines() -> list[float]:
    """511 sin(2 pi i / 1024) for i = 0 .. 1023."""
    return [511 * math.sin(2 * math.pi * i / 1024) for i in range(1024)]


def integers(values: list[int]) -> bytes:
    """As i32."""
    return struct.pack(f"<{len(values)}i", *values)


def build() -> dict[str, bytes]:
    """Content by name."""
    steps = [int(value.to_integral_value()) for value in exact_steps()]
    return {
        "symbols.bin": symbols(),
        "steps.bin": integers(steps),
        "log_steps.bin": integers([round(256 * math.log2(step / 65536)) for step in steps]),
        "sines.bin": integers([round(value) for value in exact_sines()]),
    }


def main() -> int:
    """Write the files, or compare them with what would be written."""
    made = build()
    if "--check" in sys.argv:
        changed = [name for name, data in made.items() if (FOLDER / name).read_bytes() != data]
        print("different: " + ", ".join(changed) if changed else "identical")
        return 1 if changed else 0
    for name, data in made.items():
        (FOLDER / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes, SHA-256 {sha256(data).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
