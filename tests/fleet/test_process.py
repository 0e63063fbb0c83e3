"""Commands in processes of their own end with whoever asked for them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.attempt import STATE, check_output, result_at
from csgaussian_ns.fleet.result import MARKER

NAP = """
import os, sys, time, types
from pathlib import Path
from csgaussian_ns.fleet import commands, process

told, log = map(Path, sys.argv[1:])
nap = types.ModuleType("nap")

def main():
    told.with_suffix(".tmp").write_text(str(os.getpid()))
    told.with_suffix(".tmp").rename(told)
    time.sleep(60)

nap.main = main
sys.modules["nap"] = nap
commands.COMMANDS["nap"] = ("nap", "main")
process.run(["nap"], log, log, float("inf"), True, 0)
"""


def runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc, and Linux to end a child")
def test_a_forked_command_ends_with_a_worker_that_is_killed(tmp_path: Path):
    told = tmp_path / "told"
    worker = subprocess.Popen([sys.executable, "-c", NAP, told, tmp_path / "log"], start_new_session=True)
    while not told.exists():
        assert worker.poll() is None
        time.sleep(0.02)
    child = int(told.read_text())
    assert child != worker.pid and runs(child)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    end = time.monotonic() + 10
    while runs(child) and time.monotonic() < end:
        time.sleep(0.02)
    assert not runs(child)


def test_files_of_nobody_are_not_replaced(tmp_path: Path):
    check_output(tmp_path / "none")
    check_output(tmp_path)
    (tmp_path / "run").mkdir()
    with pytest.raises(ConfigError, match="files in it that are of no batch"):
        check_output(tmp_path)
    (tmp_path / STATE).write_text("{}")
    check_output(tmp_path)
    assert os.listdir(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"status": "done"}', ""])
def test_a_damaged_marker_says_nothing(tmp_path: Path, content: str):
    assert result_at(str(tmp_path)) is None
    (tmp_path / MARKER).write_text(content)
    assert result_at(str(tmp_path)) is None
