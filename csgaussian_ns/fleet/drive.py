"""The loop that gives tasks to an engine and writes down what comes back. It holds the tasks in flight alone."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from csgaussian_ns.fleet.attempt import Busy, failed, now, result_at
from csgaussian_ns.fleet.engines.base import Ended, Engine
from csgaussian_ns.fleet.journal import Journal
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.storage import is_local
from csgaussian_ns.fleet.task import Task

LOOK = 0.5
"""Seconds between two looks at what is shown."""
RECENT = 5
"""Results that are kept to be shown."""


@dataclass
class Tally:
    """How far a batch is.

    Attributes:
        total: Tasks.
        before: Done by an earlier call.
        done: By this one.
        failed: By this one.
        elsewhere: Tasks that another worker has.
        flying: Tasks that run, by name, and when each was started, in ``time.monotonic``.
        recent: The last results.
        failures: The last that failed.
        bytes: Of all files of this call.
        psnr: Sum over results of this call that have one, and their number.
        began: In ``time.monotonic``.
    """

    total: int
    before: int = 0
    done: int = 0
    failed: int = 0
    elsewhere: int = 0
    flying: dict[str, tuple[Task, float]] = field(default_factory=dict)
    recent: deque[Result] = field(default_factory=lambda: deque(maxlen=RECENT))
    failures: deque[Result] = field(default_factory=lambda: deque(maxlen=RECENT))
    bytes: int = 0
    psnr: tuple[float, int] = (0.0, 0)
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Tasks without a result."""
        return self.total - self.before - self.done - self.failed - self.elsewhere

    def eta(self) -> float | None:
        """Seconds until the end, as far as this call's own pace tells."""
        ended = self.done + self.failed
        return None if ended == 0 else (time.monotonic() - self.began) / ended * self.left

    def add(self, result: Result) -> None:
        """Count one more result."""
        self.recent.append(result)
        if result.status == "failed":
            self.failed += 1
            self.failures.append(result)
            return
        self.done += 1
        self.bytes += result.bytes or 0
        if result.psnr is not None:
            self.psnr = self.psnr[0] + result.psnr, self.psnr[1] + 1


Show = Callable[[Tally], None]


def drive(
    tasks: Iterable[Task], engine: Engine, journal: Journal, tally: Tally, retries: int = 1, show: Show = lambda _: None
) -> None:
    """Do all tasks that are not done; ``tally`` says what came of it.

    Args:
        tasks: Taken one by one.
        engine: Runs them.
        journal: Gets their results.
        tally: Is kept up to date.
        retries: Further tries of a task that failed.
        show: Called twice a second, and after each result.

    Raises:
        ConfigError: A result cannot be written; all that runs is stopped.
    """
    waiting, left, known = iter(tasks), True, journal.statuses()
    tries: dict[str, int] = {}
    try:
        while left or tally.flying:
            while left and len(tally.flying) < engine.capacity:
                task = next(waiting, None)
                left = task is not None
                if task is not None and not _done_before(task, journal, known, tally):
                    _start(task, engine, tally)
            if not tally.flying:
                break
            for ended in engine.ended(LOOK):
                _take(ended, engine, journal, tally, tries, retries)
            show(tally)
    finally:
        engine.close()
        journal.flush()


def _start(task: Task, engine: Engine, tally: Tally) -> None:
    tally.flying[task.name] = task, time.monotonic()
    engine.start(task)


def _done_before(task: Task, journal: Journal, known: dict[str, tuple[str, str]], tally: Tally) -> bool:
    """Whether there is a result; one that was not written down is."""
    there = known.get(task.name) == (task.key, "done")
    if is_local(task.output):
        result = result_at(task.output)
        done = result is not None and result.key == task.key
        if result is not None and done and not there:
            journal.add(result)
        there = done
    tally.before += there
    return there


def _take(ended: Ended, engine: Engine, journal: Journal, tally: Tally, tries: dict[str, int], retries: int) -> None:
    """Write down one result, or try again."""
    task, _ = tally.flying.pop(ended.name)
    result = ended.result or failed(task, now(), "WorkerLost", ended.why)
    if result.error is not None and result.error.type == Busy.__name__:
        tally.elsewhere += 1
        return
    if result.status == "failed":
        tries[task.name] = tries.get(task.name, 0) + 1
        if tries[task.name] <= retries:
            _start(task, engine, tally)
            return
    tries.pop(task.name, None)
    journal.add(result)
    tally.add(result)
