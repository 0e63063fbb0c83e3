"""The search for a knob, on functions in place of encoders."""

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest

from csgaussian_ns.codec.search import MOST_TRIES, Outcome, QualityGoal, SizeGoal, Tried, search

T = TypeVar("T")

FINEST, COARSEST = 1.0, 12.0
CURVES: dict[str, Callable[[float], float]] = {
    "power": lambda s: 1.7e6 * s**-0.43,
    "line": lambda s: 1.7e6 - 1.1e5 * (s - 1),
    "exponential": lambda s: 2e5 + 1.5e6 * math.exp(-(s - 1) / 2),
    "fast at first": lambda s: 3e5 + 1.4e6 * math.exp(-(s - 1) * 3),
    "fast at last": lambda s: 1.7e6 - 1.2e6 * (math.log(s) / math.log(COARSEST)) ** 7,
    "bend": lambda s: 1.7e6 / (1 + s**3 / 60),
    "powers of ten": lambda s: 2e7 * s**-4,
}


def sized(curve: Callable[[float], float], target: int) -> tuple[Outcome[int], list[float]]:
    asked: list[float] = []

    def attempt(knob: float) -> tuple[int, float]:
        asked.append(knob)
        size = round(curve(knob))
        return size, float(size)

    return search(attempt, SizeGoal(target), FINEST, COARSEST), asked


def best_of(outcome: Outcome[T]) -> Tried[T]:
    assert outcome.best is not None
    return outcome.best


@pytest.mark.parametrize("name", CURVES)
def test_a_size_within_reach_is_met_in_few_encodes(name: str):
    curve = CURVES[name]
    counts = []
    for target in np.geomspace(curve(COARSEST) * 1.03, curve(FINEST) * 0.99, 23):
        outcome, asked = sized(curve, round(target))
        assert outcome.verdict == "met", f"{target:.0f} of {name}"
        assert 0.98 * target - 1 <= best_of(outcome).made <= target + 1
        assert len(asked) <= MOST_TRIES and best_of(outcome) is outcome.tries[-1]
        assert all(FINEST <= knob <= COARSEST for knob in asked)
        counts.append(len(asked))
    assert np.mean(counts) < 7


def test_noise_does_not_lead_astray():
    """Sizes that jump by 0.4 % up and down, not monotone from near: met all the same."""
    generator = np.random.default_rng(0)
    for target in np.geomspace(6.2e5, 1.6e6, 40):
        outcome, asked = sized(lambda s: CURVES["power"](s) * (1 + generator.uniform(-0.004, 0.004)), round(target))
        assert outcome.verdict == "met" and len(asked) <= MOST_TRIES
        assert 0.98 * target - 1 <= best_of(outcome).made <= target + 1


def test_random_monotone_functions_are_met_or_the_gap_is_told():
    generator = np.random.default_rng(1)
    gaps = 0
    for _ in range(60):
        knots = np.sort(generator.uniform(0, math.log(COARSEST), 6))
        falls = generator.exponential(size=6) / 2

        def curve(s: float, knots: np.ndarray = knots, falls: np.ndarray = falls) -> float:
            return 2e6 * math.exp(-_smooth(s, knots, falls))

        target = round(float(generator.uniform(curve(COARSEST) * 1.03, curve(FINEST) * 0.97)))
        outcome, asked = sized(curve, target)
        assert len(asked) <= MOST_TRIES
        if outcome.verdict == "met":
            assert 0.98 * target - 1 <= best_of(outcome).made <= target + 1
        else:
            gaps += 1
            above, below = outcome.beyond, best_of(outcome)
            assert outcome.verdict == "between" and above is not None
            assert above.made > target > below.made and above.knob < below.knob
    assert gaps < 8


def _smooth(s: float, knots: np.ndarray, falls: np.ndarray) -> float:
    return float(falls @ (0.5 + 0.5 * np.tanh((math.log(s) - knots) * 3)))


def test_what_is_out_of_reach_is_told_after_the_ends():
    curve = CURVES["power"]
    """One that is not reached is a limit that the finest file keeps, and one that is passed is kept by none."""
    above, asked = sized(curve, 1_900_000)
    assert above.verdict == "above" and asked == [FINEST] and best_of(above).made == 1_700_000
    below, asked = sized(curve, 300_000)
    assert above.beyond is None and below.best is None
    assert (
        below.verdict == "below"
        and asked == [FINEST, COARSEST]
        and below.beyond is not None
        and below.beyond.made == round(curve(COARSEST))
    )


def test_a_target_at_an_end_needs_no_search():
    curve = CURVES["power"]
    assert sized(curve, 1_710_000)[0].verdict == "met" and len(sized(curve, 1_710_000)[1]) == 1
    assert sized(curve, round(curve(COARSEST) * 1.01))[0].verdict == "met"


def test_a_jump_is_a_gap_with_both_of_its_sides():
    outcome, asked = sized(lambda s: 1e6 if s < 3 else 4e5, 700_000)
    assert outcome.verdict == "between" and len(asked) == MOST_TRIES
    above, below = outcome.beyond, best_of(outcome)
    assert above is not None
    assert (above.made, below.made) == (1_000_000, 400_000) and below.knob / above.knob < 1.2


def test_quality_is_met_from_above():
    def attempt(knob: float) -> tuple[str, float]:
        return f"{knob:.3f}", 28 - 1.4 * math.log(knob) ** 2

    for target in np.linspace(19.5, 27.9, 30):
        outcome = search(attempt, QualityGoal(float(target)), FINEST, COARSEST)
        assert outcome.verdict == "met" and len(outcome.tries) <= MOST_TRIES
        psnr = 28 - 1.4 * math.log(best_of(outcome).knob) ** 2
        assert target - 1e-9 <= psnr <= target + 0.1 + 1e-9
    above, below = (search(attempt, QualityGoal(target), FINEST, COARSEST) for target in (28.2, 15.0))
    assert above.verdict == "above" and above.best is None
    assert below.verdict == "below" and best_of(below).knob == COARSEST
