"""How far a long command is: a bar with the time left on a terminal, a plain line now and then in a log file."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from csgaussian_ns.tools.terminal import remark

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where the output is not a terminal."""

Item = TypeVar("Item")


def counted(items: Sequence[Item], description: str) -> Iterator[Item]:
    """Pass on ``items`` one by one; progress goes to stderr."""
    console = Console(stderr=True)
    bar = _bar(console)
    began = last_line = time.monotonic()
    with bar:
        task = bar.add_task(description, total=len(items))
        for done, item in enumerate(items, start=1):
            yield item
            bar.advance(task)
            now = time.monotonic()
            if not console.is_terminal and (now - last_line >= PLAIN_INTERVAL or done == len(items)):
                last_line = now
                each = (now - began) / done
                left = each * (len(items) - done)
                eta = f"{int(left // 60)}:{int(left % 60):02d}"
                remark(f"{description} {done}/{len(items)}  {each:.1f} s each  ETA {eta}")


@contextmanager
def reported() -> Iterator[Callable[[str, int, int], None]]:
    """A function to be called with what is being done, how much is done and how much there is; bars on a terminal."""
    with _bar(Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield tell


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
