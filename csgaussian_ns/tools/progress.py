"""How far a long command is: a bar with the time left on a terminal, a plain line now and then in a log file.

rich is imported for a bar alone: a command that shows none starts a tenth of a second earlier.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from csgaussian_ns.tools.terminal import remark

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_INTERVAL = 10.0
"""Seconds between two lines where the output is not a terminal."""

Item = TypeVar("Item")


def with_progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Pass on ``items`` one by one; how far this is goes to stderr. Of one item there is nothing to tell."""
    if len(items) < 2:
        yield from items
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield from bar.track(items, description=what)
    else:
        yield from _with_lines(items, what)


def _with_lines(items: Sequence[Item], what: str) -> Iterator[Item]:
    began = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= PLAIN_INTERVAL:
            last, each = now, (now - began) / done
            left = each * (len(items) - done)
            eta = f"{int(left // 60)}:{int(left % 60):02d}"
            remark(f"{what} {done}/{len(items)}  {each:.1f} s each  ETA {eta}")


@contextmanager
def reported() -> Iterator[Callable[[str, int, int], None]]:
    """A function to be called with what is being done, how much is done and how much there is; bars on a terminal."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    with _bar() as bar:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield tell


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=Console(stderr=True),
        transient=True,
    )
