"""Checksums that tell a decoder that it computes, and has decoded, the integers of the encoder."""

import zlib

import numpy as np
import torch
from jaxtyping import Int, Int64
from torch import Tensor

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.entropy.integer_prior import IntegerHyperprior
from csgaussian_ns.quant.fixed_point import Arithmetic

KNOWN_ANSWER_ANCHORS = 256


def values_crc(values: Int64[Tensor, "A D"]) -> int:
    """CRC-32 of decoded channels, as little-endian int64 row by row."""
    return zlib.crc32(np.ascontiguousarray(values.numpy(), "<i8").data)


def known_answer(hyperprior: IntegerHyperprior, grid: Int[Tensor, "A 3"], arithmetic: Arithmetic = "auto") -> int:
    """CRC-32 of the hyperprior's integers for the first anchors of a chunk: a device that misses it cannot decode."""
    prior = hyperprior.prior(grid[:KNOWN_ANSWER_ANCHORS], arithmetic)
    return values_crc(torch.cat([prior.mean, prior.log_scale, prior.step], dim=-1))


def check_known_answer(
    expected: int, hyperprior: IntegerHyperprior, grid: Int[Tensor, "A 3"], where: str, arithmetic: Arithmetic
) -> None:
    """Evaluate the network before its outputs are relied on.

    Raises:
        FormatError: It gives other integers than the encoder had.
    """
    if expected != known_answer(hyperprior, grid, arithmetic):
        raise FormatError(
            f"{where}: the entropy networks do not give the known answer; the file is damaged, or this device "
            "computes integers wrongly"
        )


def compare_crc(expected: int, found: int, where: str) -> None:
    """Refuse decoded content with another checksum than the table of contents has.

    Raises:
        FormatError: They differ.
    """
    if expected != found:
        raise FormatError(f"{where}: decoded content has checksum {found:#010x}, expected {expected:#010x}; damaged")
