"""The loop that gives tasks to an engine and writes down what comes back. It holds the tasks in flight alone."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from csgaussian_ns.fleet.attempt import Busy, failed, now, result_at
from csgaussian_ns.fleet.engines.base import Ended, Engine
from csgaussian_ns.fleet.journal import Journal
from csgaussian_ns.fleet.result import MARKER
from csgaussian_ns.fleet.storage import is_local, joined, write_whole
from csgaussian_ns.fleet.tally import Tally
from csgaussian_ns.fleet.task import Task

LOOK = 0.5
"""Seconds between two looks at what is shown."""


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
        show: Called twice a second, and after results; ``tally.fresh`` has those since the last time.

    Raises:
        ConfigError: A result cannot be written; all that runs is stopped.
    """
    waiting, left = iter(tasks), True
    tries: dict[str, int] = {}
    elsewhere: list[Task] = []
    try:
        while left or tally.flying:
            while left and len(tally.flying) < engine.capacity:
                task = next(waiting, None)
                left = task is not None
                if task is not None and not _done_before(task, journal, tally):
                    _start(task, engine, tally)
            tally.waiting = left
            if not tally.flying:
                break
            for ended in engine.ended(LOOK):
                _take(ended, engine, journal, tally, tries, retries, elsewhere)
            _show(show, tally)
        for task in elsewhere:  # that worker may have come to its end
            tally.elsewhere -= _done_before(task, journal, tally)
        _show(show, tally)
    finally:
        engine.close()
        journal.flush()


def _show(show: Show, tally: Tally) -> None:
    show(tally)
    tally.fresh.clear()


def _start(task: Task, engine: Engine, tally: Tally) -> None:
    tally.flying[task.name] = task, time.monotonic()
    engine.start(task)


def _done_before(task: Task, journal: Journal, tally: Tally) -> bool:
    """Whether there is a result; one that was not written down is."""
    there = journal.says_done(task.name, task.key)
    moved = there and not journal.says_data(task.name, task.data)
    if is_local(task.output) or moved:
        result = result_at(task.output)
        done = result is not None and result.key == task.key
        if result is not None and done and (moved or not there):
            if result.data != task.data:  # the same capture, elsewhere
                result = replace(result, data=task.data)
                write_whole(joined(task.output, MARKER), (json.dumps(result.facts(), indent=1) + "\n").encode())
            journal.add(result)
        there = done
    tally.before += there
    return there


def _take(
    ended: Ended,
    engine: Engine,
    journal: Journal,
    tally: Tally,
    tries: dict[str, int],
    retries: int,
    elsewhere: list[Task],
) -> None:
    """Write down one result, or try again."""
    task, began = tally.flying.pop(ended.name)
    result = ended.result or failed(task, now(), "WorkerLost", ended.why)
    if result.error is not None and result.error.type == Busy.__name__:
        elsewhere.append(task)
        tally.elsewhere += 1
        return
    if result.status == "failed":
        tries[task.name] = tries.get(task.name, 0) + 1
        if tries[task.name] <= retries:
            tally.fresh.append((result, True))
            _start(task, engine, tally)
            return
    tries.pop(task.name, None)
    journal.add(result)
    tally.add(result, time.monotonic() - began)
