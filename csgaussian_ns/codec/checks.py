"""What is checked before coding, and checksums that tell a decoder that it has the integers of the encoder."""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int, Int64
from torch import Tensor

from csgaussian_ns.core.errors import FormatError, QuantisationError, UnsupportedVersion
from csgaussian_ns.entropy.integer_prior import IntegerHyperprior
from csgaussian_ns.format.kinds import SectionInfo
from csgaussian_ns.quant.fixed_point import Arithmetic

KNOWN_ANSWER_ANCHORS = 256
FINITE_BLOCK = 1 << 20
"""Values that are looked at together for NaN: the test of a whole tensor would take three times its memory."""


def check_finite(named: Mapping[str, Tensor]) -> None:
    """Refuse NaN and infinity.

    Raises:
        QuantisationError: Names the first tensor that holds one.
    """
    for name, value in named.items():
        bad = sum(int((~torch.isfinite(block)).sum()) for block in value.detach().flatten().split(FINITE_BLOCK))
        if bad:
            raise QuantisationError(
                f"{name} holds {bad} values that are NaN or infinite; the training run diverged. Export an earlier "
                "checkpoint, or train again with a lower learning rate"
            )


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


def check_codec(info: SectionInfo) -> None:
    """Refuse a body that is coded in another way than the only one its kind has.

    Raises:
        UnsupportedVersion: It is.
    """
    if info.codec:
        raise UnsupportedVersion(f"{info}: codec {info.codec} is unknown, expected 0; a newer reader is needed")


def compare_crc(expected: int, found: int, where: str) -> None:
    """Refuse decoded content with another checksum than the table of contents has.

    Raises:
        FormatError: They differ.
    """
    if expected != found:
        raise FormatError(f"{where}: decoded content has checksum {found:#010x}, expected {expected:#010x}; damaged")
