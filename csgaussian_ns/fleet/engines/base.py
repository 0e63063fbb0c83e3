"""What all engines do, and a worker process that they share."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, NamedTuple, Protocol, runtime_checkable

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.task import Task
from csgaussian_ns.fleet.worker import STEPS


@dataclass(frozen=True)
class Limits:
    """What each task may use.

    Attributes:
        jobs: Tasks at a time; the engine's own choice if ``None``.
        timeout: Seconds of a try.
        cpus: Cores of a task; the engine's own choice if ``None``.
        gpus: GPUs of a task; the engine's own choice if ``None``.
        retries: Further tries of a task, where workers are drivers of their own.
        steps: Where the commands of stages come from; for tests.
        fork: Whether imports are shared by the stages of a worker.
    """

    jobs: int | None = None
    timeout: float | None = None
    cpus: int | None = None
    gpus: int | None = None
    retries: int = 1
    steps: str = STEPS
    fork: bool = sys.platform == "linux"


class Ended(NamedTuple):
    """A task that ended: with a result, or lost with its worker, and why."""

    name: str
    result: Result | None
    why: str = ""


@runtime_checkable
class Engine(Protocol):
    """Runs tasks. Whatever cannot work is told by whoever makes one, before anything is started."""

    capacity: int
    """Tasks that it takes at a time."""

    def start(self, task: Task) -> None:
        """Begin a task, or go on with it where it runs already."""
        ...

    def ended(self, seconds: float) -> list[Ended]:
        """Tasks that ended since the last call; waits so long for one."""
        ...

    def close(self) -> None:
        """Stop what still runs."""
        ...


class Worker:
    """A process of ``fleet.worker``.

    Args:
        limits: Of its tasks.
        env: Of the process.
        cores: That it may use, if that is known.
    """

    def __init__(self, limits: Limits, env: Mapping[str, str], cores: tuple[int, ...] = ()) -> None:
        self._limits, self._said = limits, TemporaryFile()  # noqa: SIM115  # as long as the process
        self.process = worker_process(limits, env, self._said)
        if cores and hasattr(os, "sched_setaffinity"):
            with suppress(OSError):
                os.sched_setaffinity(self.process.pid, cores)
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        """A task for a worker that has none.

        Raises:
            BrokenPipeError: The process has ended.
        """
        self.task = task
        if self.process.stdin is None:
            raise CsgError("a worker has no standard input")
        self.process.stdin.write(question(task, self._limits))
        self.process.stdin.flush()

    def answer(self) -> Ended:
        """Of a worker whose output can be read; it has no task then."""
        task, self.task = self.task, None
        if task is None or self.process.stdout is None:
            raise CsgError("a worker that had nothing to do has ended")
        line = self.process.stdout.readline()
        if line.endswith(b"\n"):
            return Ended(task.name, Result.of(json.loads(line), task.name))
        self.end()
        return Ended(task.name, None, f"its worker ended with {self.process.returncode}; {self._last_words()}")

    def end(self) -> None:
        """End the process and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.communicate()

    def _last_words(self) -> str:
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, self._said.tell() - 2000))
        lines = self._said.read().decode("utf8", "replace").strip().splitlines()
        return one_line(lines[-1]) if lines else "it said nothing"


def worker_process(limits: Limits, env: Mapping[str, str], said: "IO[bytes] | int") -> "subprocess.Popen[bytes]":
    """Start a process of ``fleet.worker``, the first of a group."""
    words = [sys.executable, "-W", "ignore", "-m", "csgaussian_ns.fleet.worker", "--steps", limits.steps]
    return subprocess.Popen(
        [*words, *(["--fork"] if limits.fork else [])],
        env={**env, "PYTHONSAFEPATH": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        start_new_session=True,
    )


def question(task: Task, limits: Limits) -> bytes:
    """What a worker is asked, one line."""
    return (json.dumps({"task": task.facts(), "timeout": limits.timeout}) + "\n").encode()
