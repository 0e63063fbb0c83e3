"""SLURM, through submitit. A job for each task, named after its key: a driver that comes back finds those that run."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.fleet.engines.base import Ended, Limits
from csgaussian_ns.fleet.engines.remote import work
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.storage import is_local, joined
from csgaussian_ns.fleet.task import Task

JOBS = 100
"""In the queue at a time, where nobody says otherwise."""
ANSWER = 60.0
"""Seconds that commands of SLURM may take."""
GRACE = 20.0
"""Seconds after a job left the queue in which its result may still arrive."""
POLL = 0.5
"""Seconds between two looks at the queue."""


class Slurm:
    """See ``Engine``.

    Args:
        limits: Of tasks.
        settings: Of submitit, with or without ``slurm_``: ``partition``, ``mem``, ``account``, ...
        folder: Of the batch, which all nodes see; logs of jobs and what submitit writes are in ``slurm`` there.

    Raises:
        BackendUnavailable: submitit or SLURM is not installed, or SLURM does not answer.
        ConfigError: The folder is an address, or a setting that submitit does not know.
    """

    def __init__(self, limits: Limits, settings: Mapping[str, Any], folder: str) -> None:
        try:
            import submitit
        except ModuleNotFoundError as error:
            raise BackendUnavailable("--on slurm needs submitit; pip install 'csgaussian-ns[slurm]'") from error
        for program in ("sbatch", "squeue", "scancel"):
            if shutil.which(program) is None:
                raise BackendUnavailable(f"--on slurm: there is no {program} on PATH; run it where jobs are submitted")
        if not is_local(folder):
            raise ConfigError(f"-o {folder}: jobs of SLURM write to a folder that all nodes see; give a path")
        asked("sinfo", "-h")
        self._folder, self._limits, self.capacity = Path(folder) / "slurm", limits, limits.jobs or JOBS
        make_folder(self._folder)
        self._executor = submitit.SlurmExecutor(folder=self._folder)
        try:
            self._executor.update_parameters(**_parameters(limits, settings))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"--set: submitit cannot take it: {one_line(error)}") from error
        self._jobs: dict[str, _Job] = {}
        self._queued: dict[str, str] = {name: job for job, name in _queue()}
        self._looked = 0.0

    def start(self, task: Task) -> None:
        """See ``Engine``."""
        name = f"csg-{_short(task)}"
        if name in self._queued:
            self._jobs[task.name] = _Job(task, self._queued.pop(name), None)
            return
        self._executor.update_parameters(job_name=name)
        job = self._executor.submit(work, task.facts(), self._limits.timeout, self._limits.steps, self._limits.fork)
        self._jobs[task.name] = _Job(task, str(job.job_id), job)

    def ended(self, seconds: float) -> list[Ended]:
        """See ``Engine``."""
        time.sleep(max(0.0, min(seconds, self._looked + POLL - time.monotonic())))
        self._looked = time.monotonic()
        alive = {job for job, _ in _queue()}
        found = []
        for name, job in list(self._jobs.items()):
            ended = job.ended(job.number in alive)
            if ended is not None:
                del self._jobs[name]
                found.append(ended)
        return found

    def close(self) -> None:
        """See ``Engine``."""
        running = [job.number for job in self._jobs.values()]
        if running:
            subprocess.run(["scancel", *running], capture_output=True, timeout=ANSWER, check=False)


class _Job:
    def __init__(self, task: Task, number: str, job: Any) -> None:
        self.task, self.number, self._job, self._gone = task, number, job, 0.0

    def ended(self, alive: bool) -> Ended | None:
        """Its end, if that has come."""
        if self._job is not None and self._job.paths.result_pickle.exists():
            try:
                return Ended(self.task.name, Result.of(self._job.result(), self.task.name))
            except Exception as error:  # noqa: BLE001  # submitit hands on whatever the job raised
                return Ended(self.task.name, None, one_line(error)[-300:])
        if alive:
            self._gone = 0.0
            return None
        marker = _marker(self.task)
        if marker is not None:
            return Ended(self.task.name, marker)
        self._gone = self._gone or time.monotonic()
        if time.monotonic() - self._gone < GRACE and self._job is not None:
            return None
        return Ended(self.task.name, None, f"job {self.number} left the queue without a result; see the folder slurm")


def asked(*command: str) -> str:
    """What a command of SLURM says.

    Raises:
        BackendUnavailable: It fails, or says nothing in time.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER, check=False)
    except subprocess.TimeoutExpired as error:
        raise BackendUnavailable(f"SLURM does not answer: {command[0]} took more than {ANSWER:.0f} s") from error
    if done.returncode != 0:
        raise BackendUnavailable(f"SLURM cannot be reached: {command[0]} says {one_line(done.stderr or done.stdout)}")
    return done.stdout


def _queue() -> list[tuple[str, str]]:
    """Number and name of each job of this user that has not ended."""
    user = str(os.getuid())
    lines = asked("squeue", "-h", "-u", user, "-o", "%i %j").splitlines()
    return [(number, name) for number, _, name in (line.partition(" ") for line in lines)]


def _short(task: Task) -> str:
    import hashlib

    return hashlib.sha256(f"{task.key} {task.output}".encode()).hexdigest()[:24]


def _marker(task: Task) -> Result | None:
    import json

    from csgaussian_ns.fleet.result import MARKER
    from csgaussian_ns.fleet.storage import read_if_there

    stored = read_if_there(joined(task.output, MARKER))
    result = None if stored is None else Result.of(json.loads(stored), task.output)
    return result if result is not None and result.key == task.key else None


def _parameters(limits: Limits, settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name.removeprefix("slurm_"): value for name, value in settings.items()}
    found.setdefault("stderr_to_stdout", True)
    if limits.cpus is not None:
        found["cpus_per_task"] = limits.cpus
    if limits.gpus:
        found["gpus_per_node"] = limits.gpus
    if limits.timeout is not None:
        found.setdefault("time", int(limits.timeout // 60) + 10)
    return found
