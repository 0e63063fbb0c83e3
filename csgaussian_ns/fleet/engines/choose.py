"""Engines by name."""

from collections.abc import Mapping
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.engines.base import Engine, Limits
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.storage import is_local, joined, write_whole


def engine(name: str, limits: Limits, settings: Mapping[str, Any], folder: str) -> Engine:
    """The engine of that name, ready to run.

    Args:
        name: ``local``, ``slurm`` or ``ray``.
        limits: Of tasks.
        settings: Of the engine.
        folder: Of the batch.

    Raises:
        BackendUnavailable: It is not installed, or does not answer.
        ConfigError: A setting that it does not know.
    """
    if name == "slurm":
        from csgaussian_ns.fleet.engines.slurm import Slurm

        return Slurm(limits, settings, folder)
    if name == "ray":
        from csgaussian_ns.fleet.engines.ray_cluster import Ray

        return Ray(limits, settings)
    from csgaussian_ns.fleet.engines.local import Local

    return Local(limits)


def write_job(name: str, plan: Plan, limits: Limits, settings: Mapping[str, Any], tasks: int) -> tuple[str, str]:
    """Describe a batch for Kubernetes or SkyPilot, whose workers each run a shard of it by themselves.

    Returns:
        The file, and the command that starts it.

    Raises:
        ConfigError: A setting that it does not know, a shard, or the manifest or the results lie on this machine alone.
    """
    from csgaussian_ns.fleet.engines.kubernetes import job
    from csgaussian_ns.fleet.engines.skypilot import skypilot_task

    if is_local(plan.folder) and not settings.get("shared"):
        raise ConfigError(
            f"-o {plan.folder}: expected an address that all workers reach, such as s3://bucket/x; for a folder "
            "that they all see, say --set shared=1"
        )
    if plan.shard != (0, 1):
        raise ConfigError(f"--shard {plan.shard[0]}/{plan.shard[1]}: workers of {name} get their own; leave it out")
    shards = min(limits.jobs or 1, max(1, tasks))
    kept = {key: value for key, value in settings.items() if key != "shared"}
    make = job if name == "k8s-job" else skypilot_task
    text = make(plan, limits, kept, shards)
    path = f"{name}.yaml" if not is_local(plan.folder) else joined(plan.folder, f"{name}.yaml")
    write_whole(path, text.encode())
    start = f"kubectl apply -f {path}" if name == "k8s-job" else f"sky jobs launch {path}"
    return path, start
