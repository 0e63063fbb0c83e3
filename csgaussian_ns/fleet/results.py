"""The results of a batch as they lie in its folder: a line that cannot be read is told, and left out."""

import json
import math
from typing import Any

from csgaussian_ns.core.errors import CsgError, DataError
from csgaussian_ns.core.texts import counted, quoted
from csgaussian_ns.fleet.result import RESULTS, Result
from csgaussian_ns.fleet.storage import is_local, joined, lines_of, names_in

MOST_TOLD = 5
"""Broken lines that are told one by one."""
WHOLE, REAL = ("bytes", "anchors", "gaussians"), ("psnr", "ssim", "lpips")
TEXTS = ("key", "name", "data", "method", "output", "device", "started", "finished")


def results_of(folder: str) -> tuple[dict[str, Result], tuple[str, ...]]:
    """The last result of each task of a batch by name, in the order in which the names first came.

    Args:
        folder: Path or address; of a batch in shards at an address, their files are read one after the other.

    Returns:
        Results, and sentences about what could not be read: lines that are none, among them a last one that a crash
        left unfinished.

    Raises:
        DataError: A file cannot be read.
    """
    found: dict[str, Result] = {}
    notes = []
    names = [RESULTS, *(() if is_local(folder) else names_in(folder, "results-", ".jsonl"))]
    for name in names:
        broken: list[str] = []
        for number, line in enumerate(lines_of(joined(folder, name)), 1):
            if not line.strip():
                continue
            try:
                result = _result(line, f"line {number}")
            except CsgError as error:
                broken.append(str(error))
            else:
                found[result.name] = result
        notes += _told(broken, name)
    return found, tuple(notes)


def _told(broken: list[str], name: str) -> list[str]:
    if not broken:
        return []
    more = [f"and {len(broken) - MOST_TOLD:,} more"] if len(broken) > MOST_TOLD else []
    lines, are = "; ".join([*broken[:MOST_TOLD], *more]), "is" if len(broken) == 1 else "are"
    return [f"{counted(len(broken), 'line')} of {name} cannot be read and {are} left out: {lines}"]


def _result(line: bytes, where: str) -> Result:
    """One line.

    Raises:
        DataError: It is no result, or a value in it is of another kind.
    """
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError) as error:
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
        and isinstance(facts.get("file") or "", str)
        and all(facts.get(name) is None or _is_number(facts[name], int) for name in WHOLE)
        and all(facts.get(name) is None or _is_number(facts[name], (int, float)) for name in REAL)
        and all(_holds_numbers(facts.get(name, {})) for name in ("sections", "seconds"))
        and all(isinstance(facts.get(name, {}), dict) for name in ("options", "versions"))
    )


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _holds_numbers(values: Any) -> bool:
    return isinstance(values, dict) and all(_is_number(value, (int, float)) for value in values.values())
