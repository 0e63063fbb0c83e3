"""Runs compiled kernels on several cores.

Not numba's ``parallel=True``: its default layer aborts the process when two threads enter it, and the viewer renders
while training does.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any

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


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def run(kernel: Callable[..., Any], jobs: Iterable[tuple[Any, ...]], threads: int) -> list[Any]:
    """Call ``kernel(*job)`` for every job on up to ``threads`` cores, the caller's own included; results in job order.

    Idle threads take the next job, so more jobs than threads balance uneven ones. ``kernel`` must release the GIL and
    write to places no other job touches: results then depend neither on order nor on ``threads``.
    """
    todo = list(jobs)
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


def split(count: int, parts: int) -> list[tuple[int, int]]:
    """Cut ``range(count)`` into at most ``parts`` non-empty runs of almost equal length."""
    parts = max(1, min(parts, count))
    edges = [count * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
