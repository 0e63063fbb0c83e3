"""One try of a task, by whichever process: a lock, the stages that are not done yet, and the done marker last."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.files import make_folder, write_json
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.fleet import process
from csgaussian_ns.fleet.commands import RUN, Step
from csgaussian_ns.fleet.outcome import device, measured, versions
from csgaussian_ns.fleet.result import EVALUATION, EXPORT, LOG, MARKER, SCENE, Result, TaskError
from csgaussian_ns.fleet.storage import fetch, is_local, joined, read_if_there, send
from csgaussian_ns.fleet.task import Task

try:
    import fcntl
except ImportError:  # no such locks: two batches of one folder could do a task twice
    fcntl = None

STATE, LOCK = "task.json", "task.lock"
"""What a task is, how far it is, and a file that is locked while somebody works on it."""
STATE_FIELDS = {"key": str, "name": str, "stage": str, "since": str, "seconds": dict, "spent": dict, "tries": int}
"""Of that, and what they are; ``seconds`` is of stages that are done, ``spent`` of all tries."""
PATIENCE = 10.0
"""Seconds to wait for a lock: a worker that was killed may be about to end."""
TOLD = 3
"""Lines of the log that a message has."""

StepOf = Callable[[str, Task, Path], Step]


class Busy(CsgError):
    """A task that another worker has."""


class StageFailed(CsgError):
    """A command that ended with an error."""


def attempt(task: Task, step_of: StepOf, timeout: float | None, forking: bool) -> Result:
    """Do what is left to do of a task.

    Args:
        task: What to do.
        step_of: The command of a stage.
        timeout: Seconds that it may take.
        forking: See ``process.run``.

    Returns:
        What came of it; errors are told in it. ``Busy`` where another worker has the task.
    """
    started, spent = now(), dict[str, float]()
    try:
        if is_local(task.output):
            return _Try(task, Path(task.output), step_of, timeout, forking, spent).result(started)
        before = result_at(task.output)
        if before is not None and before.key == task.key:
            return before
        with TemporaryDirectory(prefix="csg-batch-") as scratch:
            folder = Path(scratch) / "output"
            try:
                result = _Try(task, folder, step_of, timeout, forking, spent).result(started)
                for extra in (STATE, LOCK):
                    (folder / extra).unlink(missing_ok=True)
                send(folder, task.output, MARKER)
            except BaseException:
                with suppress(CsgError, OSError):
                    _send_log(folder, task.output)
                raise
            return result
    except (CsgError, OSError, ValueError, MemoryError) as error:
        return replace(failed(task, started, type(error).__name__, one_line(error)), seconds=spent)


def result_at(output: str) -> Result | None:
    """What a folder or address of a task says came of it.

    A marker that is damaged says nothing, so its task is not done.

    Raises:
        DataError: It cannot be read.
    """
    stored = read_if_there(joined(output, MARKER))
    try:
        return None if stored is None else Result.of(json.loads(stored), output)
    except ValueError:  # DataError is one, too
        return None


def state_at(output: str) -> dict[str, Any] | None:
    """How far a task is, as a folder or address says; nothing where that is damaged, or cannot be read."""
    try:
        state = json.loads(read_if_there(joined(output, STATE)) or b"null")
    except (ValueError, RecursionError):
        return None
    sound = isinstance(state, dict) and all(isinstance(state.get(name), kind) for name, kind in STATE_FIELDS.items())
    return state if sound else None


def failed(task: Task, started: str, kind: str, message: str) -> Result:
    """A task that has no result."""
    plain = {**task.options, **task.export}
    shared = (task.key, task.name, task.run, task.data, task.method, plain, task.output)
    error, facts = TaskError(kind, message), {"device": device(), "versions": versions()}
    return Result(*shared, "failed", started, now(), error, None if "export" in task.run else task.file, **facts)


def now() -> str:
    """The time, as results have it."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def check_output(folder: Path) -> None:
    """See that what a task replaces and removes in its folder is that of a batch.

    Raises:
        ConfigError: There is something in it, and nothing that a batch leaves.
    """
    if (
        folder.is_dir()
        and not any((folder / name).exists() for name in (MARKER, STATE, LOCK))
        and any(folder.iterdir())
    ):
        raise ConfigError(
            f"{folder}: there are files in it that are of no batch, which would be replaced; choose another output"
        )


