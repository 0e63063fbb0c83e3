"""Codes the chunks of a file side by side. Results depend neither on the number of threads nor on their order.

Compiled kernels, numpy and checksums release the GIL, so threads suffice, and none of them starts threads of its own:
one thread is one. Chunks in work bound the memory: one per thread, and one finished.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

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


def in_order(work: Callable[..., _R], jobs: Iterable[tuple[Any, ...]], threads: int) -> Generator[_R, None, None]:
    """``work(*job)`` of every job, on ``threads`` threads, in the order of the jobs.

    ``jobs`` is read by the caller's thread, a job at a time and not far ahead. The first error in that order is raised,
    be it of ``jobs`` or ``work``: when ``jobs`` fails, those before are finished first.
    """
    if threads <= 1:
        for job in jobs:
            yield work(*job)
        return
    waiting: deque[Future[_R]] = deque()
    pool = ThreadPoolExecutor(threads, "csg-format")
    try:
        left = iter(jobs)
        while True:
            try:
                job = next(left)
            except StopIteration:
                break
            except Exception:
                yield from _results(waiting)
                raise
            waiting.append(pool.submit(work, *job))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        yield from _results(waiting)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _results(waiting: "deque[Future[_R]]") -> Iterator[_R]:
    while waiting:
        yield waiting.popleft().result()
