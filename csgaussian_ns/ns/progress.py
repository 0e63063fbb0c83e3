"""One line of progress for a training run: stage, anchors, PSNR, speed, time left."""

import time
from types import TracebackType

from nerfstudio.utils.rich_utils import CONSOLE
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where the output is not a terminal."""
SMOOTHING = 0.98
"""Share of the past in the running means; single views differ by several dB."""


class TrainingProgress:
    """A bar on a terminal, a plain line now and then in a log file. A context manager."""

    def __init__(self, total: int, start: int) -> None:
        """Count from ``start`` to ``total`` steps."""
        self._total, self._start = total, start
        self._psnr: float | None = None
        self._megabytes: float | None = None
        self._began = self._last_line = time.monotonic()
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

    def update(self, step: int, stage: str, psnr: float, anchors: int, megabytes: float | None = None) -> None:
        """Report that ``step`` (counted from 0) is done.

        Args:
            step: The step.
            stage: Name of the stage it belongs to.
            psnr: Of the view it trained on, in dB; shown as a running mean.
            anchors: Number of anchors.
            megabytes: Estimated size of the coded attributes, 10^6 bytes, once the rate is paid for.
        """
        self._psnr = psnr if self._psnr is None else SMOOTHING * self._psnr + (1 - SMOOTHING) * psnr
        done = step + 1
        facts = f"{anchors:,} anchors  train PSNR {self._psnr:.2f} dB"
        if megabytes is not None:
            old = megabytes if self._megabytes is None else self._megabytes
            self._megabytes = SMOOTHING * old + (1 - SMOOTHING) * megabytes
            facts += f"  attributes {self._megabytes:.3f} MB"
        self._bar.update(self._task, completed=done, description=stage, facts=facts)
        now = time.monotonic()
        if not CONSOLE.is_terminal and (now - self._last_line >= PLAIN_INTERVAL or done == self._total):
            self._last_line = now
            rate = (now - self._began) / max(done - self._start, 1)
            left = max(self._total - done, 0) * rate
            eta = f"{int(left // 60)}:{int(left % 60):02d}"
            CONSOLE.print(f"step {done}/{self._total}  {stage}  {facts}  {1 / rate:.1f} it/s  ETA {eta}")
