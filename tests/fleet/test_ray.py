"""A real Ray cluster of two nodes on this machine."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.fleet.drive import drive
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.journal import Journal, read_results
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.tally import Tally
from tests.fleet import test_drive
from tests.fleet.quick_steps import PLACE
from tests.fleet.test_drive import STAGES, driver, until
from tests.fleet.test_slurm import workers

pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")
from csgaussian_ns.fleet.engines.ray_cluster import Ray
from tests.fleet.ray_cluster import cluster

pytestmark = [pytest.mark.usefixtures("quick_path"), pytest.mark.slow]
QUICK = Limits(2, steps=PLACE, fork=False)
__all__ = ["driver"]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    patch = pytest.MonkeyPatch()
    root = Path(__file__).parents[2]
    patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (root, root / "tests/fleet"))))  # what nodes are started with
    with cluster() as made:
        yield made
    patch.undo()


def run(plan: Plan, retries: int = 0) -> Tally:
    tally = Tally(plan.check())
    Path(plan.folder).mkdir(exist_ok=True)
    drive(plan.tasks(), Ray(QUICK, {}), Journal(plan.folder, plan.shard), tally, retries)
    return tally


def test_a_batch(nodes: Any, write_manifest, plan_of, runs):
    plan = plan_of(write_manifest({"name": "a"}, {"name": "b"}, {"name": "bad", "fails": "always"}))
    tally = run(plan)
    found = read_results(plan.folder)
    error = found["bad"].error
    assert (tally.done, tally.failed) == (2, 1) and found["a"].psnr == 30.5
    assert error is not None and "does not like this" in error.message
    again = run(plan)
    assert (again.before, again.failed, runs().count("a train")) == (2, 1, 1)


def test_a_worker_that_is_killed(nodes: Any, write_manifest, runs, driver, tmp_path: Path):
    process = driver(write_manifest({"name": "a", "sleep": 5}), "ray", {})
    until(lambda: (tmp_path / "data/runs.txt").exists())
    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    assert process.wait(200) == 0
    assert read_results(str(tmp_path / "out"))["a"].status == "done" and runs().count("a train") == 2


def test_what_is_told_before_anything_starts(nodes: Any):
    with pytest.raises(ConfigError, match="no task fits; it needs 99 CPU"):
        Ray(Limits(cpus=99), {})
    import ray

    ray.shutdown()
    with pytest.raises(ConfigError, match="--set adress: expected one of address"):
        Ray(QUICK, {"adress": "auto"})
    with pytest.raises(BackendUnavailable, match=r"there is no cluster at 127\.0\.0\.1:1"):
        Ray(QUICK, {"address": "127.0.0.1:1"})


def test_a_head_that_is_killed(nodes: Any, write_manifest, plan_of, runs, driver, tmp_path: Path):
    """The last test of this cluster."""
    manifest = write_manifest(*({"name": f"s{number}", "sleep": 4} for number in range(8)))
    process = driver(manifest, "ray", {})
    until(lambda: len(list((tmp_path / "out").glob("*/result.json"))) >= 2)
    nodes.head_node.kill_gcs_server()
    nodes.head_node.kill_raylet()
    assert process.wait(200) != 0
    until(lambda: not workers())
    finished = {path.parent.name for path in (tmp_path / "out").glob("*/result.json")}
    assert 2 <= len(finished) < 8
    tally = test_drive.run(plan_of(manifest))
    assert (tally.before, tally.done, tally.failed) == (len(finished), 8 - len(finished), 0)
    assert all(runs().count(f"{name} {stage}") == 1 for name in finished for stage in STAGES)
