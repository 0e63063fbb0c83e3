"""A Ray cluster of two nodes on this machine, for tests."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
MEMORY = 80 << 20
"""Of the object store of a node, bytes; the least that Ray takes."""
SLOW = {
    "RAY_raylet_start_wait_time_s": "200",
    "RAY_agent_register_timeout_ms": "200000",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""A machine that does other things needs more than half a minute to start a node."""


@contextmanager
def cluster() -> Iterator[Any]:
    """Two nodes with a core each; ``RAY_ADDRESS`` names them while the block runs."""
    before = dict(os.environ)
    os.environ.update(SLOW)
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **node()})
    try:
        made.add_node(**node())
        os.environ["RAY_ADDRESS"] = made.address
        yield made
    finally:
        made.shutdown()
        os.environ.clear()
        os.environ.update(before)


def node() -> dict[str, Any]:
    """Options of one node. Its agents get ports from here: Ray waits but a moment for those that they find."""
    return {"num_cpus": 1, "object_store_memory": MEMORY, **dict(zip(PORTS, _free(len(PORTS)), strict=True))}


def _free(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
