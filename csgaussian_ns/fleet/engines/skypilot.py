"""A task of SkyPilot: machines of any cloud, each of which does one shard of the manifest."""

from collections.abc import Mapping
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.engines.shards import command_of, embedded, yaml_text
from csgaussian_ns.fleet.plan import Plan

SETTINGS = ("name", "accelerators", "cloud", "region", "spot", "setup", "disk", "memory")
MOST_EMBEDDED = 200_000
"""Bytes of a manifest in the description."""
SETUP = "pip install 'csgaussian-ns[train,remote]'"


def skypilot_task(plan: Plan, limits: Limits, settings: Mapping[str, Any], shards: int) -> str:
    """YAML of a task with as many nodes as shards.

    Args:
        plan: What to do.
        limits: Of each node; ``jobs`` is the number of nodes.
        settings: ``accelerators`` as SkyPilot writes them, ``setup`` in place of ``SETUP``; ``spot=1`` for machines
            that may be taken away, after which ``sky jobs`` starts the task again, and what is done is not done again.
        shards: Nodes.

    Raises:
        ConfigError: A setting that is not known.
    """
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise ConfigError(f"--set {unknown[0]}: expected one of {', '.join(SETTINGS)}")
    text = embedded(plan.manifest, MOST_EMBEDDED)
    ending = plan.manifest.rpartition(".")[2].lower()
    manifest = plan.manifest if text is None else f"/tmp/csg-manifest.{ending}"
    resources: dict[str, Any] = {"cpus": f"{limits.cpus or 4}+"}
    for name, kind in (("accelerators", str), ("cloud", str), ("region", str), ("memory", str), ("disk", int)):
        if name in settings:
            resources["disk_size" if name == "disk" else name] = kind(settings[name])
    if settings.get("spot"):
        resources["use_spot"] = True
    if limits.gpus and "accelerators" not in settings:
        raise ConfigError("--gpus: SkyPilot wants their kind; say --set accelerators=A100:1 instead")
    here = "" if text is None else f"cat > {manifest} <<'END_OF_MANIFEST'\n{text.rstrip()}\nEND_OF_MANIFEST\n"
    command = command_of(plan, limits, manifest, f"${{SKYPILOT_NODE_RANK}}/{shards}")
    return yaml_text(
        {
            "name": str(settings.get("name", "csg-batch")),
            "num_nodes": shards,
            "resources": resources,
            "setup": str(settings.get("setup", SETUP)),
            "run": f"{here}{command}\n",
        }
    )
