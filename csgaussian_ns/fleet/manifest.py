"""Rows of a manifest: JSON Lines, CSV or YAML, read one at a time but for YAML."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, DataError
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.fleet.storage import is_local, lines_of, read_if_there

Row = dict[str, Any]
TEXTS = ("data", "method", "output", "name", "config", "file")
"""Fields of a row that are no options, and texts however they look: a folder may be called 7."""
FIELDS = (*TEXTS, "options")
"""Of a row; all others are options."""
KINDS = "expected a manifest that ends in .jsonl, .csv, .yaml or .yml"


def rows_of(manifest: str) -> Iterator[tuple[str, Row]]:
    """What a row is called in messages, and the row.

    Args:
        manifest: Path or address.

    Raises:
        ConfigError: There is no such file, it is of another kind, or it has no rows.
        DataError: A row is none.
        BackendUnavailable: YAML is not installed.
    """
    readers: dict[str, Callable[[str], Iterator[tuple[str, Any]]]] = {
        "jsonl": _json_lines,
        "csv": _csv,
        "yaml": _yaml,
        "yml": _yaml,
    }
    reader = readers.get(manifest.rpartition(".")[2].lower())
    if reader is None:
        raise ConfigError(f"{manifest}: {KINDS}")
    if is_local(manifest) and read_front(manifest) is None:
        raise ConfigError(f"{manifest}: there is no such file")
    empty = True
    for name, row in reader(manifest):
        where = f"{manifest}, {name}"
        for part, what in ((row, ""), (row.get("options") or {} if isinstance(row, dict) else {}, "options to be ")):
            if not isinstance(part, dict) or not all(isinstance(key, str) for key in part):
                raise DataError(f"{where}: expected {what}names with values, got {quoted(part)}")
        empty = False
        yield name, row
    if empty:
        raise ConfigError(f"{manifest}: expected at least one row, got none")


def read_front(path: str) -> bytes | None:
    """The first byte of a file, if there is one."""
    for line in lines_of(path):
        return line[:1]
    try:
        return read_if_there(path)
    except DataError:
        return None


def _json_lines(manifest: str) -> Iterator[tuple[str, Any]]:
    number = 0
    for at, line in enumerate(lines_of(manifest), start=1):
        if not line.strip():
            continue
        number += 1
        try:
            yield f"row {number}", json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{manifest}, line {at}: expected a JSON object, got {quoted(line)} ({error})") from error


def _csv(manifest: str) -> Iterator[tuple[str, Any]]:
    """Cells that are JSON are taken as such: 0.004, true, [0.002, 0.004]; but for names. An empty one is not there."""
    texts = (line.decode("utf-8-sig" if first else "utf8", "replace") for first, line in _first(lines_of(manifest)))
    number, rows = 0, csv.DictReader(texts)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise DataError(f"{manifest}, row {number + 1}: expected a table of texts ({error})") from error
        if row is None:
            return
        number += 1
        if None in row:
            raise DataError(f"{manifest}, row {number}: expected as many cells as the first line has, got more")
        yield f"row {number}", {name: cell if name in TEXTS else _cell(cell) for name, cell in row.items() if cell}


def _first(lines: Iterator[bytes]) -> Iterator[tuple[bool, bytes]]:
    for number, line in enumerate(lines):
        yield number == 0, line


def _cell(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, dict) or value is None else value


def _yaml(manifest: str) -> Iterator[tuple[str, Any]]:
    """A list of rows, or ``rows`` and ``defaults``, in place of which what a row says counts."""
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise BackendUnavailable(f"{manifest}: YAML needs pyyaml; pip install 'csgaussian-ns[batch]'") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(io.BytesIO(read_if_there(manifest) or b""), Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that there is not
        raise DataError(f"{manifest}: expected YAML ({' '.join(str(error).split())})") from error
    defaults: Any = {}
    if isinstance(content, dict):
        unknown = sorted({str(key) for key in content} - {"defaults", "rows"})
        if unknown:
            raise DataError(f"{manifest}: expected a list of rows, or defaults and rows, got {quoted(unknown)}")
        defaults, content = content.get("defaults") or {}, content.get("rows")
    if not isinstance(content, list) or not isinstance(defaults, dict):
        raise DataError(f"{manifest}: expected a list of rows, or defaults and rows")
    shared = {name: value for name, value in defaults.items() if name not in FIELDS}
    shared |= _options(defaults, f"{manifest}, defaults")
    fields = {name: value for name, value in defaults.items() if name in TEXTS}
    for number, row in enumerate(content, start=1):
        if isinstance(row, dict):
            own = _options(row, f"{manifest}, row {number}")
            options = {name: value for name, value in shared.items() if name not in row} | own
            row = {**fields, **row} | ({"options": options} if options else {})
        yield f"row {number}", row


def _options(row: dict[Any, Any], where: str) -> dict[Any, Any]:
    options = row.get("options") or {}
    if not isinstance(options, dict):
        raise DataError(f"{where}: expected options to be names with values, got {quoted(options)}")
    return options
