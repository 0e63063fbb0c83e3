"""How far a batch is, from its folder alone; what is damaged there is told, and does not stop the answer."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import make_folder, replacing
from csgaussian_ns.core.texts import counted
from csgaussian_ns.fleet.attempt import LOCK, STATE, result_at, state_at
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.result import BATCH, TASKS, Result
from csgaussian_ns.fleet.results import results_of
from csgaussian_ns.fleet.storage import is_local, joined, lines_of, read_if_there, write_whole
from csgaussian_ns.fleet.task import asked_hash

try:
    import fcntl
except ImportError:
    fcntl = None

UNKNOWN = {"stage": "unknown", "since": ""}
"""Of a task whose state is damaged."""


@dataclass
class Status:
    """How far a batch is.

    Attributes:
        batch: What ``BATCH`` holds.
        total: Tasks.
        done: Results that are there, of rows as they are now.
        failed: Tasks that failed, and are tried again by the next call.
        running: State of tasks that somebody works on, as their folders say, by name.
        stopped: Likewise of tasks that were begun, did not end, and that nobody works on.
        notes: Sentences on what is damaged, and on what changed since the batch was started.
    """

    batch: Mapping[str, Any]
    total: int = 0
    done: list[Result] = field(default_factory=list)
    failed: list[Result] = field(default_factory=list)
    running: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    stopped: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Tasks that nobody works on, and that neither are done nor failed."""
        return max(0, self.total - len(self.done) - len(self.failed) - len(self.running))


def save_batch(plan: Plan, facts: Mapping[str, Any]) -> None:
    """Write down what was asked for, and which tasks that is.

    Raises:
        ConfigError: It cannot be written.
    """
    lines = (
        json.dumps({"name": task.name, "output": task.output, "asked": task.asked}).encode() + b"\n"
        for task in plan.all_tasks()
    )
    if is_local(plan.folder):
        make_folder(Path(plan.folder))
        with replacing(Path(plan.folder, TASKS)) as file:
            for line in lines:
                file.write(line)
    else:
        write_whole(joined(plan.folder, TASKS), b"".join(lines))
    facts = {**facts, "manifest_stamp": _stamp(plan.manifest)}
    write_whole(joined(plan.folder, BATCH), (json.dumps(facts, indent=1) + "\n").encode())


def status_of(folder: str) -> Status:
    """How far the batch in a folder is.

    Raises:
        ConfigError: There is none.
        DataError: A file cannot be read.
    """
    stored, (results, damage) = read_if_there(joined(folder, BATCH)), results_of(folder)
    if stored is None and not results:
        raise ConfigError(f"{folder}: there is no {BATCH}; expected the --output of a csg batch")
    status = Status(_object(stored) or {}, notes=[*damage])
    if not status.batch:
        status.notes.append(f"{BATCH} is {'missing' if stored is None else 'damaged'}; the next csg batch writes it")
    known = 0
    for name, output, asked in _tasks(folder, status, results):
        status.total += 1
        result = results.get(name)
        known += result is not None
        if result is not None and asked not in (None, _asked(result)):
            result = None
        if (result is None or result.status != "done") and is_local(output):
            marker = result_at(output)
            result = marker if marker is not None and asked in (None, _asked(marker)) else result
        _count(status, name, output, result)
    others, manifest = len(results) - known, str(status.batch.get("manifest", ""))
    if others > 0:
        status.notes.append(f"{counted(others, 'result')} of rows that are no longer in the manifest are left out")
    if "manifest_stamp" in status.batch and _stamp(manifest) != status.batch["manifest_stamp"]:
        status.notes.append(f"{manifest} has changed since the batch was started; this is about the rows that it had")
    return status


def _tasks(folder: str, status: Status, results: Mapping[str, Result]) -> Iterator[tuple[str, str, str | None]]:
    """Name, output and hash of what is wanted of each; where nobody wrote that down, of those that left a trace."""
    found = False
    for number, line in enumerate(lines_of(joined(folder, TASKS)), 1):
        told = _object(line) or {}
        if all(isinstance(told.get(key), str) for key in ("name", "output", "asked")):
            found = True
            yield told["name"], told["output"], told["asked"]
        else:
            status.notes.append(f"{TASKS}, line {number} is damaged; its task is left out")
    if found:
        return
    names = {name: result.output for name, result in results.items()}
    for path in sorted(Path(folder).glob(f"*/{STATE}")) if is_local(folder) else ():
        names.setdefault(path.parent.name, str(path.parent))
    for name, output in names.items():
        yield name, output, None


def _count(status: Status, name: str, output: str, result: Result | None) -> None:
    if result is not None and result.status == "done":
        status.done.append(result)
        return
    state = state_at(output) if is_local(output) else None
    there = is_local(output) and os.path.exists(joined(output, STATE))
    if there and state is None:
        status.notes.append(f"{joined(output, STATE)} is damaged; the task begins anew when it is tried again")
    if is_local(output) and _is_locked(Path(output, LOCK)):
        status.running[name] = state or UNKNOWN
        return
    if result is not None:
        status.failed.append(result)
    elif there:
        status.stopped[name] = state or UNKNOWN


def stage_of(output: str) -> str:
    """What is being done with a task, as its folder says."""
    state = state_at(output) if is_local(output) else None
    return "" if state is None else str(state["stage"])


def _asked(result: Result) -> str:
    return asked_hash(result.run, result.data, result.method, result.options)


def _object(text: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or b"null")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _stamp(manifest: str) -> str | None:
    """What changes with a manifest of this machine."""
    try:
        facts = os.stat(manifest)
    except (OSError, ValueError):
        return None
    return f"{facts.st_size} {facts.st_mtime_ns}"


def _is_locked(path: Path) -> bool:
    if fcntl is None or not path.exists():
        return False
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
