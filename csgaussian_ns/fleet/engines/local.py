"""Processes of this machine: one a GPU, else one a group of cores."""

import os
import selectors
from collections.abc import Sequence
from contextlib import suppress

from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.engines.base import Ended, Limits, Worker
from csgaussian_ns.fleet.outcome import gpus
from csgaussian_ns.fleet.task import Task

BYTES_A_JOB = 3 << 30
"""Memory that a worker on a CPU is expected to need; the cores are shared by as many as there is room for."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class Local:
    """See ``Engine``. A worker stays for many tasks, so that each imports nerfstudio once.

    Args:
        limits: Of tasks. By default as many jobs as there are GPUs, or groups of so many, or cores for which there is
            memory; 0 GPUs hides them.

    Raises:
        ConfigError: More jobs than this machine has cores, or more GPUs for a task than it has.
    """

    def __init__(self, limits: Limits) -> None:
        there, cores = gpus(), available_cores()
        self._limits, self._gpus = limits, gpu_groups(there, limits.gpus)
        self.capacity = limits.jobs or len(self._gpus) or max(1, min(cores, _memory() // BYTES_A_JOB))
        if self.capacity > max(cores, len(self._gpus)):
            raise ConfigError(f"--jobs {self.capacity}: this machine has {cores} cores and {len(there)} GPUs")
        if limits.gpus and self.capacity > len(self._gpus):
            raise ConfigError(
                f"--jobs {self.capacity} --gpus {limits.gpus}: this machine has {len(there)} GPUs, for "
                f"{len(self._gpus)} such tasks at a time"
            )
        self._groups = core_groups(self.capacity)
        self._workers: dict[int, Worker] = {}
        self._ready = selectors.DefaultSelector()

    def start(self, task: Task) -> None:
        """See ``Engine``."""
        busy = {place for place, worker in self._workers.items() if worker.task is not None}
        place = next(place for place in range(self.capacity) if place not in busy)
        for _ in range(2):
            worker = self._workers.get(place) or self._new(place)
            try:
                worker.give(task)
                return
            except BrokenPipeError:  # it was killed while it had nothing to do
                self._forget(place)
        raise ConfigError("workers end as soon as they are started; does python -m csgaussian_ns.fleet.worker work?")

    def ended(self, seconds: float) -> list[Ended]:
        """See ``Engine``."""
        found = []
        for event, _ in self._ready.select(seconds):
            place = event.data
            if self._workers[place].task is None:
                self._forget(place)
                continue
            answer = self._workers[place].answer()
            if answer.result is None:
                self._forget(place)
            found.append(answer)
        return found

    def close(self) -> None:
        """See ``Engine``."""
        for place in list(self._workers):
            self._forget(place)
        self._ready.close()

    def _new(self, place: int) -> Worker:
        group, env = self._groups[place], dict(os.environ)
        threads = str(self._limits.cpus or len(group))
        env |= dict.fromkeys(THREADS, threads)
        if self._gpus:
            env["CUDA_VISIBLE_DEVICES"] = self._gpus[place % len(self._gpus)]
        elif self._limits.gpus == 0:
            env["CUDA_VISIBLE_DEVICES"] = ""
        limits = self._limits
        if self._gpus and limits.fork:  # CUDA does not survive a fork
            limits = Limits(**{**vars(limits), "fork": False})
        worker = Worker(limits, env, () if self._gpus else group)
        if worker.process.stdout is not None:
            self._ready.register(worker.process.stdout, selectors.EVENT_READ, place)
        self._workers[place] = worker
        return worker

    def _forget(self, place: int) -> None:
        worker = self._workers.pop(place)
        with suppress(KeyError, ValueError):
            if worker.process.stdout is not None:
                self._ready.unregister(worker.process.stdout)
        worker.end()


def gpu_groups(there: Sequence[str], each: int | None) -> tuple[str, ...]:
    """What workers may see of the GPUs of this machine, as ``CUDA_VISIBLE_DEVICES`` names them.

    Args:
        there: All of them.
        each: So many for a worker; one if nothing is said.

    Raises:
        ConfigError: There are not so many.
    """
    if each == 0:
        return ()
    if each is not None and each > len(there):
        raise ConfigError(f"--gpus {each}: this machine has {len(there)} GPUs; leave it out to use what there is")
    each = each or 1
    return tuple(",".join(there[first : first + each]) for first in range(0, len(there) - each + 1, each))


def core_groups(count: int) -> list[tuple[int, ...]]:
    """The cores of this process in so many groups of nearly the same size, none of them empty."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(available_cores()))
    if count > len(cores):
        return [(cores[number % len(cores)],) for number in range(count)]
    return [tuple(cores[number * len(cores) // count : (number + 1) * len(cores) // count]) for number in range(count)]


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 8 << 30
