"""From decoded integers to the inputs of the next network: the glue of the channel-wise autoregression.

Decoded attributes are integers in 1/2**16 base step. A network takes magnitudes up to 511. One 15-bit multiplier and
one shift, sent with the network, lead from one to the other.
"""

import math

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.networks.fixed_point import MAX_MULTIPLIER, MAX_SHIFT

INPUT_LIMIT = 511


def choose_requantiser(largest: int | float) -> tuple[int, int]:
    """Multiplier and shift that bring integers of magnitude ``largest`` to 511; larger ones will be clamped.

    One unit of the result then stands for ``2**shift / multiplier`` units of the integers (``input_scale`` of the
    network in those units).

    Args:
        largest: Magnitude to cover, e.g. the 99.9th percentile of the decoded integers; 1 .. 2**34.

    Raises:
        QuantisationError: ``largest`` is out of range.
    """
    if not 1 <= largest <= 1 << 34:
        raise QuantisationError(f"requantiser: the largest value must lie in 1..2**34, got {largest}")
    ratio = INPUT_LIMIT / largest
    shift = max(1, 14 - math.floor(math.log2(ratio)))
    return min(MAX_MULTIPLIER, round(ratio * 2**shift)), shift


def requantise(values: Int[np.ndarray, "N C"], multiplier: int, shift: int) -> Int64[np.ndarray, "N C"]:
    """``clamp((values * multiplier + 2**(shift - 1)) >> shift, -511, 511)`` for integers of any size.

    Args:
        values: Decoded integers.
        multiplier: 1 .. 2**15 - 1.
        shift: 1 .. 40.

    Raises:
        QuantisationError: Multiplier or shift out of range.
    """
    if not (1 <= multiplier <= MAX_MULTIPLIER and 1 <= shift <= MAX_SHIFT):
        raise QuantisationError(f"requantiser: multiplier {multiplier} or shift {shift} out of range")
    # Whatever exceeds this is clamped to the limit anyway; clamping first keeps the product below 2**50.
    reach = ((INPUT_LIMIT + 1) << shift) // multiplier + 1
    scaled = values.astype(np.int64).clip(-reach, reach) * multiplier + (1 << (shift - 1))
    return (scaled >> shift).clip(-INPUT_LIMIT, INPUT_LIMIT)
