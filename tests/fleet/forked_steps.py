"""The stages of ``quick_steps`` as commands that a worker forks, as it does with those of nerfstudio."""

import json
import sys
from pathlib import Path

import quick_steps  # beside this file; workers have its folder on their path

from csgaussian_ns.fleet.commands import COMMANDS, LONG_IMPORTS, Step
from csgaussian_ns.fleet.task import Task

COMMANDS["quick"] = ("forked_steps", "entry")
LONG_IMPORTS.update(train=("colorsys",), export=(), evaluate=())


def forked_step(stage: str, task: Task, folder: Path) -> Step:
    """See ``quick_steps.quick_step``."""
    words = ("quick", stage, str(folder), task.data, json.dumps(dict(task.options)))
    return Step(words, "evaluation.json" if stage == "evaluate" else None)


def entry() -> None:
    """What the command calls, in a process that was forked from the worker."""
    if "colorsys" not in sys.modules:
        sys.exit("the worker has imported nothing for its commands")
    quick_steps.main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
