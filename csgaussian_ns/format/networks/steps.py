"""Quantisation steps and table rows in integers: what training's ``quant.steps`` means in a file.

========= ==================== ===============================================
output    integer unit         coding
========= ==================== ===============================================
raw step  r in 1/64            q by table, in 1/2**16 base step
mean      m in 1/256           a = mu + q s in 1/2**16 base step
log scale t in 1/256 octave    row k = round(8 (t - log2 q + 4)) of a family's 88 tables
========= ==================== ===============================================

All in base steps: one float per attribute type, stored in the file. r is limited to +-256, so q cannot reach zero. The
logarithm of q is a table too, so sigma / q is a difference and coding divides nowhere.
"""

import numpy as np

from csgaussian_ns.core.shapes import Int64
from csgaussian_ns.format.streams.symbol_tables import SMALLEST_OCTAVE, STEPS_PER_OCTAVE, TABLES_PER_FAMILY
from csgaussian_ns.format.tables import integers

MEAN_BITS, LOG_SCALE_BITS, RAW_STEP_BITS = 8, 8, 6
RAW_STEP_LIMIT = 256
_ROW_BITS = LOG_SCALE_BITS - (STEPS_PER_OCTAVE.bit_length() - 1)
"""log2 of the step from one row to the next."""


def integer_steps(raw: Int64[np.ndarray, "*shape"]) -> Int64[np.ndarray, "*shape"]:
    """Steps in 1/2**16 base step (18 bits) from raw steps in 1/64; out-of-range ones are clamped."""
    return integers("steps.bin")[raw.clip(-RAW_STEP_LIMIT, RAW_STEP_LIMIT) + RAW_STEP_LIMIT]


def integer_log_steps(raw: Int64[np.ndarray, "*shape"]) -> Int64[np.ndarray, "*shape"]:
    """Octaves of the steps relative to the base step in 1/256, from raw steps in 1/64."""
    return integers("log_steps.bin")[raw.clip(-RAW_STEP_LIMIT, RAW_STEP_LIMIT) + RAW_STEP_LIMIT]


def scale_rows(log_ratio: Int64[np.ndarray, "*shape"]) -> Int64[np.ndarray, "*shape"]:
    """Row 0..87 of a family of probability tables, from log2(sigma / q) in 1/256."""
    above_lowest = log_ratio - (SMALLEST_OCTAVE << LOG_SCALE_BITS)
    return ((above_lowest + (1 << _ROW_BITS >> 1)) >> _ROW_BITS).clip(0, TABLES_PER_FAMILY - 1)
