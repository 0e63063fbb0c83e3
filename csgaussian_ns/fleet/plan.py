"""From the rows of a manifest to tasks: names, places, options; what is wrong with a row is told before any work."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.core.sizes import parse_size
from csgaussian_ns.core.texts import one_line, quoted
from csgaussian_ns.fleet.attempt import check_output
from csgaussian_ns.fleet.manifest import Row, rows_of
from csgaussian_ns.fleet.options import OF_EXPORT, Options
from csgaussian_ns.fleet.storage import is_local, joined
from csgaussian_ns.fleet.sweep import expanded
from csgaussian_ns.fleet.task import STAGES, Task, Value

FIELDS = ("data", "method", "options", "output", "name", "config", "file")
"""Of a row; all others are options."""
METHOD = "csgaussian-lite"
"""Where a row names none."""
LONGEST = 200
"""Letters of a name, which folders are called by."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")


@dataclass(frozen=True)
class Plan:
    """What a batch shall do.

    Attributes:
        manifest: Path or address.
        folder: Absolute path or address of the batch.
        run: Stages, in their order.
        shard: Which part of the tasks, counted from 0, and of how many.
        options: Who knows them.
        keep_runs: Of nerfstudio, when their files are made.
        look: Whether data on this machine must exist.
    """

    manifest: str
    folder: str
    run: tuple[str, ...]
    options: Options
    shard: tuple[int, int] = (0, 1)
    keep_runs: bool = False
    look: bool = True

    def check(self) -> int:
        """Go through all rows once, keeping a few bytes of each.

        Returns:
            Tasks of this shard.

        Raises:
            CsgError: A row cannot be used; the message names it.
        """
        names: set[bytes] = set()
        outputs: set[bytes] = set()
        mine = 0
        for task in self.all_tasks():
            for what, seen, value in (("output", outputs, task.output), ("name", names, task.name)):
                short = hashlib.blake2b(value.encode("utf8", "replace"), digest_size=8).digest()
                if short in seen:
                    raise DataError(
                        f"{self.manifest}, {task.row}: the {what} {quoted(value)} is that of an earlier row, too; give "
                        "each row its own name or output"
                    )
                seen.add(short)
            self._look_at(task)
            self.options.check(task.method, task.options, f"{self.manifest}, {task.row}")
            mine += self._mine(task)
        return mine

    def tasks(self) -> Iterator[Task]:
        """Those of this shard, in the order of the manifest."""
        return (task for task in self.all_tasks() if self._mine(task))

    def all_tasks(self) -> Iterator[Task]:
        """Those of all shards."""
        for number, row in rows_of(self.manifest):
            yield from self._tasks_of(number, row)

    def _mine(self, task: Task) -> bool:
        """By a hash of the name, so that a row stays where it is when others are added."""
        number = int.from_bytes(hashlib.sha256(task.name.encode("utf8", "replace")).digest()[:8], "big")
        return number % self.shard[1] == self.shard[0]

    def _tasks_of(self, number: str, row: Row) -> Iterator[Task]:
        where = f"{self.manifest}, {number}"
        data = self._place(row, "data", where, needed=True)
        method = str(row.get("method") or METHOD)
        options = _options_of(row, where)
        training, export = self.options.resolved(method, options, where)
        _check_export(export, where)
        base = str(row.get("name") or _last(str(row.get("output") or ""))) or _last(data)
        for values, swept in expanded({**training, **{f"export:{k}": v for k, v in export.items()}}, where):
            name = "-".join(
                [base, *(f"{key.rpartition('.')[2].rpartition(':')[2]}={_word(value)}" for key, value in swept.items())]
            )
            name = _UNSAFE.sub("_", name).strip(".") or "scene"
            if len(name) > LONGEST:
                raise DataError(
                    f"{where}: expected a name of at most {LONGEST} letters, got {len(name)}: {quoted(name)}"
                )
            output = str(row.get("output") or name)
            if swept and row.get("output"):
                output = f"{output.rstrip('/')}/{name}"
            yield Task(
                name=name,
                row=number,
                run=self.run,
                data=data,
                method=method,
                options={key: value for key, value in values.items() if not key.startswith("export:")},
                export={key[7:]: value for key, value in values.items() if key.startswith("export:")},
                output=joined(self.folder, output),
                config=self._place(row, "config", where, "train" not in self.run and "export" in self.run),
                file=self._place(row, "file", where, self.run == ("evaluate",)),
                keep_run=self.keep_runs or "export" not in self.run,
            )

    def _place(self, row: Mapping[str, Any], name: str, where: str, needed: bool) -> Any:
        """Absolute; what is relative lies beside the manifest."""
        value = row.get(name)
        if value is None or value == "":
            if needed:
                raise DataError(f"{where}: expected {name}, as {_why(name, self.run)}; got {quoted(sorted(row))}")
            return None
        if not isinstance(value, str):
            raise DataError(f"{where}: expected {name} to be a path or an address, got {quoted(value)}")
        above = self.manifest.rpartition("/")[0] if is_address(self.manifest) else os.path.dirname(self.manifest)
        return joined(above, value) if is_address(above) else joined(os.path.abspath(above), value)

    def _look_at(self, task: Task) -> None:
        if is_local(task.output):
            try:
                check_output(Path(task.output))
            except (ConfigError, OSError) as error:
                raise DataError(f"{self.manifest}, {task.row}: {one_line(error)}") from error
        for place in (task.data, task.config, task.file) if self.look else ():
            if place is not None and is_local(place) and not os.path.exists(place):
                raise DataError(f"{self.manifest}, {task.row}: there is no {place}; paths are relative to the manifest")


