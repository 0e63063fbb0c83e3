"""From the rows of a manifest to tasks: names, places, options; what is wrong with a row is told before any work."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import ConfigError, CsgError, DataError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.core.texts import one_line, quoted
from csgaussian_ns.fleet.attempt import check_output
from csgaussian_ns.fleet.content import content_of
from csgaussian_ns.fleet.export_options import FILES, check_export
from csgaussian_ns.fleet.look import check_scheme, check_there, why_not
from csgaussian_ns.fleet.manifest import FIELDS, TEXTS, Row, rows_of
from csgaussian_ns.fleet.options import Options
from csgaussian_ns.fleet.places import Outputs
from csgaussian_ns.fleet.storage import is_local, joined
from csgaussian_ns.fleet.sweep import expanded
from csgaussian_ns.fleet.task import STAGES, Task, Value

METHOD = "csgaussian-lite"
"""Where a row names none."""
LONGEST = 200
"""Letters of a name, which folders are called by."""
KEPT = 256
"""Captures whose looks and hashes are remembered, for rows of one capture that follow each other."""
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
        outputs, names, mine = Outputs(self.folder), set[bytes](), 0
        look = lru_cache(maxsize=KEPT)(why_not)
        for task in self.all_tasks():
            where = f"{self.manifest}, {task.row}"
            short = hashlib.blake2b(task.name.encode("utf8", "replace"), digest_size=8).digest()
            wrong = outputs.wrong(task.output)
            if wrong is None and short in names:
                wrong = f"the name {quoted(task.name)} is that of an earlier row, too; give each row its own name"
            if wrong is None and self.look:
                wrong = look(task.data, task.method, "train" in task.run)
            if wrong is not None:
                raise DataError(f"{where}: {one_line(wrong)}")
            names.add(short)
            self._look_at(task, where)
            check_export(task.export, where, self.look)
            self.options.check(task.method, task.options, task.export.get("lambda-rate"), where)
            mine += self._mine(task)
        return mine

    def tasks(self) -> Iterator[Task]:
        """Those of this shard, in the order of the manifest, with what they depend on."""
        content = lru_cache(maxsize=KEPT)(content_of)
        for task in self.all_tasks():
            if self._mine(task):
                yield replace(task, content=content(task.data, task.config, task.file))

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
        for field in TEXTS:
            if not isinstance(row.get(field) or "", str | int | float):
                raise DataError(f"{where}: expected {field} to be a text, got {quoted(row[field])}")
        method = str(row.get("method") or METHOD)
        options = _options_of(row, where)
        training, export = self.options.resolved(method, options, where)
        export = {
            name: self._place(export, name, where, needed=False) if name in FILES else value
            for name, value in export.items()
            if value != ""
        }
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
                output=joined(self.folder, output.rstrip("/") or output),
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

    def _look_at(self, task: Task, where: str) -> None:
        try:
            if is_local(task.output):
                check_output(Path(task.output))
            else:
                check_scheme(task.output)
            for place in (task.config, task.file) if self.look else ():
                if place is not None:
                    check_there(place)
        except (CsgError, OSError) as error:
            raise DataError(f"{where}: {one_line(error)}") from error


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
    beside = {name: value for name, value in row.items() if name not in FIELDS}
    both = sorted(set(options) & set(beside))
    if both:
        raise DataError(f"{where}: {', '.join(both)} is given twice, beside options and in them")
    return {**options, **beside}


def _why(name: str, run: tuple[str, ...]) -> str:
    if name == "data":
        return "every row has it: the folder or address of a capture"
    return f"--run {','.join(run)} needs a run's config.yml" if name == "config" else "--run evaluate needs a scene"


def _last(place: str) -> str:
    return place.rstrip("/").rpartition("/")[2]


def _word(value: Value) -> str:
    return "_".join(map(str, value)) if isinstance(value, tuple) else str(value)
