"""What each stage types, and commands run in a process that has their imports behind it."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.fleet.export_options import OF_EVALUATE
from csgaussian_ns.fleet.result import EVALUATION, SCENE
from csgaussian_ns.fleet.task import Task, words_of

COMMANDS = {
    "csg": ("csgaussian_ns.tools.cli", "main"),
    "ns-train": ("nerfstudio.scripts.train", "entrypoint"),
    "ns-eval": ("nerfstudio.scripts.eval", "entrypoint"),
    "ns-export": ("nerfstudio.scripts.exporter", "entrypoint"),
}
"""Module and function that each command calls."""
LONG_IMPORTS: dict[str, tuple[str, ...]] = {
    "train": ("nerfstudio.scripts.train", "csgaussian_ns.render.cpu"),
    "export": ("nerfstudio.scripts.exporter", "csgaussian_ns.codec.encode"),
    "evaluate": ("csgaussian_ns.tools.measure_scene", "csgaussian_ns.receiver.load"),
}
"""What stages need and forked processes get for nothing."""
RUN = "run"
"""Folder of nerfstudio's run in that of the task; also experiment and time stamp."""


class Step(NamedTuple):
    """A command, and the file that its standard output goes to in place of the log."""

    command: tuple[str, ...]
    output: str | None = None


def step_of(stage: str, task: Task, folder: Path) -> Step:
    """What a stage types.

    Args:
        stage: One of ``task.run``.
        task: With data, config and file on this machine.
        folder: Of the task, on this machine.
    """
    config = task.config or str(folder / RUN / RUN / task.method / RUN / "config.yml")
    if stage == "train":
        given = {"data": task.data, "output-dir": str(folder / RUN), "experiment-name": RUN, "timestamp": RUN}
        left = _checkpoints(folder, task.method)
        options = {"vis": "tensorboard", **given, **task.options} | ({"load-dir": left} if left else {})
        return Step(("ns-train", task.method, *words_of(options)))
    if stage == "export":
        measured = "evaluate" not in task.run or "target-psnr" in task.export
        export = {name: value for name, value in task.export.items() if name not in OF_EVALUATE}
        words = words_of({"load-config": config, "output-dir": str(folder), "evaluate": measured, **export})
        return Step(("ns-export", "csg-bitstream", *words))
    file = str(folder / SCENE) if task.file is None else task.file
    measures = words_of({name: value for name, value in task.export.items() if name in OF_EVALUATE})
    return Step(("csg", "evaluate", file, "--data", task.data, *measures, "--json"), EVALUATION)


def warm_up(stages: Sequence[str]) -> None:
    """Import what stages need, so that processes forked from this one have it.

    Raises:
        CsgError: Something is not installed.
    """
    for name in (name for stage in stages for name in LONG_IMPORTS[stage]):
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise CsgError(f"{name} cannot be imported: {error}; pip install 'csgaussian-ns[train]'") from error


def run_here(command: Sequence[str]) -> int:
    """What a shell would start, in this process; its exit code."""
    module, function = COMMANDS[command[0]]
    sys.argv = list(command)
    try:
        return int(getattr(import_module(module), function)() or 0)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            os.write(2, f"{ended.code}\n".encode(errors="backslashreplace"))
            return 1
        return int(ended.code or 0)


def _checkpoints(folder: Path, method: str) -> str | None:
    """Those of a run that was stopped, which goes on exactly where it was."""
    found = folder / RUN / RUN / method / RUN / "nerfstudio_models"
    return str(found) if any(found.glob("*.ckpt")) else None
