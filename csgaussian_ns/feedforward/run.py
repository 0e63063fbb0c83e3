"""A run in its folder: checkpoints, the file of weights, curves, and lines that say how far it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.files import make_folder, replace_file, write_json
from csgaussian_ns.feedforward.batches import Batches
from csgaussian_ns.feedforward.loop import Told, Training

WEIGHTS, FACTS, CHECKPOINTS = "weights.csgw", "weights.json", "checkpoints"
LINE_SECONDS = 10.0
SMOOTHING = 0.99
"""Share of the past in what is told; single scenes differ by many dB."""


@dataclass(frozen=True)
class RunOptions:
    """What is written, and when.

    Attributes:
        folder: Of the run.
        save_every: Steps between two checkpoints, each with a file of weights.
        measure_every: Steps between two measurements of held-out scenes; 0 for none.
        measured: Steps of held-out scenes that are measured.
        curves: Whether curves are written for TensorBoard.
        checkpoints: Name of the folder of checkpoints in that of the run.
    """

    folder: Path
    save_every: int = 1000
    measure_every: int = 2000
    measured: int = 8
    curves: bool = True
    checkpoints: str = CHECKPOINTS

    def check(self) -> None:
        """See that they can work.

        Raises:
            ConfigError: They cannot.
        """
        if self.save_every < 1 or self.measure_every < 0 or self.measured < 1:
            raise ConfigError(
                f"save_every {self.save_every}, measure_every {self.measure_every}, measured {self.measured}; expected "
                "at least 1, 0 and 1"
            )


def newest(folder: Path) -> Path | None:
    """The last checkpoint in a folder."""
    return max(folder.glob("step-*.ckpt"), default=None)


def carry_out(
    training: Training,
    held_out: Batches | None,
    options: RunOptions,
    say: Callable[[str], object],
    until: int | None = None,
) -> None:
    """Train to the end, or to a step; a checkpoint and weights are written at the end of it in any case.

    Args:
        training: New, or resumed.
        held_out: Scenes to measure; ``None`` where there are none.
        options: What is written.
        say: Takes lines for people.
        until: Steps done, at which it stops; all where ``None``.

    Raises:
        ConfigError: Something cannot be written.
        BackendUnavailable: TensorBoard is not installed.
    """
    options.check()
    make_folder(options.folder)
    curves = _curves(options.folder) if options.curves else None
    last = training.options.steps if until is None else min(until, training.options.steps)
    lines = _Lines(training.step, training.options.steps, say)
    saved = training.step if newest(options.folder / options.checkpoints) else -1  # it has been resumed
    while training.step < last:
        told = training.advance()
        means = lines.take(told)
        if curves is not None and training.step % 20 == 0:
            for name, value in means.items():
                curves.add_scalar(f"train/{name}", value, training.step)
        if options.measure_every and held_out is not None and training.step % options.measure_every == 0:
            _measure(training, held_out, options.measured, curves, say)
        if training.step % options.save_every == 0:
            keep(training, options)
            saved = training.step
    if saved != training.step or not (options.folder / WEIGHTS).is_file():
        keep(training, options)
    if curves is not None:
        curves.close()
    facts = options.folder / WEIGHTS
    say(f"{facts}: step {training.step}, SHA-256 {sha256(facts.read_bytes()).hexdigest()}")


def keep(training: Training, options: RunOptions) -> None:
    """Write a checkpoint and the file of weights; older checkpoints go once the new one is there.

    Raises:
        ConfigError: They cannot be written.
    """
    folder = options.folder / options.checkpoints
    path = folder / f"step-{training.step:09d}.ckpt"
    training.write(path)
    for older in folder.glob("step-*.ckpt"):
        if older != path:
            older.unlink()
    data = training.weights()
    replace_file(options.folder / WEIGHTS, data)
    facts = {
        "sha256": sha256(data).hexdigest(),
        "bytes": len(data),
        "step": training.step,
        "scenes": len(training.batches),
        "settings": training.settings.to_json(),
    }
    write_json(options.folder / FACTS, facts)


def _measure(training: Training, held_out: Batches, scenes: int, curves: Any, say: Callable[[str], object]) -> None:
    found = training.measure(held_out, scenes)
    words = "  ".join(f"{told.psnr:.2f} dB {told.kib:.2f} KiB" for told in found)
    say(f"step {training.step}  held out, level by level: {words}")
    if curves is not None:
        for told in found:
            curves.add_scalar(f"held_out/psnr_{told.level}", told.psnr, training.step)
            curves.add_scalar(f"held_out/kib_{told.level}", told.kib, training.step)


def _curves(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise BackendUnavailable(
            f"curves need TensorBoard, which cannot be loaded ({error}); pip install tensorboard, or train without them"
        ) from error
    return SummaryWriter(str(folder))


class _Lines:
    """Says now and then how far a run is."""

    def __init__(self, start: int, total: int, say: Callable[[str], object]) -> None:
        self._start, self._total, self._say = start, total, say
        self._means: dict[str, float] = {}
        self._began: float = time.monotonic()
        self._last: float = self._began

    def take(self, told: Told) -> dict[str, float]:
        """A step that is done; the running means."""
        for name in ("loss", "psnr", "kib"):
            value = float(getattr(told, name))
            self._means[name] = SMOOTHING * self._means.get(name, value) + (1 - SMOOTHING) * value
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS or told.step == self._total:
            self._last = now
            each = max(1e-9, now - self._began) / max(1, told.step - self._start)
            left = int(each * (self._total - told.step))
            eta = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
            self._say(
                f"step {told.step}/{self._total}  train PSNR {self._means['psnr']:.2f} dB  {self._means['kib']:.2f} KiB"
                f"  {1 / each:.1f} it/s  ETA {eta}"
            )
        return self._means
