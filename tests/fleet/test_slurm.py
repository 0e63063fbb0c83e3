"""A real SLURM of one machine: slurmctld, slurmd and munge."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.fleet.drive import drive
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.journal import Journal, read_results
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.tally import Tally
from tests.fleet.quick_steps import PLACE
from tests.fleet.slurm_cluster import Cluster, missing
from tests.fleet.test_drive import STAGES, alive, driver, until

pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[slurm]'")
from csgaussian_ns.fleet.engines.slurm import Slurm

WHY_NOT = missing()
pytestmark = [
    pytest.mark.usefixtures("quick_path"),
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.slow,
]
QUICK = Limits(4, steps=PLACE, fork=False)
__all__ = ["driver"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("SLURM_CONF", running.conf)
    return running


def run(plan: Plan, retries: int = 0) -> Tally:
    tally = Tally(plan.check())
    drive(
        plan.tasks(), Slurm(QUICK, {"partition": "main"}, plan.folder), Journal(plan.folder, plan.shard), tally, retries
    )
    return tally


def test_a_batch(cluster: Cluster, write_manifest, plan_of, runs):
    plan = plan_of(write_manifest({"name": "a"}, {"name": "b"}, {"name": "bad", "fails": "always"}))
    tally = run(plan)
    assert (tally.done, tally.failed) == (2, 1)
    found = read_results(plan.folder)
    error = found["bad"].error
    assert error is not None and "does not like this" in error.message and found["a"].psnr == 30.5
    again = run(plan)
    assert (again.before, again.failed) == (2, 1) and runs().count("a train") == 1
    assert list(Path(plan.folder, "slurm").glob("*_submission.sh"))


def test_a_job_that_is_killed_is_tried_again(cluster: Cluster, write_manifest, plan_of, runs, driver, tmp_path: Path):
    manifest = write_manifest({"name": "a", "sleep": 4})
    process = driver(manifest, "slurm", {})
    until(lambda: (tmp_path / "data/runs.txt").exists())
    for pid in workers():
        os.kill(pid, 9)
    assert process.wait(200) == 0
    assert read_results(str(tmp_path / "out"))["a"].status == "done" and runs().count("a train") == 2


def test_a_driver_that_comes_back_finds_its_jobs(
    cluster: Cluster, write_manifest, plan_of, runs, driver, tmp_path: Path
):
    manifest = write_manifest(*({"name": f"s{number}", "sleep": 4} for number in range(2)))
    process = driver(manifest, "slurm", {})
    until(lambda: (tmp_path / "data/runs.txt").exists())
    process.kill()
    process.wait()
    tally = run(plan_of(manifest))
    assert tally.before + tally.done == 2 and tally.failed == 0
    assert sorted(runs()) == sorted(f"s{number} {stage}" for number in range(2) for stage in STAGES)


def test_what_is_told_before_anything_starts(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = str(tmp_path / "out")
    with pytest.raises(ConfigError, match="submitit cannot take it"):
        Slurm(QUICK, {"partitoin": "main"}, folder)
    with pytest.raises(ConfigError, match="a folder that all nodes see; give a path"):
        Slurm(QUICK, {}, "s3://bucket/out")
    cluster.stop_controller()
    try:
        with pytest.raises(BackendUnavailable, match="SLURM cannot be reached: sinfo says"):
            Slurm(QUICK, {}, folder)
    finally:
        cluster.start_controller()
    until(lambda: "idle" in cluster.said("sinfo", "-h", "-o", "%t"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendUnavailable, match="there is no sbatch on PATH"):
        Slurm(QUICK, {}, folder)


def workers() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if b"csgaussian_ns.fleet.worker" in words and PLACE.encode() in words and alive(int(path.parent.name)):
            found.append(int(path.parent.name))
    return found
