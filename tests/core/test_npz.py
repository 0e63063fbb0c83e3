"""NumPy archives: the same bytes for the same arrays, complete or absent."""

import gc
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.npz import write_npz
from tests.full_disk import full_disk

ARRAYS = {"rows": np.arange(6.0).reshape(2, 3), "empty": np.zeros((0, 4), np.int32), "note": "Gerät", "one": 7}


def read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:  # noqa: TID251  # pickles are off
        return dict(arrays)


@pytest.mark.parametrize("compressed", [False, True])
def test_what_is_written_is_read_and_has_no_time_of_day(tmp_path: Path, compressed: bool, monkeypatch):
    size = write_npz(tmp_path / "a.npz", ARRAYS, compressed)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    write_npz(tmp_path / "b.npz", ARRAYS, compressed)
    assert size == (tmp_path / "a.npz").stat().st_size
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = read(tmp_path / "a.npz")
    assert list(found) == list(ARRAYS)
    for name, array in found.items():
        assert np.array_equal(array, ARRAYS[name]) and array.dtype == np.asanyarray(ARRAYS[name]).dtype


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_leaves_the_old_archive_and_one_error(tmp_path: Path):
    path = tmp_path / "a.npz"
    write_npz(path, ARRAYS)
    with full_disk(after=5000), pytest.raises(ConfigError, match=r"cannot write .*a\.npz: File too large"):
        write_npz(path, {"long": np.arange(10_000)})
    gc.collect()
    assert read(path).keys() == ARRAYS.keys() and list(tmp_path.iterdir()) == [path]


def test_many_writers_of_one_name(tmp_path: Path):
    """Whoever reads meets an archive of one of them, whole."""
    path = tmp_path / "a.npz"
    write_npz(path, {"values": np.zeros(20_000)})

    def write(number: int) -> None:
        for _ in range(10):
            write_npz(path, {"values": np.full(20_000, number)})

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert len(np.unique(read(path)["values"])) == 1
    assert list(tmp_path.iterdir()) == [path]
