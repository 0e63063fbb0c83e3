"""What csg batch costs: seconds of each engine per task, memory by rows, and two workers against one.

    python benchmarks/fleet.py [--engines local slurm ray] [--scenes FOLDER]

Tasks are those of the tests, whose stages do nothing, or spin for a CPU time; ``--scenes`` names a folder of captures
that are trained, exported and evaluated with one worker and with two. SLURM and Ray are started as the tests do it.
"""

import argparse
import json
import os
import resource
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fleet")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "fleet")])

from quick_steps import put_capture

from benchmarks.common import RESULTS, machine
from csgaussian_ns.fleet.drive import drive
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.engines.choose import engine
from csgaussian_ns.fleet.journal import Journal, read_results
from csgaussian_ns.fleet.options import Nerfstudio, Options
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.tally import Tally

STAGES = ("train", "export", "evaluate")
QUICK = "quick_steps:quick_step"
REAL = {"max-num-iterations": 100, "semantic-steps": 0, "voxel-size": 0.06}
"""Options of ``--scenes``."""


def cpu_seconds() -> float:
    """Of this process and all that it has waited for."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def batch(folder: Path, rows: list[dict[str, Any]], name: str, limits: Limits, options: Options) -> dict[str, Any]:
    """Run rows once; seconds by the clock, of the CPU, and of stages."""
    put_capture(folder / "data")
    manifest = folder / "scenes.jsonl"
    manifest.write_text("".join(json.dumps({"data": "data", **row}) + "\n" for row in rows))
    plan = Plan(str(manifest), str(folder / "out"), STAGES, options)
    tally = Tally(plan.check())
    (folder / "out").mkdir()
    chosen = engine(name, limits, {}, plan.folder)
    began, cpu = time.monotonic(), cpu_seconds()
    drive(plan.tasks(), chosen, Journal(plan.folder, (0, 1)), tally)
    wall = time.monotonic() - began
    results = read_results(plan.folder).values()
    assert tally.done == len(rows), [result.error for result in results]
    stages = sum(sum(result.seconds.values()) for result in results)
    return {"tasks": len(rows), "wall": wall, "cpu": cpu_seconds() - cpu, "stages": stages, "load": os.getloadavg()[0]}


@contextmanager
def started(name: str, folder: Path) -> Iterator[str | None]:
    """The cluster that an engine needs; why there is none, if that is so."""
    if name == "slurm":
        from slurm_cluster import Cluster, missing

        why = missing()
        if why is not None:
            yield why
            return
        made = Cluster(folder)
        os.environ["SLURM_CONF"] = made.conf
        try:
            yield None
        finally:
            made.close()
    elif name == "ray":
        from ray_cluster import cluster

        with cluster():
            yield None
    else:
        with nullcontext():
            yield None


def overhead(name: str, tasks: int) -> dict[str, Any]:
    """Seconds per task that are not those of its stages, with two at a time.

    The first task of a worker, which starts it, is among them.
    """
    with TemporaryDirectory() as scratch, started(name, Path(scratch) / "cluster") as why:
        if why is not None:
            return {"missing": why}
        rows = [{"name": f"s{number}"} for number in range(tasks)]
        limits = Limits(2, steps=QUICK, fork=False)
        found = batch(Path(scratch) / "batch", rows, name, limits, Options(None))
    found["overhead"] = (2 * found["wall"] - found["stages"]) / tasks
    return found


def memory(rows: int) -> int:
    """Most bytes that Python holds while so many rows are checked."""
    with TemporaryDirectory() as scratch:
        put_capture(Path(scratch))
        manifest = Path(scratch) / "scenes.jsonl"
        with open(manifest, "w") as file:
            for number in range(rows):
                file.write(json.dumps({"data": ".", "name": f"scene_{number:06d}", "lambda-rate": 0.004}) + "\n")
        plan = Plan(str(manifest), scratch, STAGES, Options(None))
        tracemalloc.start()
        try:
            assert plan.check() == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def two_against_one(scenes: list[Path] | None, tasks: int, spin: float) -> dict[str, Any]:
    """The same tasks with one worker and with two, of one core each."""
    found: dict[str, Any] = {}
    with TemporaryDirectory() as scratch, Nerfstudio() as ask:
        options = Options(None if scenes is None else ask)
        limits = {"steps": QUICK, "fork": False} if scenes is None else {}
        rows: list[dict[str, Any]] = [{"name": f"s{number}", "spin": spin} for number in range(tasks)]
        if scenes is not None:
            rows = [{"name": scene.name, "data": str(scene.resolve()), "options": REAL} for scene in scenes]
        for jobs in (1, 2):
            folder = Path(scratch) / str(jobs)
            found[f"jobs_{jobs}"] = batch(folder, rows, "local", Limits(jobs, cpus=1, **limits), options)
    one, two = found["jobs_1"], found["jobs_2"]
    found |= {"speedup_wall": one["wall"] / two["wall"], "speedup_of_cpu_seconds": 2 * one["cpu"] / two["cpu"]}
    return found


def main() -> None:
    """Measure, and write results/fleet.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="*", default=["local", "slurm", "ray"])
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--spin", type=float, default=1.0, help="CPU seconds of each of 40 tasks")
    parser.add_argument("--scenes", type=Path, help="folder of captures, in place of tasks that spin")
    given = parser.parse_args()
    file = RESULTS / "fleet.json"
    report = json.loads(file.read_text()) if file.exists() else {}
    for name in given.engines:
        report.setdefault("overhead", {})[name] = overhead(name, given.tasks)
        print(name, report["overhead"][name], flush=True)
    report["memory"] = {str(rows): memory(rows) for rows in (10, 1000, 10_000)}
    if given.scenes is not None:
        scenes = sorted(path.parent for path in given.scenes.glob("*/transforms.json"))
        report["scenes"] = two_against_one(scenes, len(scenes), 0.0)
    else:
        report["spinning"] = two_against_one(None, 40, given.spin) | {"cpu_seconds_each": given.spin}
    report |= {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
    file.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
