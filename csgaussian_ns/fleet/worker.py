"""A process that works on tasks: one JSON object a line comes in, a result goes out.

``python -m csgaussian_ns.fleet.worker [--steps module:function] [--fork]``. Nothing but results is written to where
stdout was; it ends when there are no more lines, or when whoever started it is gone.
"""

import argparse
import gc
import json
import os
import sys
from importlib import import_module

from csgaussian_ns.fleet.attempt import StepOf, attempt
from csgaussian_ns.fleet.commands import warm_up
from csgaussian_ns.fleet.task import Task

STEPS = "csgaussian_ns.fleet.commands:step_of"
"""Where the commands of stages come from; tests have others."""


def steps_at(place: str) -> StepOf:
    """The function that tells the command of a stage."""
    module, name = place.split(":")
    return getattr(import_module(module), name)


def main() -> None:
    """Work until there is no more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", default=STEPS)
    parser.add_argument("--fork", action="store_true")
    given = parser.parse_args()
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)  # so that all that it starts can be ended at once
    answers = os.dup(1)
    os.dup2(2, 1)  # what packages print goes elsewhere
    steps, warm = steps_at(given.steps), False
    for line in sys.stdin:
        asked = json.loads(line)
        task = Task.of(asked["task"])
        if given.fork and not warm:
            warm_up(task.run)
            gc.collect()
            gc.freeze()
            warm = True
        result = attempt(task, steps, asked["timeout"], given.fork)
        os.write(answers, (json.dumps(result.facts()) + "\n").encode())


if __name__ == "__main__":
    main()