class _Try:
    """A task in a folder of this machine."""

    def __init__(
        self,
        task: Task,
        folder: Path,
        step_of: StepOf,
        timeout: float | None,
        forking: bool,
        spent: dict[str, float],
    ) -> None:
        self.task, self.folder, self.step_of, self.forking, self.spent = task, folder, step_of, forking, spent
        self.deadline = float("inf") if timeout is None else time.monotonic() + timeout
        self.state: dict[str, Any] = {}

    def result(self, started: str) -> Result:
        """Of the task, which is done by then."""
        check_output(self.folder)
        make_folder(self.folder)
        with _locked(self.folder / LOCK) as kept, TemporaryDirectory(prefix="csg-data-") as scratch:
            before = result_at(str(self.folder))
            if before is not None and before.key == self.task.key:
                return before
            self._begin(started)
            task = self._here(Path(scratch))
            for stage in self.task.run:
                if stage not in self.state["seconds"]:
                    self._stage(stage, task, kept)
            facts = measured(self.folder, self.task.run)
            shared = replace(failed(self.task, started, "", ""), status="done", error=None, finished=now())
            result = replace(shared, seconds=self.state["seconds"], **facts)
            if not self.task.keep_run:
                shutil.rmtree(self.folder / RUN, ignore_errors=True)
            write_json(self.folder / MARKER, result.facts())
            (self.folder / STATE).unlink(missing_ok=True)
            return result

    def _begin(self, started: str) -> None:
        """Go on with what an earlier try of the same task left; what another task left goes."""
        left = state_at(str(self.folder)) or {}
        if left.get("key") != self.task.key:
            shutil.rmtree(self.folder / RUN, ignore_errors=True)
            for name in (MARKER, SCENE, EXPORT, EVALUATION, LOG):
                (self.folder / name).unlink(missing_ok=True)
            left = {"key": self.task.key, "name": self.task.name, "seconds": {}, "spent": {}, "tries": 0}
        self.spent.update(left["spent"])
        self.state = left | {"tries": left["tries"] + 1, "started": started, "host": os.uname().nodename}
        self._save("begin")

    def _save(self, stage: str) -> None:
        since = self.state.get("since") if self.state.get("stage") == stage else now()
        self.state |= {"stage": stage, "since": since, "spent": self.spent}
        write_json(self.folder / STATE, self.state)

    def _here(self, scratch: Path) -> Task:
        """The task with what it reads on this machine."""
        places = {name: getattr(self.task, name) for name in ("data", "config", "file")}
        far = {name: place for name, place in places.items() if place is not None and not is_local(place)}
        if far:
            self._save("fetch")
        return replace(self.task, **{name: str(fetch(place, scratch)) for name, place in far.items()})

    def _stage(self, stage: str, task: Task, kept: int) -> None:
        self._save(stage)
        step = self.step_of(stage, task, self.folder)
        log = self.folder / LOG
        output = log if step.output is None else self.folder / f".{step.output}.tmp"
        began, before = time.monotonic(), self.spent.get(stage, 0.0)

        def spend() -> None:
            self.spent[stage] = round(before + time.monotonic() - began, 3)

        def note() -> None:
            spend()
            with suppress(CsgError):  # a full disk: what is lost is a few seconds of this figure
                self._save(stage)

        with open(log, "ab") as file:
            file.write(f"\n$ {' '.join(step.command)}\n".encode(errors="backslashreplace"))
        try:
            code = process.run(step.command, log, output, self.deadline, self.forking, kept, note)
            if code != 0:
                raise StageFailed(f"{stage}: {step.command[0]} ended with {_ended(code)}: {_tail(log)}")
        except BaseException:
            note()
            raise
        spend()
        if step.output is not None:
            try:
                write_json(self.folder / step.output, json.loads(output.read_bytes()))
            except ValueError as error:
                raise StageFailed(f"{stage}: expected JSON from {step.command[0]}: {error}") from error
            output.unlink()
        self.state["seconds"][stage] = self.spent[stage]
        self._save(stage)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Nobody else works on a task while the block runs; the lock ends with the processes that hold it."""
    try:
        with open(path, "ab") as file:
            until = time.monotonic() + PATIENCE
            while fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > until:
                        raise Busy(f"{path.parent}: another worker has this task") from error
                    time.sleep(0.2)
                except OSError:  # a file system without locks
                    break
            yield file.fileno()
    except PermissionError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; choose another output") from error


def _ended(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _tail(log: Path) -> str:
    """The last lines that say something."""
    with open(log, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4000))
        text = file.read().decode("utf8", "replace")
    lines = [line.strip() for line in text.splitlines() if any(c.isalnum() for c in line)]
    return one_line(" / ".join(lines[-TOLD:]))[-600:]


def _send_log(folder: Path, output: str) -> None:
    from csgaussian_ns.fleet.storage import write_whole

    write_whole(joined(output, LOG), (folder / LOG).read_bytes())
