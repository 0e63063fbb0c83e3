"""Options that a method has, and the nearest one to a name that it does not have."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from types import TracebackType
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, CsgError, DataError
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.fleet.export_options import OF_EXPORT, RENAMED
from csgaussian_ns.fleet.manifest import FIELDS
from csgaussian_ns.fleet.task import STAGES, Value, words_of

OURS = ("output-dir", "experiment-name", "timestamp", "data", "load-config", "load-dir", "method-name")
"""Options that a task decides by itself."""
Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""A question to ``ns.options``, and its answer."""


class Nerfstudio(AbstractContextManager["Nerfstudio"]):
    """Asks ``ns.options`` in a process of its own, started with the first question: nerfstudio takes seconds."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """One answer.

        Raises:
            BackendUnavailable: nerfstudio is not installed.
            CsgError: The process ended.
        """
        if self._process is None:
            if find_spec("nerfstudio") is None:
                raise BackendUnavailable(
                    "options of training cannot be checked without nerfstudio; pip install 'csgaussian-ns[train]', or "
                    "give --no-check where tasks run elsewhere"
                )
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "csgaussian_ns.ns.options"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise CsgError("the process that knows nerfstudio's options has no pipes")
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        while line and not line.startswith("{"):  # what packages print while they are imported
            line = process.stdout.readline()
        if not line:
            raise CsgError("the process that knows nerfstudio's options ended; does ns-train --help work?")
        return json.loads(line)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


class Options:
    """Full names of options, and values that were tried.

    Args:
        ask: Who knows; ``None`` takes names and values as they are.
        run: Stages. Where rows are not trained nobody is asked about those that have no option of training.
    """

    def __init__(self, ask: Ask | None, run: Sequence[str] = STAGES) -> None:
        self._ask, self._trained, self._exported = ask, "train" in run, "export" in run
        self._known = cache(self._names)
        self._tried: set[tuple[str, str]] = set()

    def resolved(self, method: str, options: Mapping[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Options of training by their full names, and those of export.

        Raises:
            DataError: There is no such method or option; the message names the row and the nearest one.
        """
        training, export = {}, {}
        if self._trained and self._ask is not None:
            self._known(method, where)
        for given, value in options.items():
            name = given.strip().lstrip("-").replace("_", "-")
            if name in OF_EXPORT:
                self._add(export, RENAMED.get(name, name), value, where)
            elif name in OURS:
                raise DataError(f"{where}: the option {given} is decided by the batch; leave it out")
            else:
                full = name if self._ask is None else _full(name, self._known(method, where), method, where)
                self._add(training, full, value, where)
        return training, export

    def check(self, method: str, options: Mapping[str, Value], rate: Value | None, where: str) -> None:
        """Try values that were not tried before.

        Args:
            method: As ``ns-train`` knows it.
            options: Of training, by their full names.
            rate: Lambda that the file shall have, of a run for many.
            where: For messages.

        Raises:
            DataError: The method cannot take one.
        """
        asked = self._trained and rate is not None
        if self._ask is None or not (options or asked):
            return
        new = {name: value for name, value in options.items() if (method, f"{name} {value}") not in self._tried}
        if not new and not asked:
            return
        tried = options if asked else new
        told = self._ask({"method": method, "arguments": words_of(tried), "rate": rate if asked else None})
        if told["error"] is not None:
            words = " ".join([*words_of(new), *([f"lambda-rate-of-file {rate}"] if asked else [])])
            raise DataError(f"{where}: {method} cannot take {words}: {told['error']}")
        self._tried |= {(method, f"{name} {value}") for name, value in new.items()}

    @staticmethod
    def _add(options: dict[str, Any], name: str, value: Any, where: str) -> None:
        if name in options:
            raise DataError(f"{where}: the option {name} is given twice")
        options[name] = value

    def _names(self, method: str, where: str) -> frozenset[str]:
        told = {} if self._ask is None else self._ask({"method": method, "arguments": None})
        if "methods" in told:
            raise DataError(f"{where}: there is no method {quoted(method)}; {_nearest(method, told['methods'])}")
        if self._trained and self._exported and not told.get("csg", True):
            raise DataError(f"{where}: no .csg file can be made of runs of {method}; take another, or --run train")
        return frozenset(name.removeprefix("--") for name in told["options"])


def _full(name: str, known: frozenset[str], method: str, where: str) -> str:
    """A name that is known, or the one that ends like it."""
    if name in known:
        return name
    ends = sorted(one for one in known if one.endswith(f".{name}"))
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise DataError(f"{where}: several options of {method} end in {name}; expected one of {', '.join(ends)}")
    if "." in name:
        raise DataError(f"{where}: {method} has no option {quoted(name)}; {_nearest(name, known)}")
    lasts = {one.rpartition(".")[2] for one in known} | {*OF_EXPORT, *FIELDS}
    raise DataError(f"{where}: {method} has no option {quoted(name)}; {_nearest(name, lasts)}")


def _nearest(name: str, known: "frozenset[str] | set[str] | list[str]") -> str:
    near = get_close_matches(name, sorted(known), 1, 0.5)
    return f"did you mean {near[0]}?" if near else "csg batch takes those that ns-train METHOD --help lists"
