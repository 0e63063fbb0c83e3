"""Functions of numpy on several cores: in order, once nested, with BLAS on one thread and as it was afterwards."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from csgaussian_ns.core import threads
from csgaussian_ns.core.threads import each, run


@pytest.fixture(autouse=True)
def three_cores(monkeypatch):
    np.linalg.norm(np.eye(2) @ np.eye(2))  # its library is loaded
    monkeypatch.setattr(threads, "available_cores", lambda: 3)
    with threadpool_limits(4, "blas"):
        yield


def blas() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_results_come_in_the_order_of_jobs_and_from_several_threads():
    together = threading.Barrier(3, timeout=20)  # breaks unless three run at once

    def job(number: int) -> tuple[int, str]:
        if number < 3:
            together.wait()
        return number, threading.current_thread().name

    results = each(job, [(number,) for number in range(20)])
    assert [number for number, _ in results] == list(range(20))
    assert len({name for _, name in results}) >= 3


def test_blas_keeps_to_one_thread_within_and_is_as_before_afterwards():
    before = blas()
    assert each(lambda _: frozenset(blas()), [(1,), (2,)]) == [{1}, {1}]
    assert blas() == before != {1}


def test_one_job_is_just_called():
    assert each(lambda: (threading.current_thread(), blas()), [()]) == [(threading.current_thread(), blas())]


def test_within_another_jobs_run_in_its_own_thread():
    def inner() -> str:
        return threading.current_thread().name

    def outer(_: int) -> bool:
        return set(each(inner, [()] * 5)) == {inner()}

    assert all(each(outer, [(1,), (2,), (3,)]))


def test_more_cores_than_workers_do_not_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(threads, "available_cores", lambda: 80)
    many = [(number,) for number in range(80)]

    def outer(number: int) -> int:
        threading.Event().wait(0.05)  # until every worker has one
        return sum(run(lambda other: number * other, many, 80))

    found: list[list[int]] = []
    caller = threading.Thread(target=lambda: found.append(each(outer, many)), daemon=True)
    caller.start()
    caller.join(20)
    assert found == [[number * sum(range(80)) for number in range(80)]]


def test_an_error_comes_out_and_leaves_blas_as_it_was():
    before = blas()
    with pytest.raises(ZeroDivisionError):
        each(lambda number: 1 // number, [(1,), (0,), (2,)])
    assert blas() == before


def test_callers_at_once_leave_blas_as_it_was():
    before, inside = blas(), threading.Barrier(4, timeout=20)

    def caller(waits: float) -> None:
        each(lambda part: (inside.wait() if part == 0 else None, threading.Event().wait(waits)), [(0,), (1,)])

    callers = [threading.Thread(target=caller, args=(0.02 * number,)) for number in range(4)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert blas() == before
