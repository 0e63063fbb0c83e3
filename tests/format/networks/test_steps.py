"""Steps and table rows in integers follow those that training knows."""

import math

import numpy as np
import torch

from csgaussian_ns.format.networks import steps
from csgaussian_ns.quant.steps import step_from_raw


def test_integer_steps_follow_the_real_ones():
    raw = np.linspace(-4.5, 4.5, 5001)
    index = np.rint(raw * 2**steps.RAW_STEP_BITS).astype(np.int64)
    real = step_from_raw(torch.from_numpy(index / 64)).numpy()
    assert np.abs(steps.integer_steps(index) - real * 65536).max() <= 0.5
    assert np.abs(steps.integer_log_steps(index) - 256 * np.log2(real)).max() <= 0.53  # of steps rounded themselves
    unrounded = step_from_raw(torch.from_numpy(raw)).numpy()
    # tanh is steepest, relative to 1.1 + tanh, at 1.28 per unit
    assert np.abs((steps.integer_steps(index) / 65536 - unrounded) / unrounded).max() < 0.0101


def test_scale_rows_are_eighths_of_an_octave():
    ratio = np.arange(-6 * 256, 9 * 256)
    expected = [max(0, min(87, math.floor(8 * (v / 256 + 4) + 0.5))) for v in ratio.tolist()]
    assert steps.scale_rows(ratio).tolist() == expected
