"""Machine code on disk: kept where it can be, and never in the way where it cannot."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numba
import numpy as np
import pytest
from llvmlite import binding
from numba.core import config
from numba.core.dispatcher import Dispatcher

from csgaussian_ns.core import kernel_cache, shipped_kernels
from csgaussian_ns.core.errors import SlowStart
from tests.full_disk import full_disk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where kernels are kept during the test."""
    found = tmp_path / "kernels"
    monkeypatch.setattr(config, "CACHE_DIR", str(found))
    monkeypatch.setattr(kernel_cache, "_use_own_folder", lambda: found)
    monkeypatch.setattr(kernel_cache, "_COMPILED", [])
    kernel_cache._warn.cache_clear()
    return found


def total(values: np.ndarray) -> int:
    result = 0
    for value in values:
        result += value
    return result


def cached() -> Dispatcher:
    return kernel_cache.cached(numba.njit(total))


def files_of_numba(below: Path) -> set[str]:
    return {path.name for path in below.rglob("*.nb[ci]")}


def test_a_kernel_is_compiled_once(folder: Path):
    for hits in (0, 1):
        kernel = cached()
        assert kernel(np.arange(5)) == 10
        assert sum(kernel.stats.cache_hits.values()) == hits
    assert len(files_of_numba(folder)) == 2


def test_a_full_disk_costs_time_alone(folder: Path):
    with full_disk(after=10), pytest.warns(SlowStart, match="compiles anew: File too large") as told:
        for _ in range(2):
            assert cached()(np.arange(5)) == 10
    assert len(told) == 1 and files_of_numba(folder) == set()


def test_a_folder_that_cannot_be_written_is_not_replaced_by_one_without_versions(folder: Path):
    folder.write_text("a file is in the way")
    before = files_of_numba(Path(__file__).parent)
    with pytest.warns(SlowStart, match="kernels cannot be written"):
        assert cached()(np.arange(5)) == 10
    assert files_of_numba(Path(__file__).parent) == before


def test_a_machine_without_homes(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(kernel_cache, "_use_own_folder", nowhere)
    with pytest.warns(SlowStart, match="home directory"):
        assert cached()(np.arange(5)) == 10


def test_files_that_a_power_cut_left_empty_are_made_again(folder: Path):
    assert cached()(np.arange(5)) == 10
    for path in folder.rglob("*.nb[ci]"):
        path.write_bytes(b"")
    assert cached()(np.arange(5)) == 10
    kernel = cached()
    assert kernel(np.arange(5)) == 10 and sum(kernel.stats.cache_hits.values()) == 1


def test_kernels_that_are_not_compiled_need_no_place():
    """With NUMBA_DISABLE_JIT, numba returns the function itself."""
    assert kernel_cache.cached(total) is total


KERNELS = """
import numpy as np
import numba
from csgaussian_ns.core.kernel_cache import cached

@cached
@numba.njit
def squares(values):
    result = np.empty_like(values)  # allocates: what kept code cannot do in a bare target
    for i in range(len(values)):
        result[i] = values[i] ** 2
    return result
"""
USE = """
import sys
import numpy as np
import numba
from kernels import squares

loaded = int(squares(np.arange(5)).sum())
alone = "numba.np.arraymath" not in sys.modules

@numba.njit
def total(values):
    return np.sum(squares(values)) + np.linalg.norm(values.astype(np.float64))

print(loaded, alone, sum(squares.stats.cache_hits.values()), float(total(np.array([3, 4]))))
"""


def test_kept_code_is_loaded_without_what_compiles_and_may_be_compiled_into_more(tmp_path: Path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    command = [sys.executable, "-c", USE]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    first, second = (
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout for _ in range(2)
    )
    assert first.split() == ["30", "False", "0", "30.0"]
    assert second.split() == ["30", "True", "1", "30.0"]


@pytest.fixture
def brought(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The kernel as a wheel would bring it, but compiled for this very machine."""
    kernel = cached()
    kernel(np.arange(5))
    place = tmp_path / "brought"
    place.mkdir()
    assert shipped_kernels.save([kernel], place) == 1
    shutil.rmtree(folder)
    monkeypatch.setattr(shipped_kernels, "FOLDER", place)
    lowest = shipped_kernels.baseline()
    assert lowest is not None
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: dict.fromkeys(lowest.features, True))
    shipped_kernels._usable.cache_clear()
    yield
    shipped_kernels._usable.cache_clear()


def hits_of_a_new_kernel() -> int:
    kernel = cached()
    assert kernel(np.arange(5)) == 10
    return sum(kernel.stats.cache_hits.values())


def test_what_a_wheel_brought_is_not_compiled(folder: Path, brought: None):
    assert hits_of_a_new_kernel() == 1
    assert files_of_numba(folder) == set()


def test_a_machine_below_the_baseline_compiles(brought: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: {"sse2": True})
    assert hits_of_a_new_kernel() == 0


def test_kernels_that_were_edited_are_compiled(brought: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shipped_kernels, "sources_digest", lambda package: "edited")
    assert hits_of_a_new_kernel() == 0


def test_compiling_much_is_told_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kernel_cache, "MANY", 2)
    with pytest.warns(SlowStart, match="only the first call does") as told:
        for kind in (np.int8, np.int16, np.int32):
            assert cached()(np.arange(5, dtype=kind)) == 10
    assert len(told) == 1
