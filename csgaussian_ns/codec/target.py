"""A file that meets a target, of any scene that has a knob; and in words what can be reached where none does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from csgaussian_ns.codec.encode import Encoded, TrainedScene, encode
from csgaussian_ns.codec.search import Goal, Outcome, QualityGoal, search
from csgaussian_ns.core.errors import ConfigError

Quality = Mapping[str, float]
"""Means over held-out views by name; ``psnr`` in dB is among them."""


@runtime_checkable
class Knob(Protocol):
    """What makes smaller files of a scene that is trained: coarser steps, or one model's weight of the rate."""

    OPTION: ClassVar[str]
    """How people set it."""
    NAME: ClassVar[str]
    """What it is called."""
    FACT: ClassVar[str]
    """The same in reports and in META."""
    BETTER: ClassVar[str]
    """What to do where the largest file is not good enough, as a sentence."""
    SMALLER: ClassVar[str]
    """What to do where the smallest file is not small enough."""

    @property
    def ends(self) -> tuple[float, float]:
        """Its value for the largest file, and for the smallest."""
        ...

    def at(self, scale: float, /) -> TrainedScene:
        """The scene to code at a value."""
        ...


@dataclass(frozen=True)
class Attempt:
    """A file, and how it looks where that was measured."""

    encoded: Encoded
    quality: Quality | None = None

    def in_words(self) -> str:
        """Its size and quality."""
        told = "" if self.quality is None else f", {self.quality['psnr']:.2f} dB"
        return f"{len(self.encoded.data):,} bytes{told}"


def meet(
    goal: Goal,
    knob: Knob,
    measure: Callable[[bytes], Quality] | None,
    coder: str = "rans",
    tell: Callable[[int], None] = lambda number: None,
) -> Outcome[Attempt]:
    """Encode until a file meets the goal, or it is known that none will; see ``search``.

    Args:
        goal: What was asked for.
        knob: Of the scene.
        measure: How a file looks. Of all tries where the goal is about that, else of the one that is the answer.
        coder: See ``encode``.
        tell: Called with the number of each try, from 1, before it is made.

    Raises:
        ConfigError: The goal is about quality, and there is nothing to measure it with.
        CsgError: As of ``encode`` and of the knob.
    """
    of_quality, made = isinstance(goal, QualityGoal), []
    if of_quality and measure is None:
        raise ConfigError("a PSNR can only be met where held-out photos can be looked at")

    def attempt(value: float) -> tuple[Attempt, float]:
        made.append(value)
        tell(len(made))
        encoded = encode(knob.at(value), coder=coder)
        if not of_quality or measure is None:
            return Attempt(encoded), float(len(encoded.data))
        quality = measure(encoded.data)
        return Attempt(encoded, quality), quality["psnr"]

    return search(attempt, goal, *knob.ends)


def refusal(asked: str, outcome: Outcome[Attempt], knob: Knob, measure: Callable[[bytes], Quality] | None) -> str:
    """Why no file is written, and which one there could be.

    Args:
        asked: The option as it was typed.
        outcome: Of a search without a ``best`` one.
        knob: What was searched.
        measure: How a file looks, if that can be told.
    """
    nearest = outcome.beyond
    assert nearest is not None and outcome.best is None
    made = nearest.made
    if made.quality is None and measure is not None:
        made = Attempt(made.encoded, measure(made.encoded.data))
    which, advice = ("best", knob.BETTER) if outcome.verdict == "above" else ("smallest", knob.SMALLER)
    value = f"{knob.OPTION} {nearest.knob:g}"
    return f"{asked}: the {which} file that this run makes has {made.in_words()} ({value}). {advice}"


def remark_on(outcome: Outcome[Attempt], knob: Knob) -> str:
    """What is to be said of a file that keeps a limit but is not near it; nothing where the target was met."""
    if outcome.verdict == "met":
        return ""
    if outcome.verdict == "between" and outcome.beyond is not None:
        beyond = f"{outcome.beyond.made.in_words()} ({knob.OPTION} {outcome.beyond.knob:g})"
        return f", the nearest of {len(outcome.tries)} encodes, and beyond it one of {beyond}"
    return f", the {'largest' if outcome.verdict == 'above' else 'smallest'} file that this run makes"
