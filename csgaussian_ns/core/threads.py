"""Runs compiled kernels, and functions of numpy, on several cores.

Not numba's ``parallel=True``: its default layer aborts the process when two threads enter it, and the viewer renders
while training does.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

from csgaussian_ns.core.cores import available_cores

_Result = TypeVar("_Result")
_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}


def _pool() -> ThreadPoolExecutor:
    """Worker threads of this very process: a fork inherits the executor object, but none of its threads."""
    process = os.getpid()
    with _lock:
        if process not in _pools:
            _pools.clear()
            _pools[process] = ThreadPoolExecutor(max_workers=64, thread_name_prefix="csg-render")
        return _pools[process]


def _reset_after_fork() -> None:
    """Another thread may have held the lock at the moment of the fork; nobody in the child would ever release it."""
    global _lock
    _lock = threading.Lock()
    _blas.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def run(kernel: Callable[..., Any], jobs: Iterable[tuple[Any, ...]], threads: int) -> list[Any]:
    """Call ``kernel(*job)`` for every job on up to ``threads`` cores, the caller's own included; results in job order.

    Idle threads take the next job, so more jobs than threads balance uneven ones. ``kernel`` must release the GIL and
    write to places no other job touches: results then depend neither on order nor on ``threads``. Within a job of
    ``each`` the caller's own thread does all: workers that wait for others would leave none to do the work.
    """
    todo = list(jobs)
    if _inside():
        return [kernel(*job) for job in todo]
    results: list[Any] = [None] * len(todo)
    pending = iter(enumerate(todo))

    def drain() -> None:
        for index, job in pending:  # taking the next item is atomic under the GIL
            results[index] = kernel(*job)

    helpers = [_pool().submit(drain) for _ in range(min(threads, len(todo)) - 1)]
    try:
        drain()
    finally:
        wait(helpers)  # even after an error here: they write to arrays that the caller is about to drop
    for helper in helpers:
        helper.result()
    return results


def each(function: Callable[..., _Result], jobs: Iterable[tuple[Any, ...]]) -> list[_Result]:
    """``run`` for a function of numpy's: on all cores, with products of matrices on one each.

    BLAS would else spread every small product over all cores again, and have its threads wait for the next one by
    spinning: on two cores that takes more time than the products. Within another ``each`` jobs run one after another.
    """
    todo = list(jobs)
    threads = min(available_cores(), len(todo))
    if threads <= 1 or _inside():
        return [function(*job) for job in todo]

    def alone(*job: Any) -> _Result:
        _local.inside = True
        try:
            return function(*job)
        finally:
            _local.inside = False

    with _blas.on_one_thread():
        return run(alone, todo, threads)


class _Blas:
    """Holds the library of numpy's products on one thread while anybody wants it so."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Nobody does."""
        self._lock, self._wanted, self._before = threading.Lock(), 0, None

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """Within it."""
        with self._lock:
            if not self._wanted:
                self._before = _libraries().limit(limits=1, user_api="blas")
            self._wanted += 1
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1
                if not self._wanted and self._before is not None:
                    self._before.restore_original_limits()


@cache
def _libraries() -> Any:
    """Those that are loaded; looking for them takes 10 ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _inside() -> bool:
    """Whether this thread does a job of ``each``."""
    return getattr(_local, "inside", False)


_local = threading.local()
_blas = _Blas()


def split(count: int, parts: int) -> list[tuple[int, int]]:
    """Cut ``range(count)`` into at most ``parts`` non-empty runs of almost equal length."""
    parts = max(1, min(parts, count))
    edges = [count * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
