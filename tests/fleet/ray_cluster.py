"""A Ray cluster of two nodes on this machine, for tests."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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

    session = f"session_csg_{os.getpid()}_{secrets.token_hex(4)}"
    head = {"include_dashboard": False, "session_name": session, **node(session)}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        made.add_node(**node(session))
        os.environ["RAY_ADDRESS"] = str(made.address)
        yield made
    finally:
        made.shutdown()
        os.environ.clear()
        os.environ.update(before)


def node(session: str) -> dict[str, Any]:
    """Options of one node.

    Ray waits but a quarter of a minute for its agents to tell their ports, and then ends. They get them from us, and
    what the agent for dashboards, of which there is none, would tell is told.
    """
    ports, number = _free(len(PORTS)), secrets.token_hex(28)
    folder = Path("/tmp/ray") / session
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"dashboard_agent_listen_port_{number}").write_text(str(ports[2]))
    env = {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": number}
    return {"num_cpus": 1, "object_store_memory": MEMORY, "env_vars": env, **dict(zip(PORTS, ports, strict=True))}


def _free(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
