"""Quantisation steps and table rows: one parametrisation, in floating point for training, in integers for coding.

A network's outputs mean the same on both sides (source: CSGaussian 4.2, with CAT-3DGS' range of steps):

========= ======================= ==================== ===============================================
output    training                integer unit         coding
========= ======================= ==================== ===============================================
raw step  q = 1.1 + tanh r        r in 1/64            ``STEP_TABLE``: q in 1/2**16
mean      mu = m                  m in 1/256           a = mu + q s in 1/2**16
log scale sigma = 2**t            t in 1/2**f octaves  row k = round(8 (t - log2 q + 4)) of 88 tables
========= ======================= ==================== ===============================================

All in base steps: one float per attribute type, stored in the file. r is clamped to [-4, 4] and t - log2 q to
[-4, 6.875]. q cannot reach zero, and sigma / q is a table row, so coding divides nowhere.
"""

from functools import lru_cache

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from csgaussian_ns.quant.rounding import clamp_inward
from csgaussian_ns.quant.tables import STEP_TABLE

STEP_OFFSET = 1.1
RAW_STEP_LIMIT = 4.0
RAW_STEP_FRACTION_BITS = 6
"""Coding rounds the raw step to 1/64; two neighbouring steps differ by 2 % at most."""
STEP_INDEX_LIMIT = 256

LOG_SCALE_LOWEST = -4.0
SCALE_ROWS = 88
"""Eight tables per octave of sigma / q; finer ones would save less than 0.06 % of the bits."""
_SCALE_ROW_BITS = 3


def step_from_raw(raw: Float[Tensor, "*shape"], base_step: float) -> Float[Tensor, "*shape"]:
    """Quantisation step ``base_step * (1.1 + tanh(raw))``, between 0.10 and 2.10 base steps, in their unit."""
    return base_step * (STEP_OFFSET + torch.tanh(clamp_inward(raw, -RAW_STEP_LIMIT, RAW_STEP_LIMIT)))


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
