"""Quantisation steps, means and scales: one parametrisation, in floating point for training, in integers for coding.

A network's three outputs mean the same on both sides (source: CSGaussian 4.2, with CAT-3DGS' range of steps):

========= ============================== =========================== ==========================================
output    training                       integer unit                coding
========= ============================== =========================== ==========================================
raw step  q = Q0 (1.1 + tanh r)          r in 1/64                   ``STEP_TABLE``: q in Q0 / 2**16
mean      mu = q m                       m in 1/256 of the step      a = Q0 STEP (256 s + m) / 2**24
log scale sigma = q 2**t                 t in 1/2**f octaves         row k = round(8 (t + 4)) of 88 tables
========= ============================== =========================== ==========================================

r is clamped to [-4, 4] and t to [-4, 6.875]. q cannot reach zero, and sigma / q is a table row, so coding divides
nowhere. Q0, the base step, is one float per attribute type, stored in the file.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from csgaussian_ns.quant.rounding import SYMBOL_LIMIT, checked_symbols, clamp_inward
from csgaussian_ns.quant.tables import STEP_TABLE

STEP_OFFSET = 1.1
RAW_STEP_LIMIT = 4.0
RAW_STEP_FRACTION_BITS = 6
"""Coding rounds the raw step to 1/64; two neighbouring steps differ by 2 % at most."""
STEP_INDEX_LIMIT = 256
STEP_FRACTION_BITS = 16
MEAN_FRACTION_BITS = 8
MEAN_LIMIT = (1 << 23) - 1
"""Largest magnitude of an integer mean: 32768 steps."""
VALUE_FRACTION_BITS = STEP_FRACTION_BITS + MEAN_FRACTION_BITS

LOG_SCALE_LOWEST = -4.0
LOG_SCALE_HIGHEST = 6.875
SCALE_ROWS = 88
"""Eight tables per octave of sigma / q; finer ones would save less than 0.06 % of the bits."""
_SCALE_ROW_BITS = 3


def step_from_raw(raw: Float[Tensor, "*shape"], base_step: float) -> Float[Tensor, "*shape"]:
    """Quantisation step ``base_step * (1.1 + tanh(raw))``, between 0.10 and 2.10 base steps, in their unit."""
    return base_step * (STEP_OFFSET + torch.tanh(clamp_inward(raw, -RAW_STEP_LIMIT, RAW_STEP_LIMIT)))


def scale_from_raw(log_scale: Float[Tensor, "*shape"], step: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
    """Standard deviation ``step * 2**log_scale`` > 0, in the unit of ``step``."""
    return step * torch.exp2(clamp_inward(log_scale, LOG_SCALE_LOWEST, LOG_SCALE_HIGHEST))


def integer_steps(raw: Int[Tensor, "*shape"]) -> Int64[Tensor, "*shape"]:
    """Steps in units of Q0 / 2**16 (18 bits) from raw steps in units of 1/64; out-of-range ones are clamped."""
    table = _device_steps(raw.device)
    return table[(raw.to(torch.int64)).clamp(-STEP_INDEX_LIMIT, STEP_INDEX_LIMIT) + STEP_INDEX_LIMIT]


@lru_cache(maxsize=16)
def _device_steps(device: torch.device) -> Int64[Tensor, " entries"]:
    return torch.tensor(STEP_TABLE.tolist(), dtype=torch.int64, device=device)


def scale_rows(log_scale: Int[Tensor, "*shape"], fraction_bits: int) -> Int64[Tensor, "*shape"]:
    """Row 0..87 of the probability tables, from log scales in units of ``2**-fraction_bits`` octaves.

    Args:
        log_scale: t as an integer; a sum of two networks' outputs is fine.
        fraction_bits: At least 3. Finer than the tables' 1/8 octave pays where two outputs are added.
    """
    drop = fraction_bits - _SCALE_ROW_BITS
    if drop < 0:
        raise ValueError(f"log scales need at least {_SCALE_ROW_BITS} fractional bits, got {fraction_bits}")
    shifted = log_scale.to(torch.int64) - (int(LOG_SCALE_LOWEST) << fraction_bits) + ((1 << drop) >> 1)
    return (shifted >> drop).clamp(0, SCALE_ROWS - 1)


def integer_symbols(
    values: Float[Tensor, "N C"], mean: Int[Tensor, "N C"], step: Int[Tensor, "N #C"], base_step: float
) -> Int64[Tensor, "N C"]:
    """Symbols of real values under integer means and steps. Only an encoder runs this, so it may use floats.

    Args:
        values: Attributes in the unit of ``base_step``.
        mean: In 1/256 of the step.
        step: In 1/2**16 of ``base_step``, from ``integer_steps``.
        base_step: Q0 exactly as the file stores it.

    Raises:
        QuantisationError: A symbol is not finite or exceeds ``rounding.SYMBOL_LIMIT``.
    """
    ratio = values.detach().double() / (step.double() * (base_step / 2**STEP_FRACTION_BITS))
    return checked_symbols(ratio - _limited(mean).double() / 2**MEAN_FRACTION_BITS)


def integer_values(
    symbols: Int[Tensor, "N C"], mean: Int[Tensor, "N C"], step: Int[Tensor, "N #C"]
) -> Int64[Tensor, "N C"]:
    """Decoded attributes in units of Q0 / 2**24: ``step * (256 * symbol + mean)``, exact, below 2**51.

    Symbols beyond the limit (only a damaged file has them) are clamped, so nothing can overflow.
    """
    coarse = symbols.to(torch.int64).clamp(-SYMBOL_LIMIT, SYMBOL_LIMIT) << MEAN_FRACTION_BITS
    return step.to(torch.int64) * (coarse + _limited(mean))


def real_values(values: Int64[Tensor, "N C"], base_step: float) -> Float[Tensor, "N C"]:
    """Decoded attributes as float32, in the unit of ``base_step``; the same bits on every IEEE machine.

    ``values`` and the power of two are exact in float64, so one multiplication and one conversion round.
    """
    return (values.double() * (base_step / 2**VALUE_FRACTION_BITS)).float()


def _limited(mean: Int[Tensor, "*shape"]) -> Int64[Tensor, "*shape"]:
    return mean.to(torch.int64).clamp(-MEAN_LIMIT, MEAN_LIMIT)
