"""How far a batch is, in numbers, and when it will be done."""

import time
from collections import deque
from dataclasses import dataclass, field

from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.task import Task

RECENT = 5
"""Results that are kept to be shown."""


@dataclass
class Tally:
    """How far a batch is.

    Attributes:
        total: Tasks.
        known: Of them, how many an earlier call has done, as far as its journal tells.
        before: Done by an earlier call, or by another driver: those that were met so far.
        done: By this one.
        failed: By this one.
        elsewhere: Tasks that another worker has.
        waiting: Whether there may be tasks that were not looked at.
        flying: Tasks that run, by name, and when each was started, in ``time.monotonic``.
        fresh: Results since the last look, and whether their tasks are tried again.
        recent: The last results.
        failures: The last that failed.
        bytes: Of all files of this call.
        psnr: Sum over results of this call that have one, and their number.
        took: Seconds of tasks that ended in this call, in the engine, and their number.
        began: In ``time.monotonic``.
    """

    total: int
    known: int = 0
    before: int = 0
    done: int = 0
    failed: int = 0
    elsewhere: int = 0
    waiting: bool = True
    flying: dict[str, tuple[Task, float]] = field(default_factory=dict)
    fresh: list[tuple[Result, bool]] = field(default_factory=list)
    recent: deque[Result] = field(default_factory=lambda: deque(maxlen=RECENT))
    failures: deque[Result] = field(default_factory=lambda: deque(maxlen=RECENT))
    bytes: int = 0
    psnr: tuple[float, int] = (0.0, 0)
    took: tuple[float, int] = (0.0, 0)
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Tasks without a result, those that run included."""
        if not self.waiting:
            return len(self.flying)
        before = max(self.before, min(self.known, self.total))
        return max(len(self.flying), self.total - before - self.done - self.failed - self.elsewhere)

    def eta(self) -> float | None:
        """Seconds until the end, as far as this call's own pace tells; 0 at the end.

        Tasks that ended took so long on average, and so many were under way at a time: whether they ran or lay in a
        queue, the next ones will come out as fast.
        """
        seconds, count = self.took
        if not self.left or not count:
            return None if self.left else 0.0
        now, mean = time.monotonic(), seconds / count
        ages = [now - began for _, began in self.flying.values()]
        abreast = (seconds + sum(ages)) / max(now - self.began, 1e-9)
        todo = mean * (self.left - len(ages)) + sum(max(mean - age, 0.0) for age in ages)
        return todo / max(min(abreast, self.left), 1e-9)

    def add(self, result: Result, seconds: float) -> None:
        """Count one more result, and how long the engine had its task."""
        self.fresh.append((result, False))
        self.recent.append(result)
        self.took = self.took[0] + seconds, self.took[1] + 1
        if result.status == "failed":
            self.failed += 1
            self.failures.append(result)
            return
        self.done += 1
        self.bytes += result.bytes or 0
        if result.psnr is not None:
            self.psnr = self.psnr[0] + result.psnr, self.psnr[1] + 1
