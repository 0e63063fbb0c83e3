"""The value of a knob at which a file is as large, or as good, as was asked for: found by real encodes, few of them.

Knows nothing of the knob but that larger values make smaller and worse files: steps, the weight of the rate, anything.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

MOST_TRIES = 8
"""Encodes of a search, at most."""
SIZE_TOLERANCE = 0.02
"""Share by which a file may be smaller than asked. It is never larger: sizes are asked for where something ends."""
QUALITY_TOLERANCE = 0.1
"""Decibels by which a file may be better than asked, 2 % of its squared error. It is never worse."""
_AWAY = 0.03
"""Share of a bracket by which a try stays away from the ends of it."""
_DIGITS = 5
"""Of the values that are tried, so that people can type them."""

T = TypeVar("T")
Verdict = Literal["met", "above", "below", "between"]
"""The target was met; it is above, or below, all that can be reached; or it lies in a gap that stayed open."""


@dataclass(frozen=True)
class SizeGoal:
    """So many bytes, or up to 2 % fewer."""

    target: int

    def error(self, value: float) -> float:
        """How far a size is above the middle of those that meet the target, which have errors of -1 to 1.

        By logarithms: sizes fall by factors.
        """
        return 1 - 2 * math.log(value / self.target) / math.log(1 - SIZE_TOLERANCE)

    def kept(self, error: float) -> bool:
        """Whether a size of this error is no larger than asked."""
        return error <= 1

    def away(self, value: float) -> str:
        """How far a size is from the target, for people."""
        return f"{100 * (value / self.target - 1):+.1f} %"


@dataclass(frozen=True)
class QualityGoal:
    """A PSNR in dB, or up to 0.1 dB more."""

    target: float

    def error(self, value: float) -> float:
        """The same of a PSNR."""
        return 2 * (value - self.target) / QUALITY_TOLERANCE - 1

    def kept(self, error: float) -> bool:
        """Whether a PSNR of this error is no lower than asked."""
        return error >= -1

    def away(self, value: float) -> str:
        """The same of a PSNR."""
        return f"{value - self.target:+.2f} dB"


Goal: TypeAlias = SizeGoal | QualityGoal


@dataclass(frozen=True)
class Tried(Generic[T]):
    """One encode: the knob, what was made, and how far it is from the goal."""

    knob: float
    made: T
    error: float

    @property
    def met(self) -> bool:
        """Whether it is as was asked."""
        return abs(self.error) <= 1


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a search found.

    Attributes:
        verdict: See ``Verdict``.
        tries: All, in their order.
        goal: What was asked for.
    """

    verdict: Verdict
    tries: tuple[Tried[T], ...]
    goal: Goal

    @property
    def best(self) -> Tried[T] | None:
        """The nearest to the target of those that keep it as a limit; ``None`` if none does."""
        return self._nearest(kept=True)

    @property
    def beyond(self) -> Tried[T] | None:
        """The nearest of those that do not keep it."""
        return self._nearest(kept=False)

    def _nearest(self, kept: bool) -> Tried[T] | None:
        """The latest of equally near ones: the search closes in on a gap."""
        tries = [tried for tried in reversed(self.tries) if self.goal.kept(tried.error) is kept]
        return min(tries, key=lambda tried: abs(tried.error), default=None)


def search(
    attempt: Callable[[float], tuple[T, float]],
    goal: Goal,
    finest: float,
    coarsest: float,
    most: int = MOST_TRIES,
) -> Outcome[T]:
    """Find the knob.

    First the finest, then the coarsest value, as they bound what can be reached; then between them, on the logarithm of
    the knob, where the parabola through the last three tries meets the goal, or in the middle of the bracket where
    those do not lie on one that could be trusted (Chandrupatla 1997, doi 10.1016/S0965-9978(96)00051-8).

    Args:
        attempt: Encodes at a value of the knob, and says what was made and the figure that the goal is about.
        goal: What was asked for.
        finest: End of the knob where files are largest, above 0.
        coarsest: The other end, above that.
        most: Encodes, at least 3.
    """
    tries: list[Tried[T]] = []

    def at(knob: float) -> Tried[T]:
        made, value = attempt(knob)
        tries.append(Tried(knob, made, goal.error(value)))
        return tries[-1]

    def found(verdict: Verdict) -> Outcome[T]:
        return Outcome("met" if tries[-1].met else verdict, tuple(tries), goal)

    if at(finest).error <= 1:
        return found("above")
    if at(coarsest).error >= -1:
        return found("below")
    bracket = _Bracket(*tries)
    while len(tries) < most and not tries[-1].met and (knob := bracket.next()) not in {tried.knob for tried in tries}:
        bracket.add(at(knob))
    return found("between")


class _Bracket(Generic[T]):
    """The last tries on both sides of a goal: the newest, the one opposite, and the one before."""

    def __init__(self, above: Tried[T], below: Tried[T]) -> None:
        self._newest, self._opposite, self._before = below, above, None

    def next(self) -> float:
        """The value of the knob to try."""
        new, old = math.log(self._newest.knob), math.log(self._opposite.knob)
        knob = math.exp(new + min(max(self._share(), _AWAY), 1 - _AWAY) * (old - new))
        return float(f"{knob:.{_DIGITS}g}")

    def _share(self) -> float:
        """Of the way from the newest to the opposite try."""
        a, b = self._newest.error, self._opposite.error
        if self._before is None:
            return a / (a - b)
        c = self._before.error
        x, y, z = (math.log(tried.knob) for tried in (self._newest, self._opposite, self._before))
        place, height = (x - y) / (z - y), (a - b) / (c - b)
        if height**2 >= place or (1 - height) ** 2 >= 1 - place:
            return 0.5  # a parabola through the three would turn between them
        return a / (b - a) * c / (b - c) + (z - x) / (y - x) * a / (c - a) * b / (c - b)

    def add(self, tried: Tried[T]) -> None:
        """Replace the end on its side."""
        if (tried.error > 0) is (self._newest.error > 0):
            self._newest, self._before = tried, self._newest
        else:
            self._newest, self._opposite, self._before = tried, self._newest, self._opposite
