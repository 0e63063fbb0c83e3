"""What is checked of a chunk: before its body is decoded, and that a decoder has the integers of the encoder."""

import zlib

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import IntegerModel

KNOWN_ANSWER_ANCHORS = 256


def values_crc(values: Int64[np.ndarray, "A D"]) -> int:
    """CRC-32 of decoded channels, as little-endian int64 row by row."""
    return zlib.crc32(np.ascontiguousarray(values, "<i8").data)


def known_answer(model: IntegerModel, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic = "auto") -> int:
    """CRC-32 of what the model's networks say of the first anchors of a chunk, see ``IntegerModel.known_answer``."""
    return values_crc(model.known_answer(grid[:KNOWN_ANSWER_ANCHORS], arithmetic))


def check_known_answer(
    expected: int, model: IntegerModel, grid: Int[np.ndarray, "A 3"], where: str, arithmetic: Arithmetic
) -> None:
    """Evaluate the network before its outputs are relied on.

    Raises:
        FormatError: It gives other integers than the encoder had.
    """
    if expected != known_answer(model, grid, arithmetic):
        raise FormatError(
            f"{where}: the entropy networks do not give the known answer; the file is damaged, or this device "
            "computes integers wrongly"
        )
