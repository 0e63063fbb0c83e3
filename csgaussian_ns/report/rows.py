"""The results of a batch, as they lie in its folder: what cannot be read is told, and left out."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError, CsgError, DataError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.core.texts import counted, quoted
from csgaussian_ns.fleet.result import RESULTS, Result

MOST_TOLD = 5
"""Broken lines that are told one by one."""
WHOLE, REAL = ("bytes", "anchors", "gaussians"), ("psnr", "ssim")
TEXTS = ("key", "name", "data", "method", "output", "device", "started", "finished")


@dataclass(frozen=True)
class Batch:
    """What a folder holds.

    Attributes:
        folder: Of the batch.
        results: The last one of each task, in the order in which the tasks first ended.
        notes: Sentences about what could not be read.
    """

    folder: Path
    results: tuple[Result, ...]
    notes: tuple[str, ...]

    @property
    def done(self) -> tuple[Result, ...]:
        """Those with a file."""
        return tuple(result for result in self.results if result.status == "done")

    @property
    def failed(self) -> tuple[Result, ...]:
        """Those without."""
        return tuple(result for result in self.results if result.status == "failed")

    def place(self, result: Result) -> str:
        """Folder or address of a task's files: in the batch if they are there, else where the result says."""
        beside = self.folder / result.name
        if not is_address(result.output) and beside.is_dir():
            return str(beside)
        return result.output


def read_batch(folder: Path) -> Batch:
    """Read ``results.jsonl`` of a folder.

    A line that is no result is told and left out, and so is a last one that a killed driver left unfinished.

    Raises:
        ConfigError: There is no such file, or no result in it.
    """
    path = folder / RESULTS
    if not path.is_file():
        what = f"there is no {RESULTS} in it" if folder.is_dir() else "there is no such folder"
        raise ConfigError(f"{folder}: {what}; expected the folder of a batch, as csg batch writes it")
    found: dict[str, Result] = {}
    broken: list[str] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    result = _result(line, f"line {number}")
                except CsgError as error:
                    broken.append(str(error))
                else:
                    found[result.name] = result
    if not found:
        why = f"; {broken[0]}" if broken else ""
        raise ConfigError(f"{path}: no task of the batch has ended yet, so there is nothing to report{why}")
    return Batch(folder, tuple(found.values()), tuple(_told(broken)))


def _told(broken: list[str]) -> list[str]:
    if not broken:
        return []
    more = [f"and {len(broken) - MOST_TOLD:,} more"] if len(broken) > MOST_TOLD else []
    lines = "; ".join([*broken[:MOST_TOLD], *more])
    return [f"{counted(len(broken), 'line')} of {RESULTS} cannot be read and {_are(broken)} left out: {lines}"]


def _are(things: list[str]) -> str:
    return "is" if len(things) == 1 else "are"


def _result(line: bytes, where: str) -> Result:
    """One line.

    Raises:
        DataError: It is no result, or a value in it is of another kind.
    """
    try:
        facts = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where} is no JSON ({quoted(line.decode('utf8', 'replace').strip(), 40)})") from error
    if isinstance(facts, dict) and not _is_sound(facts):
        name = quoted(facts.get("name"), 40)
        raise DataError(f"{where} ({name}) has a value of another kind than csg batch writes")
    return Result.of(facts, where)


def _is_sound(facts: dict[str, Any]) -> bool:
    """Whether what is there has the types of a result; what is missing is found later."""
    return (
        all(isinstance(facts.get(name, ""), str) for name in TEXTS)
        and facts.get("name") != ""
        and all(facts.get(name) is None or _is_number(facts[name], int) for name in WHOLE)
        and all(facts.get(name) is None or _is_number(facts[name], (int, float)) for name in REAL)
        and all(_holds_numbers(facts.get(name, {})) for name in ("sections", "seconds"))
        and all(isinstance(facts.get(name, {}), dict) for name in ("options", "versions"))
    )


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _holds_numbers(values: Any) -> bool:
    return isinstance(values, dict) and all(_is_number(value, (int, float)) for value in values.values())
