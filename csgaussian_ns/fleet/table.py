"""What is shown while a batch runs: the same facts as a table, or as one line for a log."""

import time
from collections.abc import Iterator

from csgaussian_ns.core.texts import shortened
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.status import stage_of
from csgaussian_ns.fleet.tally import Tally

HEADINGS = ("scene", "stage", "PSNR", "size", "time")
SHOWN = 12
"""Tasks that run and are listed; of more, their number."""


def line(tally: Tally) -> str:
    """How far a batch is, in one line."""
    parts = [f"{tally.before + tally.done} of {tally.total} done"]
    if tally.failed:
        parts.append(f"{tally.failed} failed")
    if tally.elsewhere:
        parts.append(f"{tally.elsewhere} elsewhere")
    if tally.left:
        parts.append(f"{len(tally.flying)} running")
    total, count = tally.psnr
    if count:
        parts.append(f"mean PSNR {total / count:.2f} dB")
    if tally.bytes:
        parts.append(f"{8 * tally.bytes / 1e6:.3f} Mbit ({tally.bytes / 1e6:.3f} MB)")
    eta = tally.eta()
    if not tally.left:
        parts.append(f"took {clock(time.monotonic() - tally.began)}")
    else:
        parts.append("ETA unknown" if eta is None else "ETA soon" if eta < 1 else f"ETA {clock(eta)}")
    return ", ".join(parts)


def told(result: Result, again: bool) -> str:
    """One result, in one line, and whether the task is tried again."""
    if result.error is not None:
        next_try = "; it is tried again" if again else ""
        return f"{result.name}: failed, {result.error.type}: {result.error.message}{next_try}"
    seconds = " ".join(f"{stage} {time:.1f} s" for stage, time in result.seconds.items())
    return f"{result.name}: {_psnr(result)}, {_size(result)}, {seconds}"


def rows(tally: Tally) -> Iterator[tuple[str, ...]]:
    """Of a table with ``HEADINGS``: what ended last, what failed last, what runs."""
    for result in tally.recent:
        if result.status == "done":
            yield result.name, "done", _psnr(result), _size(result), clock(sum(result.seconds.values(), 0.0))
    for result in tally.failures:
        yield result.name, failure(result), "", "", ""
    for number, (name, (task, began)) in enumerate(tally.flying.items()):
        if number == SHOWN:
            yield f"and {len(tally.flying) - SHOWN} more", "", "", "", ""
            break
        yield name, stage_of(task.output) or "waits", "", "", clock(time.monotonic() - began)


def failure(result: Result) -> str:
    """Why a task failed, as a cell has room for it."""
    why = "" if result.error is None else f"{result.error.type}: {result.error.message}"
    return shortened(f"failed, {why}", 160)


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02d}:{whole % 60:02d}" if hours else f"{whole // 60}:{whole % 60:02d}"


def _psnr(result: Result) -> str:
    return "-" if result.psnr is None else f"{result.psnr:.2f} dB"


def _size(result: Result) -> str:
    return "-" if result.bytes is None else f"{8 * result.bytes / 1e6:.3f} Mbit"
