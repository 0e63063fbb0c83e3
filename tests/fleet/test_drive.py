"""Batches on this machine: every task once, whatever is killed, refused or full."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.attempt import STATE, attempt
from csgaussian_ns.fleet.drive import drive
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.engines.local import Local, core_groups, gpu_groups
from csgaussian_ns.fleet.journal import Journal, read_results
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.tally import Tally
from tests.fleet.quick_steps import PLACE, put_capture, quick_step
from tests.full_disk import full_disk

pytestmark = pytest.mark.usefixtures("quick_path")
QUICK = Limits(2, steps=PLACE, fork=False)
STAGES = ("train", "export", "evaluate")
DRIVER = """
import sys
from csgaussian_ns.fleet.drive import drive
from csgaussian_ns.fleet.tally import Tally
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.engines.choose import engine
from csgaussian_ns.fleet.journal import Journal
from csgaussian_ns.fleet.options import Options
from csgaussian_ns.fleet.plan import Plan

manifest, out, name, settings = sys.argv[1], sys.argv[2], sys.argv[3], eval(sys.argv[4])
plan = Plan(manifest, out, ("train", "export", "evaluate"), Options(None))
forked = len(sys.argv) > 5
limits = Limits(2, steps="forked_steps:forked_step" if forked else "quick_steps:quick_step", fork=forked)
drive(plan.tasks(), engine(name, limits, settings, out), Journal(out, (0, 1)), Tally(plan.check()))
"""


def run(plan: Plan, retries: int = 0, limits: Limits = QUICK) -> Tally:
    tally = Tally(plan.check())
    Path(plan.folder).mkdir(exist_ok=True)
    drive(plan.tasks(), Local(limits), Journal(plan.folder, plan.shard), tally, retries)
    return tally


def until(there: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def lines_of(plan: Plan) -> list[dict]:
    return [json.loads(line) for line in (Path(plan.folder) / "results.jsonl").read_text().splitlines()]


def test_results_and_a_second_call_that_does_nothing(write_manifest, plan_of, runs):
    plan = plan_of(write_manifest({"name": "a"}, {"name": "b", "lambda-rate": 0.01}))
    tally = run(plan)
    assert (tally.done, tally.failed, tally.bytes, tally.psnr) == (2, 0, 200, (61.0, 2))
    found = read_results(plan.folder)
    assert set(found) == {"a", "b"} and sorted(runs()) == sorted(f"{n} {s}" for n in "ab" for s in STAGES)
    result = found["b"]
    assert (result.status, result.bytes, result.psnr, result.anchors, result.gaussians) == ("done", 100, 30.5, 7, 21)
    assert (
        result.options == {"lambda-rate": 0.01}
        and result.sections == {"COLR": 60}
        and set(result.seconds) == set(STAGES)
    )
    assert result.device and result.versions["csgaussian_ns"] and result.started < result.finished
    folder = Path(result.output)
    assert {path.name for path in folder.iterdir()} == {
        "scene.csg", "scene.json", "evaluation.json", "task.log", "task.lock", "result.json"
    }, "and neither the run nor state"  # fmt: skip
    assert "hello from train" in (folder / "task.log").read_text()
    again = run(plan)
    assert (again.before, again.done, len(runs()), len(lines_of(plan))) == (2, 0, 6, 2)


def test_failures_stay_alone_and_are_tried_again(write_manifest, plan_of, runs):
    rows = ({"name": "bad", "fails": "always"}, {"name": "shy", "fails": 1, "at": "export"}, {"name": "good"})
    plan = plan_of(write_manifest(*rows))
    tally = run(plan, retries=1)
    assert (tally.done, tally.failed) == (2, 1)
    assert runs().count("bad train") == 2 and runs().count("shy train") == 1, "what was done of shy is not done again"
    error = read_results(plan.folder)["bad"].error
    assert error is not None and error.type == "StageFailed" and "bad does not like this" in error.message
    again = run(plan)
    assert (again.before, again.failed, runs().count("bad train"), runs().count("good train")) == (2, 1, 3, 1)


def test_a_task_that_takes_too_long(write_manifest, plan_of):
    plan = plan_of(write_manifest({"name": "slow", "sleep": 60}, {"name": "quick"}))
    tally = run(plan, limits=replace(QUICK, timeout=3.0))
    error = read_results(plan.folder)["slow"].error
    assert (tally.done, tally.failed) == (1, 1) and error is not None and error.type == "Timeout"


def test_seconds_are_of_all_tries(write_manifest, plan_of):
    [task] = plan_of(write_manifest({"name": "slow", "sleep": 2.5})).tasks()
    first = attempt(task, quick_step, 1.0, False)
    assert first.error is not None and first.error.type == "Timeout" and 0.5 < first.seconds["train"] < 2.5
    state = Path(task.output, STATE)
    assert json.loads(state.read_text())["spent"] == first.seconds
    second = attempt(task, quick_step, None, False)
    assert second.status == "done" and second.seconds["train"] > 2.5 + first.seconds["train"]
    assert second.seconds["evaluate"] < 2.5


def test_a_damaged_state_is_no_state(write_manifest, plan_of, runs):
    [task] = plan_of(write_manifest({"name": "a"})).tasks()
    for text in ("{", "[]", json.dumps({"key": task.key, "name": "a"})):
        Path(task.output).mkdir(parents=True, exist_ok=True)
        Path(task.output, STATE).write_text(text)
        assert attempt(task, quick_step, None, False).status == "done"
        Path(task.output, "result.json").unlink()
    assert runs().count("a train") == 3


def test_a_row_that_changed_is_done_anew(write_manifest, plan_of, runs):
    assert run(plan_of(write_manifest({"name": "a", "x": 1}))).done == 1
    assert run(plan_of(write_manifest({"name": "a", "x": 2}))).done == 1
    assert runs().count("a train") == 2 and read_results(plan_of(Path("x.jsonl")).folder)["a"].options == {"x": 2}


def test_a_result_that_was_not_written_down(write_manifest, plan_of, runs):
    plan = plan_of(write_manifest({"name": "a"}, {"name": "b"}))
    run(plan)
    journal = Path(plan.folder) / "results.jsonl"
    journal.write_text(journal.read_text()[:-20])  # as a crash in the middle of a line
    assert run(plan).before == 2 and len(runs()) == 6
    assert set(read_results(plan.folder)) == {"a", "b"}


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """A function that starts a batch in a process of its own."""
    started = []

    def start(manifest: Path, engine: str = "local", settings: object = None, *forked: str) -> subprocess.Popen:
        command = [sys.executable, "-c", DRIVER, str(manifest), str(tmp_path / "out"), engine, repr(settings or {})]
        command += forked
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return started[-1]

    (tmp_path / "out").mkdir()
    yield start
    for process in started:
        process.kill()
        process.communicate()


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_driver_that_is_killed(write_manifest, plan_of, runs, driver, tmp_path: Path):
    rows = [{"name": f"s{number}", "sleep": 1} for number in range(6)]
    manifest = write_manifest(*rows)
    process = driver(manifest)
    until(lambda: len(list((tmp_path / "out").glob("*/result.json"))) >= 2)
    workers = children_of(process.pid)
    process.kill()
    process.wait()
    until(lambda: not any(map(alive, workers)))
    finished = {path.parent.name for path in (tmp_path / "out").glob("*/result.json")}
    assert len(workers) == 2 and 2 <= len(finished) < 6
    tally = run(plan_of(manifest))
    assert (tally.before, tally.done, tally.failed) == (len(finished), 6 - len(finished), 0)
    assert all(runs().count(f"{name} {stage}") == 1 for name in finished for stage in STAGES)
    assert set(read_results(str(tmp_path / "out"))) == {f"s{number}" for number in range(6)}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_worker_that_is_killed(write_manifest, plan_of, runs, driver, tmp_path: Path):
    manifest = write_manifest(*({"name": f"s{number}", "sleep": 2} for number in range(4)))
    process = driver(manifest)
    until(lambda: (tmp_path / "data/runs.txt").exists())
    victim = children_of(process.pid)[0]
    os.kill(victim, signal.SIGKILL)
    assert process.wait(200) == 0
    found = read_results(str(tmp_path / "out"))
    assert {result.status for result in found.values()} == {"done"} and len(found) == 4
    assert all(runs().count(f"s{number} {stage}") == 1 for number in range(4) for stage in STAGES[1:])
    assert len([line for line in runs() if line.endswith("train")]) <= 5, "the one that was killed, again"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc, and forks")
def test_a_worker_that_forks_its_commands_is_killed(write_manifest, runs, driver, tmp_path: Path):
    """What it had forked ends with it, the task is done by the next one, and its seconds are those of both tries."""
    manifest = write_manifest(*({"name": f"s{number}", "sleep": 6} for number in range(2)))
    process = driver(manifest, "local", {}, "forked")
    until(lambda: len(runs()) == 2 if (tmp_path / "data/runs.txt").exists() else False)
    victim = children_of(process.pid)[0]
    [command] = children_of(victim)
    time.sleep(3)
    os.kill(victim, signal.SIGKILL)
    until(lambda: not alive(command), 10)
    assert process.wait(200) == 0
    found = read_results(str(tmp_path / "out"))
    assert [result.status for result in found.values()] == ["done", "done"] and runs().count("s0 export") == 1
    assert sorted(runs().count(f"s{number} train") for number in range(2)) == [1, 2]
    seconds = sorted(result.seconds["train"] for result in found.values())
    assert 6 < seconds[0] < seconds[1] - 1, "those of the try that was lost count, up to the last note of them"


def test_two_batches_of_one_folder_do_each_task_once(write_manifest, plan_of, runs, driver):
    manifest = write_manifest(*({"name": f"s{number}", "sleep": 0.3} for number in range(6)))
    processes = [driver(manifest), driver(manifest)]
    assert [process.wait(200) for process in processes] == [0, 0]
    plan = plan_of(manifest)
    logs = [(path.parent.name, path.read_text()) for path in Path(plan.folder).rglob("task.log")]
    assert sorted(runs()) == sorted(f"s{number} {stage}" for number in range(6) for stage in STAGES), logs
    assert sorted(line["name"] for line in lines_of(plan)) == [f"s{number}" for number in range(6)], "a row a result"


def test_a_full_disk(write_manifest, plan_of, runs):
    """Neither a line that does not fit nor a task that cannot write takes away what is there."""
    plan = plan_of(write_manifest({"name": "a"}, {"name": "b"}, {"name": "c"}))
    journal = Path(plan.folder) / "results.jsonl"
    first = plan_of(write_manifest({"name": "a"}, name="first.jsonl"))
    run(first)
    before = journal.read_bytes()
    with (
        full_disk(len(before) + 20),
        pytest.raises(ConfigError, match=r"cannot write .*results.jsonl: No space left on device"),
    ):
        Journal(plan.folder, (0, 1)).add(replace(read_results(plan.folder)["a"], finished="later"))
    assert journal.read_bytes() == before
    (task,) = [task for task in plan.tasks() if task.name == "b"]
    with full_disk(10):
        result = attempt(task, quick_step, None, False)
    assert result.status == "failed" and result.error is not None and "File too large" in result.error.message
    assert not (Path(task.output) / "result.json").exists()
    assert run(plan).before == 1 and runs().count("a train") == 1
    assert {result.status for result in read_results(plan.folder).values()} == {"done"}


def test_shards_write_to_one_file(write_manifest, plan_of, runs):
    path = write_manifest(*({"name": f"s{number}"} for number in range(7)))
    done = [run(plan_of(path, shard=(number, 2))).done for number in range(2)]
    assert sum(done) == 7 and len(runs()) == 21 and len(read_results(plan_of(path).folder)) == 7


def test_scenes_and_results_behind_an_address(write_manifest, plan_of, tmp_path: Path, runs):
    far = f"local://{tmp_path}/far"
    put_capture(tmp_path / "far" / "data")
    path = write_manifest({"name": "a", "data": f"{far}/data", "copy": 1}, {"name": "b"})
    plan = replace(plan_of(path), folder=f"{far}/out")
    assert run_far(plan).done == 2
    files = {path.name for path in (tmp_path / "far/out/a").iterdir()}
    assert files == {"scene.csg", "scene.json", "evaluation.json", "task.log", "result.json"}
    again = run_far(plan)
    found = read_results(plan.folder)
    assert (again.before, again.done) == (2, 0) and found["a"].data == f"{far}/data" and len(runs()) == 3
    assert found["b"].output == f"{far}/out/b"
    (tmp_path / "far/out/results.jsonl").unlink()
    assert run_far(plan).done == 2 and len(runs()) == 3, "the markers say that there is nothing to do"


def run_far(plan: Plan) -> Tally:
    tally = Tally(plan.check())
    drive(plan.tasks(), Local(QUICK), Journal(plan.folder, plan.shard), tally, 0)
    return tally


def test_more_jobs_than_cores_are_refused():
    with pytest.raises(ConfigError, match="--jobs 99: this machine has"):
        Local(replace(QUICK, jobs=99))


def test_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch, write_manifest, plan_of):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match="--gpus 1: this machine has 0 GPUs; leave it out to use what there is"):
        Local(replace(QUICK, gpus=1))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    assert gpu_groups(("4", "5", "6"), None) == ("4", "5", "6") and gpu_groups(("4", "5", "6"), 2) == ("4,5",)
    assert Local(replace(QUICK, jobs=None, gpus=2)).capacity == 1 and Local(replace(QUICK, jobs=None)).capacity == 3
    with pytest.raises(ConfigError, match="--jobs 2 --gpus 2: this machine has 3 GPUs, for 1 such tasks at a time"):
        Local(replace(QUICK, jobs=2, gpus=2))
    seen = {}
    for number, gpus in enumerate((None, 3, 0)):
        plan = plan_of(write_manifest({"name": f"g{number}"}))
        assert run(plan, limits=replace(QUICK, jobs=1, gpus=gpus)).done == 1
        seen[gpus] = read_results(plan.folder)[f"g{number}"].device.partition(":")[0]
    assert seen == {None: "cuda", 3: "cuda", 0: "cpu"}


def test_cores_are_shared_out():
    cores = len(os.sched_getaffinity(0))
    groups = core_groups(cores)
    assert len(groups) == cores and len({core for group in groups for core in group}) == cores
    assert len(core_groups(1)[0]) == cores and all(core_groups(cores + 1))
