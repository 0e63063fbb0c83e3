"""What ``csg batch`` shows while it works, and how it ends: a log, a table on a terminal, exit codes, ETA."""

import fcntl
import json
import os
import pty
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from csgaussian_ns.fleet import tally as tallies
from csgaussian_ns.fleet.attempt import LOCK, failed, now
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.journal import Journal, read_results
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.table import line
from csgaussian_ns.fleet.tally import Tally
from csgaussian_ns.tools.batch import Batch
from tests.fleet.quick_steps import PLACE, put_capture

pytestmark = pytest.mark.usefixtures("quick_path")
QUICK = Limits(2, steps=PLACE, fork=False)
ON_A_TERMINAL = """
import sys
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.tools import cli
from csgaussian_ns.tools.batch import Batch

Batch.limits = lambda self: Limits(2, steps="quick_steps:quick_step", fork=False)
sys.exit(cli.main(["batch", sys.argv[1], "-o", sys.argv[2], "--no-check", "--retries", "0"]))
"""


@pytest.fixture
def quick(csg, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """``csg batch`` with stages that take no time."""
    monkeypatch.setattr(Batch, "limits", lambda self: QUICK)
    return lambda manifest, *words: csg("batch", manifest, "-o", tmp_path / "out", "--no-check", *words)


def test_every_task_has_its_line_in_a_log(quick, write_manifest):
    rows = [{"name": f"s{number:02d}"} for number in range(12)]
    manifest = write_manifest(*rows, {"name": "bad", "fails": "always"}, {"name": "shy", "fails": 1})
    code, out, err = quick(manifest)
    lines = err.splitlines()
    assert [sum(line.startswith(f"s{number:02d}: 30.50 dB") for line in lines) for number in range(12)] == [1] * 12
    told = sorted(line for line in lines if line.startswith(("bad", "shy")))
    begins = ["bad: failed, StageFailed", "bad: failed, StageFailed", "shy: 30.50 dB", "shy: failed, StageFailed"]
    assert all(line.startswith(begin) for line, begin in zip(told, begins, strict=True))
    assert sum(line.endswith("; it is tried again") for line in told) == 2
    assert code == 2 and "1 of 14 tasks failed" in lines[-1]
    assert re.fullmatch(
        r".*out: 13 of 14 done, 1 failed, mean PSNR 30.50 dB, 0.010 Mbit \(0.001 MB\), took \d+:\d\d\n", out
    )
    code, out, err = quick(write_manifest(*rows))
    assert (code, err) == (0, "") and re.search("12 of 12 done, took 0:0[0-9]; 12 of them before\n$", out)


def test_a_task_that_another_worker_has(quick, write_manifest, tmp_path: Path, plan_of):
    manifest = write_manifest({"name": "a"}, {"name": "b"})
    (tmp_path / "out/b").mkdir(parents=True)
    with open(tmp_path / "out/b" / LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, out, err = quick(manifest, "--json")
    assert code == 2 and "another worker has 1 of 2 tasks, which are not done; csg batch status tells how" in err
    facts = json.loads(out)
    assert (facts["done"], facts["elsewhere"], facts["failed"]) == (1, 1, 0)
    assert read_results(str(tmp_path / "out")).keys() == {"a"}
    assert quick(manifest)[0] == 0 and read_results(str(tmp_path / "out")).keys() == {"a", "b"}


def done(plan: Plan) -> list[Result]:
    return [replace(failed(task, now(), "", ""), status="done", error=None) for task in plan.tasks()]


def test_a_result_that_two_drivers_report_is_one_row(write_manifest, plan_of, tmp_path: Path):
    plan = plan_of(write_manifest({"name": "a"}, {"name": "b"}))
    Path(plan.folder).mkdir()
    one, other = Journal(plan.folder, (0, 1)), Journal(plan.folder, (0, 1))
    a, b = done(plan)
    for journal in (one, other, one):
        journal.add(a)
    other.add(b)
    one.add(b)
    lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]
    one.add(replace(a, status="failed", finished="later"))
    other.add(a)  # it was done anew, and came out as before
    assert len((tmp_path / "out/results.jsonl").read_text().splitlines()) == 4
    assert (one.done, other.done) == (1, 2) and not one.says_done("a", a.key) and other.says_done("a", a.key)


def test_two_drivers_at_an_address_lose_no_row(write_manifest, plan_of, tmp_path: Path):
    plan = replace(plan_of(write_manifest({"name": "a"}, {"name": "b"})), folder=f"local://{tmp_path}/far")
    one, other = Journal(plan.folder, (0, 1)), Journal(plan.folder, (0, 1))
    a, b = done(plan)
    one.add(a)
    one.flush()
    other.add(b)
    other.flush()
    one.flush()
    assert read_results(plan.folder).keys() == {"a", "b"}
    assert len((tmp_path / "far/results.jsonl").read_text().splitlines()) == 2


def test_a_capture_that_was_moved_is_done_and_found_where_it_is(quick, write_manifest, tmp_path: Path, csg):
    assert quick(write_manifest({"name": "a"}))[0] == 0
    (tmp_path / "data").rename(tmp_path / "moved")
    put_capture(tmp_path / "data")
    for _ in range(2):
        code, out, err = quick(write_manifest({"name": "a", "data": "moved"}))
        assert (code, err) == (0, "") and "1 of them before" in out
    lines = (tmp_path / "out/results.jsonl").read_text().splitlines()
    assert [json.loads(line)["data"] for line in lines] == [str(tmp_path / "data"), str(tmp_path / "moved")]
    assert json.loads((tmp_path / "out/a/result.json").read_text())["data"] == str(tmp_path / "moved")
    facts = json.loads(csg("batch", "status", tmp_path / "out", "--json")[1])
    assert (facts["done"], facts["left"], facts["notes"]) == (1, 0, [])


def test_the_time_that_is_left(write_manifest, plan_of, monkeypatch: pytest.MonkeyPatch):
    [task] = plan_of(write_manifest({"name": "a"})).tasks()
    [result] = done(plan_of(Path(task.data).parent / "scenes.jsonl"))
    clock = [100.0]
    monkeypatch.setattr(tallies.time, "monotonic", lambda: clock[0])
    tally = Tally(12, known=2, before=1, began=100.0)
    tally.flying = {"a": (task, 100.0), "b": (task, 100.0)}
    assert tally.left == 10 and tally.eta() is None and "ETA unknown" in line(tally)
    clock[0] = 110.0
    tally.flying = {"c": (task, 110.0), "d": (task, 110.0)}
    for _ in range(2):
        tally.add(result, 10.0)
    assert tally.left == 8 and tally.eta() == pytest.approx(40.0), "8 tasks of 10 s, two at a time"
    clock[0] = 115.0
    assert tally.eta() == pytest.approx(35.0)
    tally.waiting, tally.before, tally.flying = False, 9, {"c": (task, 110.0)}
    assert tally.left == 1 and tally.eta() == pytest.approx(5.0), "one alone is not helped by a second place"
    clock[0] = 130.0
    assert tally.eta() == 0.0 and "ETA soon" in line(tally), "it takes longer than the others"
    tally.flying = {}
    assert tally.left == 0 and tally.eta() == 0.0 and line(tally).endswith("took 0:30") and "ETA" not in line(tally)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_table_on_a_terminal(write_manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    rows = [{"name": f"s{number}", "sleep": 1.5} for number in range(4)]
    manifest = write_manifest(*rows, {"name": "bad", "fails": "always"})
    said, code = on_a_terminal(manifest, tmp_path / "out")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    for heading in ("scene", "stage", "PSNR", "size", "time"):
        assert re.search(rf"┃ {heading} +[┃┃]", text), heading
    assert re.search(r"│ s\d +│ train +│ +│ +│ 0:0\d", text) and re.search(
        r"│ s\d +│ done +│ 30.50 dB │ 0.001 Mbit", text
    )
    assert re.search(r"│ bad +│ failed, StageFailed: train: ", text) and "ETA " in text and "2 running" in text
    last = text.rindex("┃ scene")
    assert "4 of 5 done, 1 failed" in text[last:] and code == 2 and "1 of 5 tasks failed" in text[last:]
    assert said.count("\x1b[2K") > 4, "the table is drawn in place of the one before, and gone at the end"


def on_a_terminal(manifest: Path, out: Path) -> tuple[str, int]:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", ON_A_TERMINAL, str(manifest), str(out)])
    said = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux, when nobody writes any more
            break
        if not part:
            break
        said += part
    os.close(terminal)
    return said.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
