"""A Job of Kubernetes: every pod does one shard of the manifest, without a server of ours."""

from collections.abc import Mapping
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.engines.shards import command_of, embedded, yaml_text
from csgaussian_ns.fleet.plan import Plan

SETTINGS = ("image", "name", "namespace", "memory", "storage", "claim", "mount", "secret")
MOST_EMBEDDED = 900_000
"""Bytes of a manifest in a ConfigMap, which may have a million."""


def job(plan: Plan, limits: Limits, settings: Mapping[str, Any], shards: int) -> str:
    """YAML of a Job with as many pods as shards, and of a ConfigMap with the manifest where it lies here.

    Args:
        plan: What to do.
        limits: Of each pod; ``jobs`` is the number of pods.
        settings: ``image`` is needed; ``claim`` is a volume claim that is mounted at ``mount``, ``secret`` the name of
            one whose values become variables, for the object store.
        shards: Pods.

    Raises:
        ConfigError: A setting that is not known, or no image.
    """
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise ConfigError(f"--set {unknown[0]}: expected one of {', '.join(SETTINGS)}")
    if "image" not in settings:
        raise ConfigError("--on k8s-job: expected --set image=..., an image with csgaussian-ns[train,remote]")
    name, text = str(settings.get("name", "csg-batch")), embedded(plan.manifest, MOST_EMBEDDED)
    ending = plan.manifest.rpartition(".")[2].lower()
    manifest = plan.manifest if text is None else f"/etc/csg/manifest.{ending}"
    metadata = {"name": name, **({"namespace": settings["namespace"]} if "namespace" in settings else {})}
    container = {
        "name": "csg",
        "image": str(settings["image"]),
        "command": ["/bin/sh", "-c", command_of(plan, limits, manifest, f"${{JOB_COMPLETION_INDEX}}/{shards}")],
        "resources": _resources(limits, settings),
    }
    volumes = []
    mounts = []
    if text is not None:
        volumes.append({"name": "manifest", "configMap": {"name": f"{name}-manifest"}})
        mounts.append({"name": "manifest", "mountPath": "/etc/csg"})
    if "claim" in settings:
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": str(settings["claim"])}})
        mounts.append({"name": "data", "mountPath": str(settings.get("mount", "/data"))})
    if "secret" in settings:
        container["envFrom"] = [{"secretRef": {"name": str(settings["secret"])}}]
    pod: dict[str, Any] = {"restartPolicy": "Never", "containers": [{**container, "volumeMounts": mounts}]}
    spec = {
        "completions": shards,
        "parallelism": shards,
        "completionMode": "Indexed",
        "backoffLimit": 2 * shards,
        "template": {"spec": {**pod, "volumes": volumes}},
    }
    parts: list[Any] = [{"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}]
    if text is not None:
        config = {"metadata": {**metadata, "name": f"{name}-manifest"}, "data": {f"manifest.{ending}": text}}
        parts.insert(0, {"apiVersion": "v1", "kind": "ConfigMap", **config})
    return yaml_text(*parts)


def _resources(limits: Limits, settings: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {"cpu": str(limits.cpus or 1), "memory": str(settings.get("memory", "4Gi"))}
    if "storage" in settings:
        wanted["ephemeral-storage"] = str(settings["storage"])
    gpus = {"nvidia.com/gpu": str(limits.gpus)} if limits.gpus else {}
    return {"requests": {**wanted, **gpus}, "limits": {**wanted, **gpus}}
