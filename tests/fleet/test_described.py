"""Descriptions for Kubernetes and SkyPilot are YAML that says what pods and nodes do."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.engines.choose import write_job
from csgaussian_ns.fleet.engines.kubernetes import job
from csgaussian_ns.fleet.engines.skypilot import skypilot_task
from csgaussian_ns.fleet.plan import Plan
from tests.docs.pages import commands_of

LIMITS = Limits(4, 5400.0, 8, 1, 3)


@pytest.fixture
def far(write_manifest, plan_of) -> Plan:
    path = write_manifest({"data": "s3://bucket/a", "name": 'a "b" $c'}, {"data": "/mnt/b"})
    plan = plan_of(path, look=False)
    return Plan(plan.manifest, "s3://bucket/out", plan.run, plan.options)


def test_a_job_of_kubernetes(far: Plan):
    settings = {"image": "registry/csg:1", "claim": "scenes", "mount": "/mnt", "secret": "keys", "namespace": "lab"}
    config, made = yaml.safe_load_all(job(far, LIMITS, settings, 4))
    assert config["data"]["manifest.jsonl"] == Path(far.manifest).read_text()
    assert made["kind"] == "Job" and made["metadata"] == {"name": "csg-batch", "namespace": "lab"}
    spec = made["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (4, 4, "Indexed")
    [container] = spec["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1" and container["image"] == "registry/csg:1"
    [command] = commands_of(container["command"][2])
    assert command.words[:3] == ("csg", "batch", "/etc/csg/manifest.jsonl")
    assert ("--retries", "3") in zip(command.words, command.words[1:], strict=False)
    assert command.words[-2:] == ("--shard", "${JOB_COMPLETION_INDEX}/4") and "5400s" in command.words
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/etc/csg", "/mnt"} and container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    if shutil.which("kubectl"):
        words = ["kubectl", "create", "--dry-run=client", "--validate=false", "-f", "-"]
        done = subprocess.run(words, input=job(far, LIMITS, settings, 4), text=True, capture_output=True)
        assert done.returncode == 0 or "refused" in done.stderr, done.stderr


def test_a_task_of_skypilot(far: Plan, tmp_path: Path):
    text = skypilot_task(far, Limits(3, None, 8), {"accelerators": "A100:1", "spot": 1, "disk": 200}, 3)
    made = yaml.safe_load(text)
    assert made["num_nodes"] == 3 and made["resources"] == {
        "cpus": "8+", "accelerators": "A100:1", "disk_size": 200, "use_spot": True
    }  # fmt: skip
    shell = made["run"].replace("csg batch", "echo csg batch").replace("/tmp/csg", f"{tmp_path}/csg")
    done = subprocess.run(
        ["sh", "-c", shell], env={"SKYPILOT_NODE_RANK": "2"}, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip().endswith("--shard 2/3")
    assert (tmp_path / "csg-manifest.jsonl").read_text() == Path(far.manifest).read_text()


def test_skypilot_itself_reads_it(far: Plan, tmp_path: Path):
    sky = pytest.importorskip("sky", reason="SkyPilot is not installed: pip install skypilot")
    (tmp_path / "task.yaml").write_text(skypilot_task(far, Limits(2), {"accelerators": "A100:1"}, 2))
    assert sky.Task.from_yaml(str(tmp_path / "task.yaml")).num_nodes == 2


def test_a_plan_becomes_a_file(far: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert write_job("k8s-job", far, LIMITS, {"image": "x"}, 2) == ("k8s-job.yaml", "kubectl apply -f k8s-job.yaml")
    *_, made = yaml.safe_load_all((tmp_path / "k8s-job.yaml").read_text())
    assert made["spec"]["completions"] == 2, "no more pods than tasks"
    assert write_job("skypilot", far, Limits(), {}, 2)[1] == "sky jobs launch skypilot.yaml"


def test_what_cannot_be_described(far: Plan, write_manifest, plan_of):
    here = plan_of(write_manifest({}, name="here.jsonl"))
    with pytest.raises(ConfigError, match="expected an address that all workers reach"):
        write_job("k8s-job", here, LIMITS, {"image": "x"}, 1)
    with pytest.raises(ConfigError, match="row 1: expected data to be an address or an absolute path"):
        job(here, LIMITS, {"image": "x"}, 1)
    with pytest.raises(ConfigError, match="--on k8s-job: expected --set image="):
        job(far, LIMITS, {}, 1)
    for make in (job, skypilot_task):
        with pytest.raises(ConfigError, match="--set imaeg: expected one of"):
            make(far, LIMITS, {"imaeg": "x"}, 1)
    for name, settings in (("k8s-job", {"image": "x"}), ("skypilot", {})):
        with pytest.raises(ConfigError, match=f"--shard 1/2: workers of {name} get their own; leave it out"):
            write_job(name, replace(far, shard=(1, 2)), Limits(), settings, 1)
    with pytest.raises(ConfigError, match="SkyPilot wants their kind"):
        skypilot_task(far, LIMITS, {}, 1)