def stages_of(text: str) -> tuple[str, ...]:
    """Of ``train,export,evaluate``, or some of them.

    Raises:
        ConfigError: Another word, or another order.
    """
    stages = tuple(part.strip() for part in text.split(",") if part.strip())
    if stages not in (STAGES, STAGES[:2], STAGES[:1], STAGES[1:], STAGES[1:2], STAGES[2:]):
        raise ConfigError(f"--run {text}: expected some of {','.join(STAGES)} that follow each other")
    return stages


def shard_of(text: str) -> tuple[int, int]:
    """Of ``0/4``: which, counted from 0, and of how many.

    Raises:
        ConfigError: Not two such numbers.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
    if match is None or int(match[1]) >= int(match[2]):
        raise ConfigError(f"--shard {text}: expected i/n with i from 0 to n - 1, such as 0/4")
    return int(match[1]), int(match[2])


def _options_of(row: Row, where: str) -> dict[str, Any]:
    options = row.get("options") or {}
    if not isinstance(options, dict):
        raise DataError(f"{where}: expected options to be names with values, got {quoted(options)}")
    beside = {name: value for name, value in row.items() if name not in FIELDS}
    both = sorted(set(options) & set(beside))
    if both:
        raise DataError(f"{where}: {', '.join(both)} is given twice, beside options and in them")
    return {**options, **beside}


def _check_export(export: Mapping[str, Any], where: str) -> None:
    for value in _listed(export.get("target-size", [])):
        parse_size(str(value), f"{where}: target-size")
    for name in set(OF_EXPORT[1:3]) & set(export):
        for value in _listed(export[name]):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DataError(f"{where}: expected {name} to be a number, got {quoted(value)}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _why(name: str, run: tuple[str, ...]) -> str:
    if name == "data":
        return "every row has it: the folder or address of a capture"
    return f"--run {','.join(run)} needs a run's config.yml" if name == "config" else "--run evaluate needs a scene"


def _last(place: str) -> str:
    return place.rstrip("/").rpartition("/")[2]


def _word(value: Value) -> str:
    return "_".join(map(str, value)) if isinstance(value, tuple) else str(value)
