"""``ns-export csg-bitstream --target-size | --target-psnr | --step-scale``: smaller files of a run that is trained.

A target is met by lambda where the run is trained for many, else by coarser steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from nerfstudio.utils.rich_utils import CONSOLE
from rich.table import Table

from csgaussian_ns.codec.coarser import StepScale, worth_of
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import Encoded, TrainedScene, encode
from csgaussian_ns.codec.search import MOST_TRIES, Goal, Outcome, QualityGoal, SizeGoal
from csgaussian_ns.codec.target import Attempt, Knob, Quality, meet, refusal, remark_on
from csgaussian_ns.core.asked import FINEST, check_asked
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.sizes import parse_size
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.ns.pipeline import CSGaussianPipeline
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.finding.views import spread


@dataclass(frozen=True)
class Asked:
    """How the file shall differ from the one that was trained.

    Attributes:
        option: As it was typed.
        goal: To be met; ``None`` where ``scale`` is given.
        scale: The step scale.
        facts: What the file says of it.
    """

    option: str
    goal: Goal | None
    scale: float
    facts: dict[str, object]


def asked_for(size: str | None, psnr: float | None, scale: float | None, evaluate: bool) -> Asked | None:
    """What three options ask for, of which at most one is given.

    Args:
        size: ``--target-size``.
        psnr: ``--target-psnr``.
        scale: ``--step-scale``.
        evaluate: Whether held-out photos shall be looked at.

    Raises:
        ConfigError: Two of them, or one that cannot be.
    """
    option = check_asked(size, psnr, scale)
    if option is None:
        return None
    if size is not None:
        target = parse_size(size, "--target-size")
        return Asked(option, SizeGoal(target), 1.0, {"target_bytes": target})
    if psnr is not None:
        if not evaluate:
            raise ConfigError(f"{option}: it is measured on held-out photos; leave --evaluate False out")
        return Asked(option, QualityGoal(psnr), 1.0, {"target_psnr": psnr})
    return Asked(option, None, scale or FINEST, {})


@dataclass(frozen=True)
class FileToWrite:
    """The file to write.

    Attributes:
        encoded: It.
        quality: Of it, where it is known already.
        report: For ``scene.json``.
        words: For the last line.
    """

    encoded: Encoded
    quality: Quality | None
    report: dict[str, Any]
    words: str


def coded(
    pipeline: CSGaussianPipeline,
    trained: TrainedScene,
    asked: Asked | None,
    coder: str,
    evaluate: bool,
    rate_given: bool = False,
) -> FileToWrite:
    """Encode a run as it was asked for.

    Args:
        pipeline: The run.
        trained: What the codec gets of it.
        asked: How the file shall differ from that.
        coder: See ``encode``.
        evaluate: Whether held-out photos may be looked at.
        rate_given: Lambda was given by hand, so that steps alone are searched.

    Raises:
        ConfigError: No file keeps the target as a limit; the message says what is in reach.
        CsgError: As of ``encode``.
    """
    if asked is None:
        return FileToWrite(encode(trained, coder=coder), None, {}, "")
    with CONSOLE.status(f"{asked.option}: what training views see of each anchor") as status:
        if asked.goal is None:
            scene, words = step_scale_of(pipeline, trained, asked).at(asked.scale), f", step scale {asked.scale:g}"
            return FileToWrite(encode(scene, coder=coder), None, {StepScale.FACT: asked.scale}, words)
        of_many = pipeline.model.scene.rates.trained and not rate_given
        knob: Knob = RateWeight(pipeline, trained, asked.facts) if of_many else step_scale_of(pipeline, trained, asked)
        measure: Callable[[bytes], Quality] | None = (lambda data: pipeline.quality(decode(data))) if evaluate else None

        def tell(number: int) -> None:
            status.update(f"{asked.option}: encode {number} of at most {MOST_TRIES}")

        outcome = meet(asked.goal, knob, measure, coder, tell)
    show(outcome, knob.NAME)
    best = outcome.best
    if best is None:
        raise ConfigError(refusal(asked.option, outcome, knob, measure))
    tries = [
        {knob.FACT: tried.knob, "bytes": len(tried.made.encoded.data), "anchors": tried.made.encoded.anchors}
        | dict(tried.made.quality or {})
        for tried in outcome.tries
    ]
    report = {knob.FACT: best.knob, **asked.facts, "tries": tries}
    words = f", {knob.NAME} {best.knob:g} for {asked.option}{remark_on(outcome, knob)}"
    return FileToWrite(best.made.encoded, best.made.quality, report, words)


@dataclass(frozen=True)
class RateWeight:
    """The knob of a run for many rates: lambda. A ``codec.target.Knob``.

    Attributes:
        pipeline: The run; it stays at the lambda that was looked at last.
        trained: What the codec gets of it at some lambda, with its objects: they do not depend on lambda.
        asked: What the file shall say of why it has this one.
    """

    OPTION: ClassVar[str] = "--lambda-rate"
    NAME: ClassVar[str] = "lambda"
    FACT: ClassVar[str] = "rate_weight"
    BETTER: ClassVar[str] = "A run with a lower one among its --pipeline.model.scene.rate-weights makes better ones"
    SMALLER: ClassVar[str] = "With --lambda-rate given as that, too, its steps are coarsened until the target is met"

    pipeline: CSGaussianPipeline
    trained: TrainedScene
    asked: dict[str, object]

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest that were trained."""
        weights = self.pipeline.model.scene.rates.trained
        return min(weights), max(weights)

    def at(self, weight: float) -> TrainedScene:
        """The scene to code at a lambda, which its facts tell.

        Raises:
            ConfigError: The run is not trained for it.
        """
        scene = self.pipeline.model.scene
        scene.rates.choose(weight)
        extra = {**self.trained.meta.extra, **self.asked, self.FACT: weight}
        meta = replace(self.trained.meta, extra=extra)
        return replace(self.trained, anchors=scene.decoded().anchors, meta=meta, rate_weight=weight)


