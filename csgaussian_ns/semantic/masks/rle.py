"""COCO's run-length encoding of masks: runs of 0 and 1 by turns, 0 first, down the columns.

Compressed, a run is written as the difference to the one two before it (from the fourth on), in characters of six bits
after "0": five of the number, low ones first, and one that says whether more follow. The last bit of a number is its
sign.
"""

from collections.abc import Sequence

import numpy as np

from csgaussian_ns.core.shapes import Bool

MORE, SIGN, FIRST = 32, 16, ord("0")


def mask_of(size: Sequence[int], counts: str | Sequence[int]) -> Bool[np.ndarray, "H W"]:
    """A mask of ``size`` (height, width).

    Raises:
        ValueError: The runs do not fill it, or are none.
    """
    height, width = size
    runs = np.array(runs_of(counts) if isinstance(counts, str) else counts, np.int64).reshape(-1)
    if min(height, width) < 1 or (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"runs of {int(runs.sum())} pixels for a mask of {width} x {height}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(width, height).T


def runs_of(text: str) -> list[int]:
    """The lengths in a compressed text.

    Raises:
        ValueError: It ends inside a number, or holds other characters.
    """
    runs: list[int] = []
    number, shift = 0, 0
    for character in text:
        part = ord(character) - FIRST
        if not 0 <= part < 2 * MORE or shift > 60:
            raise ValueError(f"{character!r} is not of the run-length encoding")
        number |= (part & (MORE - 1)) << shift
        shift += 5
        if part & MORE:
            continue
        if part & SIGN:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number, shift = 0, 0
    if shift:
        raise ValueError("the text ends inside a number")
    return runs
