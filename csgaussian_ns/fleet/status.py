"""How far a batch is, from its folder alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.fleet.attempt import LOCK, STATE
from csgaussian_ns.fleet.journal import read_results
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.storage import is_local, joined, read_if_there, write_whole

try:
    import fcntl
except ImportError:
    fcntl = None

BATCH = "batch.json"
"""In the folder of a batch: what was asked for last."""


@dataclass(frozen=True)
class Status:
    """How far a batch is.

    Attributes:
        batch: What ``BATCH`` holds.
        results: By name.
        running: State of tasks that somebody works on, as their folders say, by name.
        stopped: Likewise of tasks that were begun and that nobody works on.
    """

    batch: Mapping[str, Any]
    results: Mapping[str, Result]
    running: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stopped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def done(self) -> list[Result]:
        """Results that are there."""
        return [result for result in self.results.values() if result.status == "done"]

    @property
    def failed(self) -> list[Result]:
        """Tasks that failed, and are tried again by the next call."""
        return [result for result in self.results.values() if result.status == "failed"]


def save_batch(folder: str, facts: Mapping[str, Any]) -> None:
    """Write down what was asked for.

    Raises:
        ConfigError: It cannot be written.
    """
    write_whole(joined(folder, BATCH), (json.dumps(facts, indent=1) + "\n").encode())


def status_of(folder: str) -> Status:
    """How far the batch in a folder is.

    Raises:
        ConfigError: There is none.
        DataError: Its files cannot be read.
    """
    stored = read_if_there(joined(folder, BATCH))
    if stored is None:
        raise ConfigError(f"{folder}: there is no {BATCH}; expected the --output of a csg batch")
    results = read_results(folder)
    running, stopped = {}, {}
    for path in sorted(Path(folder).glob(f"*/{STATE}")) if is_local(folder) else ():
        state = json.loads(read_if_there(str(path)) or b"{}")
        if "stage" in state:
            (running if _is_locked(path.with_name(LOCK)) else stopped)[state["name"]] = state
    return Status(json.loads(stored), results, running, stopped)


def stage_of(output: str) -> str:
    """What is being done with a task, as its folder says."""
    if not is_local(output):
        return ""
    try:
        return str(json.loads(read_if_there(joined(output, STATE)) or b"{}").get("stage", ""))
    except ValueError:
        return ""


def _is_locked(path: Path) -> bool:
    if fcntl is None or not path.exists():
        return False
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False
