"""Priors of channels: symbols of real values, and what cannot be coded."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.format.networks.model import SYMBOL_LIMIT, ChannelPrior


def prior(count: int) -> ChannelPrior:
    """Mean 0.5, step 1: in base steps."""
    wide = np.ones(count, np.int64)
    return ChannelPrior(128 * wide, 65536 * wide, np.zeros(count, np.uint8))


def test_symbols_are_the_nearest_integers_and_halves_go_to_even():
    found = prior(4).symbols(np.array([0.9, -0.9, 3.0, 4.0]))
    assert found.tolist() == [0, -1, 2, 4]
    assert (prior(4).values(found) / 65536).tolist() == [0.5, -0.5, 2.5, 4.5]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 3e7])
def test_what_cannot_be_coded_is_an_error(bad: float):
    with pytest.raises(QuantisationError, match="steps from its mean"):
        prior(2).symbols(np.array([0.0, bad]))


def test_symbols_of_damaged_streams_stay_in_range():
    wild = np.array([1 << 31, -(1 << 40)])
    assert (prior(2).values(wild) == 65536 * SYMBOL_LIMIT * np.sign(wild) + 32768).all()
