"""The plan of a training run as data. No step number stands anywhere else."""

from dataclasses import dataclass, replace
from typing import Literal

from csgaussian_ns.core.errors import ConfigError

Quantisation = Literal["none", "fixed noise", "learned noise", "mixed", "rounding"]
"""What is done to attributes before they are rendered. Noise stands for rounding: it has a gradient.

``mixed`` renders rounded values and pays for noisy ones (Minnen and Singh, Channel-wise autoregressive entropy models,
2020): most channels need less than a bit, and noise then disturbs a picture more than rounding to the mean does.
"""


MIN_EDITS = 4
"""Times the anchor set is edited even in the shortest run that grows it."""


@dataclass(frozen=True)
class StageState:
    """What holds at one step.

    Attributes:
        name: Shown to the user.
        observe: Growth statistics are collected.
        edit_anchors: Anchors are grown and pruned after this step.
        quantisation: See ``Quantisation``.
        rate: Bits are estimated and paid for, masks are trained.
        start_rate: This is the first such step: the entropy model starts from the scene's statistics.
    """

    name: str
    observe: bool
    edit_anchors: bool
    quantisation: Quantisation = "none"
    rate: bool = False
    start_rate: bool = False


@dataclass(frozen=True)
class StagePlan:
    """Colour: warm-up and growth of the anchor set, then rate-distortion optimisation of what is there.

    Attributes:
        total: Steps of the whole run.
        observe_from: First step that feeds the growth statistics.
        grow_from, grow_until: Steps between which anchors are grown and pruned.
        grow_every: Steps between two edits. A count of views, so it does not scale with ``total``; only where growth
            becomes so short that fewer than ``MIN_EDITS`` would fit, the edits move together.
        noise_from: First step with noise of the base steps on the attributes. ``None``: never, nor any of what follows.
        rate_from: First step with learned steps, rate loss and masks.
        mix_from: First step that renders rounded values, with a straight-through gradient; the rate is still of noisy
            ones, and steps are learned.
        round_from: First step with rounded values in both, and steps that stay.
        growth_pause: Steps after ``noise_from`` in which the anchor set is left alone: it has to settle first.
    """

    total: int
    observe_from: int
    grow_from: int
    grow_until: int
    grow_every: int
    noise_from: int | None = None
    rate_from: int = 0
    mix_from: int = 0
    round_from: int = 0
    growth_pause: int = 0

    def __post_init__(self) -> None:
        """Refuse a plan whose steps are out of order."""
        growth = 0 <= self.observe_from <= self.grow_from <= self.grow_until <= self.total and self.grow_every >= 1
        rate = self.noise_from is None or (
            0 <= self.noise_from <= self.rate_from <= self.mix_from <= self.round_from <= self.total
        )
        if not (growth and rate):
            raise ConfigError(
                "a plan needs 0 <= observe_from <= grow_from <= grow_until <= total, grow_every >= 1, and "
                f"0 <= noise_from <= rate_from <= mix_from <= round_from <= total; this one is {self}"
            )

    def scaled_to(self, total: int) -> "StagePlan":
        """The same plan over another number of steps."""
        names = ["observe_from", "grow_from", "grow_until", "rate_from", "mix_from", "round_from", "growth_pause"]
        names += ["noise_from"] if self.noise_from is not None else []
        scaled = {name: round(getattr(self, name) * total / self.total) for name in names}
        room = max((scaled["grow_until"] - scaled["grow_from"]) // MIN_EDITS, 1)
        return replace(self, total=total, grow_every=min(self.grow_every, room), **scaled)

    def without_rate(self) -> "StagePlan":
        """The same plan for a scene that is not to be compressed."""
        return replace(self, noise_from=None, rate_from=0, mix_from=0, round_from=0, growth_pause=0)

    def at(self, step: int) -> StageState:
        """What holds at ``step`` (counted from 0; steps beyond ``total`` are like the last)."""
        growing = self.grow_from <= step < self.grow_until
        quantisation = self._quantisation(step)
        rate = quantisation in ("learned noise", "mixed", "rounding")
        paused = self.noise_from is not None and self.noise_from <= step < self.noise_from + self.growth_pause
        if step < self.grow_from:
            name = "warm-up"
        elif quantisation == "rounding":
            name = "rounding"
        elif rate:
            name = "rate"
        else:
            name = "growth" if growing else "refinement"
        return StageState(
            name=name,
            observe=self.observe_from <= step < self.grow_until and not paused,
            edit_anchors=growing and not paused and step > 0 and step % self.grow_every == 0,
            quantisation=quantisation,
            rate=rate,
            start_rate=self.noise_from is not None and step == self.rate_from,
        )

    def _quantisation(self, step: int) -> Quantisation:
        if self.noise_from is None or step < self.noise_from:
            return "none"
        if step < self.rate_from:
            return "fixed noise"
        if step < self.round_from:
            return "learned noise" if step < self.mix_from else "mixed"
        return "rounding"


@dataclass(frozen=True)
class SemanticState:
    """What holds at one step of stages 2 and 3; colour is frozen in all of them.

    Attributes:
        name: Shown to the user.
        start: This is the first step: the features come into being.
        quantisation: Of the features.
        rate: Bits are estimated and paid for: stage 3.
        start_rate: This is the first such step: the entropy model starts from the features' statistics.
    """

    name: str
    start: bool
    quantisation: Quantisation
    rate: bool
    start_rate: bool


@dataclass(frozen=True)
class SemanticPlan:
    """Stages 2 and 3, which follow the colour plan. Steps count from the first one after it.

    Attributes:
        total: Steps of both stages.
        rate_from: First step of stage 3: learned steps, rate loss.
        round_from: First step that renders really rounded features, with a straight-through gradient.
        noise: Stage 2 puts noise of the base step on the features (quantisation-aware training).
    """

    total: int
    rate_from: int
    round_from: int
    noise: bool = True

    def __post_init__(self) -> None:
        """Refuse a plan whose steps are out of order."""
        if not 0 <= self.rate_from <= self.round_from <= self.total:
            raise ConfigError(f"a semantic plan needs 0 <= rate_from <= round_from <= total; this one is {self}")

    def scaled_to(self, total: int) -> "SemanticPlan":
        """The same plan over another number of steps."""
        scaled = {name: round(getattr(self, name) * total / self.total) for name in ("rate_from", "round_from")}
        return replace(self, total=total, **scaled)

    def at(self, step: int) -> SemanticState:
        """What holds at ``step`` (>= 0; steps beyond ``total`` are like the last)."""
        quantisation: Quantisation = "fixed noise" if self.noise else "none"
        if step >= self.rate_from:
            quantisation = "learned noise" if step < self.round_from else "rounding"
        rate = step >= self.rate_from
        names = {"learned noise": "meaning, rate", "rounding": "meaning, rounding"}
        return SemanticState(
            name=names.get(quantisation, "meaning"),
            start=step == 0,
            quantisation=quantisation,
            rate=rate,
            start_rate=step == self.rate_from,
        )


PAPER_PLAN = StagePlan(
    total=40_000,
    observe_from=500,
    grow_from=1_500,
    grow_until=20_000,
    grow_every=100,
    noise_from=3_000,
    rate_from=10_000,
    mix_from=11_000,
    round_from=38_000,
    growth_pause=1_000,
)
"""CAT-3DGS's schedule, on which CSGaussian is built; rounding is ours."""

LITE_PLAN = StagePlan(
    total=5_000,
    observe_from=100,
    grow_from=500,
    grow_until=1_800,
    grow_every=100,
    noise_from=700,
    rate_from=2_000,
    mix_from=2_300,
    round_from=4_000,
)
"""The same plan at an eighth of the length. Growth and rounding get larger shares: with few steps, edits need their
number, and decoders and entropy model need time to settle on rounded values."""

QUICK_PLAN = StagePlan(
    total=1_000,
    observe_from=21,
    grow_from=150,
    grow_until=450,
    grow_every=75,
    noise_from=617,
    rate_from=667,
    mix_from=717,
    round_from=867,
)
"""For a run of few steps (docs/decisions/0037): first the picture, then, in the last third, noise and rate. Steps that
pay for the rate take nearly twice as long as others, and noise that comes early costs a short run its picture."""

PLANS = {"paper": PAPER_PLAN, "lite": LITE_PLAN, "quick": QUICK_PLAN}
"""Plans by the name that configs use."""

PAPER_SEMANTIC_PLAN = SemanticPlan(total=8_000, rate_from=4_500, round_from=7_400)
"""The paper gives no lengths; these are ours."""

LITE_SEMANTIC_PLAN = SemanticPlan(total=800, rate_from=450, round_from=740)

QUICK_SEMANTIC_PLAN = LITE_SEMANTIC_PLAN.scaled_to(300)

SEMANTIC_PLANS = {"paper": PAPER_SEMANTIC_PLAN, "lite": LITE_SEMANTIC_PLAN, "quick": QUICK_SEMANTIC_PLAN}
"""What follows each of ``PLANS`` where a capture has masks."""
