"""The plan of a training run as data. No step number stands anywhere else."""

from dataclasses import dataclass, replace

from csgaussian_ns.core.errors import ConfigError


@dataclass(frozen=True)
class StageState:
    """What holds at one step.

    Attributes:
        name: Shown to the user.
        observe: Growth statistics are collected.
        edit_anchors: Anchors are grown and pruned after this step.
    """

    name: str
    observe: bool
    edit_anchors: bool


@dataclass(frozen=True)
class StagePlan:
    """A colour stage: warm-up, growth of the anchor set, refinement of what is there.

    Attributes:
        total: Steps of the whole run.
        observe_from: First step that feeds the growth statistics.
        grow_from, grow_until: Steps between which anchors are grown and pruned.
        grow_every: Steps between two edits. A count of views, so it does not scale with ``total``.
    """

    total: int
    observe_from: int
    grow_from: int
    grow_until: int
    grow_every: int

    def __post_init__(self) -> None:
        """Refuse a plan whose steps are out of order."""
        if not 0 <= self.observe_from <= self.grow_from <= self.grow_until <= self.total or self.grow_every < 1:
            raise ConfigError(
                "a plan needs 0 <= observe_from <= grow_from <= grow_until <= total and grow_every >= 1; "
                f"this one is {self}"
            )

    def scaled_to(self, total: int) -> "StagePlan":
        """The same plan over another number of steps."""
        ratio = total / self.total
        return replace(
            self,
            total=total,
            observe_from=round(self.observe_from * ratio),
            grow_from=round(self.grow_from * ratio),
            grow_until=round(self.grow_until * ratio),
        )

    def at(self, step: int) -> StageState:
        """What holds at ``step`` (counted from 0; steps beyond ``total`` refine)."""
        growing = self.grow_from <= step < self.grow_until
        if step < self.grow_from:
            name = "warm-up"
        else:
            name = "growth" if growing else "refinement"
        return StageState(
            name=name,
            observe=self.observe_from <= step < self.grow_until,
            edit_anchors=growing and step > 0 and step % self.grow_every == 0,
        )


PAPER_PLAN = StagePlan(total=30_000, observe_from=500, grow_from=1_500, grow_until=15_000, grow_every=100)
"""Scaffold-GS's schedule, which the colour stage of CSGaussian inherits."""

LITE_PLAN = StagePlan(total=3_000, observe_from=100, grow_from=500, grow_until=1_800, grow_every=100)
"""The same plan at a tenth of the length. Growth gets a larger share: with few steps it needs its number of edits."""

PLANS = {"paper": PAPER_PLAN, "lite": LITE_PLAN}
"""Plans by the name that configs use."""
