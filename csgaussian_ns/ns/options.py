"""Options of methods, for programs: what ``ns-train`` would say to them, without training.

``python -m csgaussian_ns.ns.options`` answers one line of JSON for each that it reads: it takes seconds to start, and a
tenth of one for an answer.
"""

import io
import json
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, TextIO

import tyro
from nerfstudio.configs.method_configs import all_methods

from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.entropy.rate_steps import check_rate
from csgaussian_ns.ns.model import CSGaussianModelConfig

_FRAME = re.compile(r"[^\x20-\x7e]+|-{5,}")


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What is known of a method.

    Args:
        asked: ``method``, and ``arguments`` that shall be tried, as words of a command line, or null; ``rate``, if a
            file shall be made at this lambda of the run.

    Returns:
        ``options``, names with two dashes, and ``csg``, whether a file can be made of its runs, where nothing shall be
        tried; else ``error``, one line or null. Of a method
        that does not exist, ``methods``, the names of those that do.
    """
    config = all_methods.get(asked["method"])
    if config is None:
        return {"methods": sorted(all_methods)}
    if asked["arguments"] is None:
        parser = tyro.extras.get_parser(_form(config), default=config)
        named = (name for action in parser._actions for name in action.option_strings)
        ours = isinstance(config.pipeline.model, CSGaussianModelConfig)
        return {"options": sorted(name for name in named if name.startswith("--") and name != "--help"), "csg": ours}
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            made = tyro.cli(_form(config), default=config, args=asked["arguments"])
        _check_rate(made, asked.get("rate"))
    except SystemExit as ended:
        if ended.code:
            told = " ".join(_FRAME.sub(" ", said.getvalue()).split())
            return {"error": re.sub("^(Parsing|Value) error ", "", told.partition(" Argument helptext:")[0])}
    except CsgError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001  # of a config that checks itself
        return {"error": f"{type(error).__name__}: {error}"}
    return {"error": None}


def _check_rate(config: Any, rate: float | None) -> None:
    """See whether a run with this configuration can be coded at a lambda.

    Raises:
        ConfigError: It is not trained for it.
    """
    if rate is None:
        return
    weights = config.pipeline.model.scene.rate_weights
    if not weights:
        raise ConfigError("its runs are trained for one lambda alone; csgaussian-hemgs is for many")
    check_rate(rate, weights)


def _form(config: Any) -> Any:
    """As ``ns-train`` has it: flags take True or False."""
    return tyro.conf.FlagConversionOff[type(config)]


def serve(questions: TextIO, answers: TextIO) -> None:
    """Answer each line until there are no more."""
    for line in questions:
        answers.write(json.dumps(answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
