"""Ray: a task of ours is one of Ray's, on a cluster that somebody started."""

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, CsgError
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.fleet.engines.base import Ended, Limits
from csgaussian_ns.fleet.engines.remote import work
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.task import Task

SETTINGS = ("address", "namespace", "resources")
HEAD_LOST = 20
"""Seconds after which a driver gives up on a head that does not answer."""


class Ray:
    """See ``Engine``.

    Args:
        limits: Of tasks; without jobs as many run as the cluster has cores or GPUs for.
        settings: ``address`` of the cluster, ``auto`` by default, which is one of this machine or of ``RAY_ADDRESS``.

    Raises:
        BackendUnavailable: Ray is not installed, or there is no cluster.
        ConfigError: A setting that is not known.
    """

    def __init__(self, limits: Limits, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(settings) - set(SETTINGS))
        if unknown:
            raise ConfigError(f"--set {unknown[0]}: expected one of {', '.join(SETTINGS)}")
        try:
            import ray
        except ModuleNotFoundError as error:
            raise BackendUnavailable("--on ray needs ray; pip install 'csgaussian-ns[ray]'") from error
        self._ray, self._limits = ray, limits
        address = str(settings.get("address", "auto"))
        os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(HEAD_LOST))
        _check_answers(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise BackendUnavailable(
                f"--on ray: there is no cluster at {address} ({one_line(error)[:200]}); ray start --head starts one"
            ) from error
        cpus, gpus = limits.cpus or 1, limits.gpus or 0
        there = ray.cluster_resources()
        fits = int(min(there.get("CPU", 0) / cpus, there.get("GPU", 0) / gpus if gpus else float("inf")))
        if fits < 1:
            raise ConfigError(f"--on ray: no task fits; it needs {cpus} CPU and {gpus} GPU, the cluster has {there}")
        self.capacity = limits.jobs or 2 * fits
        self._work = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(work)
        self._running: dict[Any, str] = {}

    def start(self, task: Task) -> None:
        """See ``Engine``."""
        limits = self._limits
        reference = self._work.remote(task.facts(), limits.timeout, limits.steps, limits.fork)
        self._running[reference] = task.name

    def ended(self, seconds: float) -> list[Ended]:
        """See ``Engine``.

        Raises:
            CsgError: The cluster is gone.
        """
        ray, errors = self._ray, self._ray.exceptions
        began = time.monotonic()
        try:
            ready, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        except errors.RayError as error:
            raise CsgError(
                f"the Ray cluster is gone: {one_line(error)[:200]}; start one and give the command again"
            ) from error
        found = []
        for reference in ready:
            name = self._running.pop(reference)
            try:
                found.append(Ended(name, Result.of(ray.get(reference), name)))
            except errors.RayError as error:
                found.append(Ended(name, None, f"after {time.monotonic() - began:.0f} s: {one_line(error)[:300]}"))
        return found

    def close(self) -> None:
        """See ``Engine``."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._ray.shutdown()


def _check_answers(address: str) -> None:
    """Ask whether somebody listens: where nobody does, Ray ends the process that asks.

    Raises:
        BackendUnavailable: Nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), 30).close()
    except OSError as error:
        raise BackendUnavailable(
            f"--on ray: there is no cluster at {address} ({error.strerror or error}); ray start --head starts one"
        ) from error
