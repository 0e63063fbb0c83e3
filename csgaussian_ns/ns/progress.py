"""One line of progress for a training run: stage, anchors, the stage's figures, speed, time left."""

import time
from collections.abc import Mapping
from types import TracebackType

import torch
from nerfstudio.utils.rich_utils import CONSOLE
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where the output is not a terminal."""
REFRESH_INTERVAL = 0.5
"""Seconds between two looks at the figures. Looking waits for the device, so it is not done in every step."""
SMOOTHING = 0.98
"""Share of the past in the running means; single views differ by several dB."""
FIGURES = {
    "psnr": "train PSNR {:.2f} dB",
    "attributes_mb": "attributes {:.3f} MB",
    "smoothing": "smoothing {:.3f}",
    "contrast": "contrast {:.4f}",
    "features_mb": "features {:.4f} MB",
}
"""What is shown of a step's figures, in this order."""


class TrainingProgress:
    """A bar on a terminal, a plain line now and then in a log file. A context manager."""

    def __init__(self, total: int, start: int) -> None:
        """Count from ``start`` to ``total`` steps."""
        self._total, self._start = total, start
        self._means: dict[str, float] = {}
        self._unread: dict[str, list[Tensor]] = {}
        self._began = self._last_line = self._last_look = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=CONSOLE,
            transient=True,
            refresh_per_second=2,
            disable=not CONSOLE.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=total, completed=start, facts="")

    def __enter__(self) -> "TrainingProgress":
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing, also after an error."""
        self.stop()

    def stop(self) -> None:
        """Remove the bar; harmless if it is gone already."""
        self._bar.stop()

    def update(self, step: int, stage: str, anchors: int, figures: Mapping[str, Tensor]) -> None:
        """Report that ``step`` (counted from 0) is done.

        Args:
            step: The step.
            stage: Name of the stage it belongs to.
            anchors: Number of anchors.
            figures: Of the step, numbers by the names in ``FIGURES``; shown as running means. They may still be under
                way on a device: they are read when it is time to show them.
        """
        self._unread = {
            name: [*self._unread.get(name, ()), figures[name].detach()] for name in FIGURES if name in figures
        }
        done, now = step + 1, time.monotonic()
        if now - self._last_look < REFRESH_INTERVAL and done != self._total:
            return
        self._last_look = now
        self._read()
        facts = "  ".join([f"{anchors:,} anchors", *(FIGURES[name].format(mean) for name, mean in self._means.items())])
        self._bar.update(self._task, completed=done, description=stage, facts=facts)
        if not CONSOLE.is_terminal and (now - self._last_line >= PLAIN_INTERVAL or done == self._total):
            self._last_line = now
            rate = (now - self._began) / max(done - self._start, 1)
            left = max(self._total - done, 0) * rate
            eta = f"{int(left // 60)}:{int(left % 60):02d}"
            CONSOLE.print(f"step {done}/{self._total}  {stage}  {facts}  {1 / rate:.1f} it/s  ETA {eta}")

    def _read(self) -> None:
        """Add what has come since the last look to the running means; figures that come no more are shown no more."""
        means = {}
        for name, values in self._unread.items():
            for value in torch.stack(values).tolist():
                means[name] = SMOOTHING * means.get(name, self._means.get(name, value)) + (1 - SMOOTHING) * value
        self._means, self._unread = means, {}
