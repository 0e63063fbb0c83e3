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

_FRAME = re.compile(r"[^\x20-\x7e]+|-{5,}")


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What is known of a method.

    Args:
        asked: ``method``, and ``arguments`` that shall be tried, as words of a command line, or null.

    Returns:
        ``options``, names with two dashes, where nothing shall be tried; else ``error``, one line or null. Of a method
        that does not exist, ``methods``, the names of those that do.
    """
    config = all_methods.get(asked["method"])
    if config is None:
        return {"methods": sorted(all_methods)}
    if asked["arguments"] is None:
        parser = tyro.extras.get_parser(_form(config), default=config)
        named = (name for action in parser._actions for name in action.option_strings)
        return {"options": sorted(name for name in named if name.startswith("--") and name != "--help")}
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            tyro.cli(_form(config), default=config, args=asked["arguments"])
    except SystemExit as ended:
        if ended.code:
            told = " ".join(_FRAME.sub(" ", said.getvalue()).split())
            return {"error": re.sub("^(Parsing|Value) error ", "", told.partition(" Argument helptext:")[0])}
    except Exception as error:  # noqa: BLE001  # of a config that checks itself
        return {"error": f"{type(error).__name__}: {error}"}
    return {"error": None}


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
