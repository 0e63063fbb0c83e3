"""Codes the chunks of a file side by side. Results depend neither on the number of threads nor on their order.

Compiled kernels, matrix products and checksums release the GIL, so threads suffice. Chunks in work bound the memory:
one per thread, and one finished.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

from csgaussian_ns.core.cores import available_cores

_R = TypeVar("_R")


def threads_for(chunks: int, memory_per_chunk: int, memory: int, wanted: int | None) -> int:
    """Number of threads to code with, at least one.

    Args:
        chunks: Independent chunks.
        memory_per_chunk: Bytes that the largest of them takes while it is coded.
        memory: Bytes to stay within.
        wanted: At most that many; ``None``: a thread for each core.
    """
    affordable = memory // max(1, memory_per_chunk) - 1  # one chunk may wait until those before it are done
    return max(1, min(wanted or available_cores(), chunks, affordable))


class _OneThreadEach:
    """Inside such blocks every matrix product of numpy runs on the thread that asks for it.

    Else a BLAS starts as many threads again inside each of ours, and more than one where one is wanted. The setting is
    the process's, and blocks may overlap: the first one in makes it, the last one out restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limits: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limits = _libraries().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limits.restore_original_limits()


_one_thread_each = _OneThreadEach()


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """Those that have threads of their own. Whoever has work for us has loaded numpy, and its BLAS with it."""
    return ThreadpoolController()


def run_in_order(
    work: Callable[..., _R], jobs: Iterable[tuple[Any, ...]], threads: int, take: Callable[[_R], None]
) -> None:
    """Call ``work(*job)`` for every job on ``threads`` threads, and ``take(result)`` here, in the order of the jobs.

    ``jobs`` is read here, too, a job at a time and not far ahead. The first error in that order is raised, be it of
    ``jobs``, ``work`` or ``take``: when ``jobs`` fails, those before are finished first.
    """
    waiting: deque[Future[_R]] = deque()

    def finish() -> None:
        while waiting:
            take(waiting.popleft().result())

    with _one_thread_each:
        if threads <= 1:
            for job in jobs:
                take(work(*job))
            return
        pool = ThreadPoolExecutor(threads, "csg-format")
        try:
            left = iter(jobs)
            while True:
                try:
                    job = next(left)
                except StopIteration:
                    finish()
                    break
                except Exception:
                    finish()
                    raise
                waiting.append(pool.submit(work, *job))
                if len(waiting) > threads:
                    take(waiting.popleft().result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
