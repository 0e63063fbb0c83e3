"""Chunks side by side: the same result for any number of threads, errors in order, memory bounded."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.chunk_threads import in_order, threads_for
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.limits import DecodeLimits
from tests.codec.scenes import random_scene
from tests.conftest import ROOT

BUSY = """
import sys, threading, time
from pathlib import Path
from csgaussian_ns.format.decode import decode

def others():
    # Clock ticks that all threads but this one have worked.
    found = Path("/proc/self/task").glob("*/stat")
    ticks = {path.parent.name: path.read_text().rpartition(")")[2].split()[11:13] for path in found}
    return sum(int(tick) for name, pair in ticks.items() if name != str(threading.get_native_id()) for tick in pair)

decode(sys.argv[1], threads=1)
before, own = others(), time.thread_time()
while time.thread_time() - own < 1:
    decode(sys.argv[1], threads=1)
print(others() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="no /proc to see threads work in")
@pytest.mark.parametrize("chunk_anchors", [10_000, 500])
def test_one_thread_is_one(tmp_path: Path, chunk_anchors: int):
    """A BLAS that is allowed four threads starts none."""
    (tmp_path / "scene.csg").write_bytes(encode(random_scene(3000), chunk_anchors=chunk_anchors).data)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "4", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", BUSY, str(tmp_path / "scene.csg")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) <= 2  # hundredths of a second


def test_threads_change_neither_file_nor_scene():
    scene = random_scene(2500)
    files = {threads: encode(scene, chunk_anchors=300, threads=threads).data for threads in (1, 2, 4)}
    assert files[1] == files[2] == files[4]
    seen: list[tuple[int, int]] = []
    digests = {
        decode(files[1], threads=threads, progress=lambda *state: seen.append(state)).digest() for threads in (1, 2, 4)
    }
    assert len(digests) == 1
    total = seen[-1][1]
    assert total > 4 and seen == 3 * [(done, total) for done in range(1, total + 1)]


def test_damage_in_any_chunk_is_found_on_any_number_of_threads():
    data = bytearray(encode(random_scene(900), chunk_anchors=100).data)
    data[-20] ^= 1
    for threads in (1, 3):
        with pytest.raises(FormatError, match="COLR"):
            decode(bytes(data), threads=threads)


def test_results_come_in_order_and_jobs_are_not_taken_far_ahead():
    taken, done, inside, most, lock = [], [], [0], [0], threading.Lock()

    def jobs():
        for number in range(12):
            assert number - len(done) <= 3
            taken.append(number)
            yield (number,)

    def work(number: int) -> int:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.01 * (number % 3))
        with lock:
            inside[0] -= 1
        return number

    for number in in_order(work, jobs(), 3):
        done.append(number)
    assert done == taken == list(range(12))
    assert most[0] == 3


def test_the_first_error_is_raised_and_nothing_stays_behind():
    before = threading.active_count()

    def work(number: int) -> int:
        if number in (2, 3):
            raise ValueError(f"job {number}")
        return number

    done: list[int] = []
    with pytest.raises(ValueError, match="job 2"):
        for number in in_order(work, ((n,) for n in range(50)), 4):
            done.append(number)
    assert done == [0, 1]
    assert threading.active_count() == before


def test_jobs_that_fail_do_not_hide_an_earlier_error():
    def jobs(failing: int):
        for number in range(9):
            if number == 3:
                raise KeyError("jobs")
            yield number, failing

    def work(number: int, failing: int) -> int:
        time.sleep(0.02)
        if number == failing:
            raise ValueError(f"job {number}")
        return number

    for threads in (1, 4):
        with pytest.raises(ValueError, match="job 1"):
            list(in_order(work, jobs(1), threads))
        done: list[int] = []
        with pytest.raises(KeyError, match="jobs"):
            for number in in_order(work, jobs(-1), threads):
                done.append(number)
        assert done == [0, 1, 2]


def test_memory_bounds_the_number_of_threads():
    assert threads_for(chunks=100, memory_per_chunk=10, memory=1000, wanted=4) == 4
    assert threads_for(chunks=100, memory_per_chunk=10, memory=35, wanted=4) == 2
    assert threads_for(chunks=100, memory_per_chunk=10, memory=5, wanted=4) == 1
    assert threads_for(chunks=3, memory_per_chunk=1, memory=1000, wanted=8) == 3
    assert threads_for(chunks=0, memory_per_chunk=0, memory=1000, wanted=None) == 1
    scene = encode(random_scene(300), chunk_anchors=100)
    assert len(decode(scene.data, DecodeLimits(max_memory_bytes=1 << 20)).grid) == scene.anchors


def test_who_has_seen_enough_leaves_no_thread_behind():
    before = threading.active_count()
    results = in_order(lambda number: number, ((n,) for n in range(50)), 4)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
