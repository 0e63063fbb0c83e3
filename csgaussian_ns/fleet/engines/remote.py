"""What runs on another machine: a worker for one task, whatever process it was asked by."""

import json
import os
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import Any


def work(facts: Mapping[str, Any], timeout: float | None, steps: str, fork: bool) -> dict[str, Any]:
    """Do a task in a process of its own; a result as plain values.

    Args:
        facts: Of the task.
        timeout: Seconds of a try.
        steps: See ``engines.base.Limits``.
        fork: Likewise.

    Raises:
        CsgError: The worker ended without an answer.
    """
    from csgaussian_ns.core.errors import CsgError
    from csgaussian_ns.fleet.engines.base import Limits, question, worker_process
    from csgaussian_ns.fleet.outcome import gpus
    from csgaussian_ns.fleet.task import Task

    task, limits = Task.of(facts), Limits(timeout=timeout, steps=steps, fork=fork and not gpus())
    with TemporaryFile() as said:
        process = worker_process(limits, os.environ, said)
        answer, _ = process.communicate(question(task, limits))
        if not answer.endswith(b"\n"):
            said.seek(0)
            words = said.read()[-1000:].decode("utf8", "replace").strip().splitlines()
            raise CsgError(f"the worker ended with {process.returncode}: {words[-1] if words else 'it said nothing'}")
    return json.loads(answer)