def step_scale_of(pipeline: CSGaussianPipeline, trained: TrainedScene, asked: Asked) -> StepScale:
    """The knob of a run. Anchors are worth what its training views see of them, through lenses without distortion."""
    model, cameras = pipeline.model, pipeline.datamanager.train_dataset.cameras
    views = (to_camera(cameras[n : n + 1].to(model.device)) for n in spread(range(len(cameras))))
    scene = AnchorScene(trained.anchors, trained.decoders)
    worth = worth_of(scene, trained.anchors.mask, views, model.rasterizer)
    return StepScale(trained, model.scene.masked(), worth, asked.facts)


def show(outcome: Outcome[Attempt], called: str) -> None:
    """The table of the tries, with what the knob is ``called``: drawn on a terminal, plain lines elsewhere."""
    headings = ("encode", called, "anchors", "bytes", "PSNR", "from the target")
    goal, rows = outcome.goal, []
    for number, tried in enumerate(outcome.tries, 1):
        size, quality = len(tried.made.encoded.data), tried.made.quality
        value = quality["psnr"] if isinstance(goal, QualityGoal) and quality else float(size)
        psnr = f"{quality['psnr']:.2f} dB" if quality else ""
        rows.append(
            (str(number), f"{tried.knob:g}", f"{tried.made.encoded.anchors:,}", f"{size:,}", psnr, goal.away(value))
        )
    if not any(row[4] for row in rows):
        headings, rows = (*headings[:4], headings[5]), [(*row[:4], row[5]) for row in rows]
    if CONSOLE.is_terminal:
        table = Table(*headings)
        for row in rows:
            table.add_row(*row)
        CONSOLE.print(table)
        return
    widths = [max(map(len, cells)) for cells in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        line = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)
