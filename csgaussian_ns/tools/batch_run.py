"""The work of ``csg batch``."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.fleet.attempt import now
from csgaussian_ns.fleet.drive import drive
from csgaussian_ns.fleet.engines.choose import engine, write_job
from csgaussian_ns.fleet.journal import Journal
from csgaussian_ns.fleet.look import check_scheme
from csgaussian_ns.fleet.options import Nerfstudio, Options
from csgaussian_ns.fleet.plan import Plan, shard_of, stages_of
from csgaussian_ns.fleet.remembered import Remembered, place
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.status import Status, save_batch, status_of
from csgaussian_ns.fleet.storage import absolute, check_reachable, is_local
from csgaussian_ns.fleet.table import HEADINGS, clock, failure, line, rows, told
from csgaussian_ns.fleet.tally import Tally
from csgaussian_ns.tools.answer import answer
from csgaussian_ns.tools.terminal import remark, tell, tell_table

if TYPE_CHECKING:
    from csgaussian_ns.tools.batch import Batch

MOST_DONE = 40
"""Results that ``csg batch status`` lists one by one."""
LOG_INTERVAL = 10.0
"""Seconds between two lines where the output is not a terminal."""


def run_batch(manifest: str, given: "Batch") -> None:
    """Check all rows and the engine, do what is not done yet, and say what came of it.

    Raises:
        CsgError: Something cannot work; nothing was started. Or tasks failed, or are still with another worker, which
            the message counts.
    """
    if given.output is None:
        raise ConfigError("-o: expected a folder or an address for results.jsonl and the scenes")
    folder, limits, settings = absolute(given.output), given.limits(), given.engine_settings()
    if not is_local(folder):
        check_scheme(folder)
        check_reachable(folder)
    described = given.on in ("k8s-job", "skypilot")
    with Nerfstudio() as ask:
        plan = Plan(
            manifest=manifest if is_address(manifest) else absolute(manifest),
            folder=folder,
            run=stages_of(given.stages),
            options=Options(None if given.no_check else Remembered(ask, place()), stages_of(given.stages)),
            shard=shard_of(given.shard),
            keep_runs=given.keep_runs,
            look=not (given.no_check or described),
        )
        total = plan.check()
        if given.dry_run:
            facts = {"manifest": manifest, "output": given.output, "tasks": total, "run": list(plan.run)}
            words = f"{manifest}: {total} tasks of {','.join(plan.run)} would run on {given.on}; nothing was started"
            answer(given.json, {**facts, "on": given.on}, words)
            return
        facts = {"manifest": plan.manifest, "run": list(plan.run), "on": given.on, "tasks": total, "started": now()}
        if described:
            written, command = write_job(given.on, plan, limits, settings, total)
            answer(given.json, {**facts, "file": written, "start": command}, f"{written}: start it with {command}")
            return
        chosen = engine(given.on, limits, settings, folder)
    journal = Journal(folder, plan.shard)
    tally = Tally(total, journal.done if plan.shard == (0, 1) else 0)
    if is_local(folder) or plan.shard[0] == 0:
        save_batch(plan, facts)
    with _shown(tally) as show:
        drive(plan.tasks(), chosen, journal, tally, given.retries, show)
    _tell_end(given, tally)


def _tell_end(given: "Batch", tally: Tally) -> None:
    facts = {
        "output": given.output,
        "tasks": tally.total,
        "done_before": tally.before,
        "done": tally.done,
        "failed": tally.failed,
        "elsewhere": tally.elsewhere,
        "seconds": round(time.monotonic() - tally.began, 3),
    }
    words = f"{given.output}: {line(tally)}; {tally.before} of them before" if tally.before else None
    answer(given.json, facts, words or f"{given.output}: {line(tally)}")
    if tally.failed:
        raise CsgError(
            f"{tally.failed} of {tally.total} tasks failed; results.jsonl and task.log of each say why, and the same "
            "command tries them again"
        )
    if tally.elsewhere:
        raise CsgError(
            f"another worker has {tally.elsewhere} of {tally.total} tasks, which are not done; csg batch status tells "
            "how far they are"
        )


@contextmanager
def _shown(tally: Tally) -> Iterator[Callable[[Tally], None]]:
    """A function that shows how far we are: a table on a terminal, lines in a log."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
            yield lambda tally: live.update(_table(tally), refresh=True)
        return
    last = time.monotonic()

    def show(tally: Tally) -> None:
        nonlocal last
        for result, again in tally.fresh:
            remark(told(result, again))
        if tally.left and time.monotonic() - last > LOG_INTERVAL:
            last = time.monotonic()
            remark(line(tally))

    yield show


def _table(tally: Tally) -> Any:
    from rich.table import Table
    from rich.text import Text

    from csgaussian_ns.core.texts import printable

    table = Table(*HEADINGS, title=line(tally))
    for row in rows(tally):
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def tell_status(folder: str, as_json: bool) -> None:
    """How far a batch is.

    Raises:
        CsgError: There is none in the folder.
    """
    status = status_of(absolute(folder))
    facts = {
        **status.batch,
        "tasks": status.total,
        "done": len(status.done),
        "failed": {result.name: asdict(result)["error"] for result in status.failed},
        "running": status.running,
        "stopped": sorted(status.stopped),
        "left": status.left,
        "bytes": sum(result.bytes or 0 for result in status.done),
        "psnr": mean_psnr(status),
        "notes": status.notes,
    }
    answer(as_json, facts, lambda: _print_status(folder, status))


def mean_psnr(status: Status) -> float | None:
    """Over the results that have one, dB."""
    figures = [result.psnr for result in status.done if result.psnr is not None]
    return sum(figures) / len(figures) if figures else None


def _print_status(folder: str, status: Status) -> None:
    shown = [(name, str(state["stage"]), "", "", _since(str(state["since"]))) for name, state in status.running.items()]
    shown += [(result.name, failure(result), "", "", _total(result)) for result in status.failed]
    if len(status.done) > MOST_DONE:
        shown.append((f"{len(status.done) - MOST_DONE:,} more", "done", "", "", ""))
    for result in status.done[-MOST_DONE:]:
        size, psnr = f"{(result.bytes or 0) / 1e6:.3f} MB", "-" if result.psnr is None else f"{result.psnr:.2f} dB"
        shown.append((result.name, "done", psnr, size, _total(result)))
    if shown:
        tell_table(HEADINGS, shown)
    psnr = mean_psnr(status)
    stopped = f" ({len(status.stopped)} of the others begun)" if status.stopped else ""
    tell(
        f"{folder}: {len(status.done)} of {status.total} done, {len(status.failed)} failed, {len(status.running)} "
        f"running, {status.left} left{stopped}; {sum(r.bytes or 0 for r in status.done) / 1e6:.3f} MB"
        + ("" if psnr is None else f", mean PSNR {psnr:.2f} dB")
    )
    for note in status.notes:
        tell(f"note: {note}")


def _total(result: Result) -> str:
    return clock(sum(result.seconds.values(), 0.0))


def _since(moment: str) -> str:
    """How long ago that was."""
    try:
        return clock(max(0.0, (datetime.now(timezone.utc) - datetime.fromisoformat(moment)).total_seconds()))
    except (ValueError, TypeError):
        return moment
