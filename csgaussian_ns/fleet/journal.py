"""``results.jsonl``: appended to by any number of processes, a line at a time, whole or not at all."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from csgaussian_ns.core.files import append_line, replace_file
from csgaussian_ns.fleet.result import RESULTS, Result, results_in
from csgaussian_ns.fleet.storage import is_local, joined, lines_of, names_in, read_if_there, write_whole

INTERVAL = 30.0
"""Seconds between two copies to an address, where nothing can be appended to."""


class Journal:
    """Results of a batch, as they come.

    Args:
        folder: Of the batch, a path or an address.
        shard: At an address each shard has a file of its own.
    """

    def __init__(self, folder: str, shard: tuple[int, int]) -> None:
        part = "" if shard[1] == 1 or is_local(folder) else f"-{shard[0]}-of-{shard[1]}"
        self.place = joined(folder, RESULTS.replace(".", f"{part}.", 1))
        self._copied = time.monotonic()
        if is_local(folder):
            self._file = Path(self.place)
        else:
            self._scratch = tempfile.TemporaryDirectory(prefix="csg-batch-")
            self._file = Path(self._scratch.name) / RESULTS
            replace_file(self._file, read_if_there(self.place) or b"")

    def add(self, result: Result) -> None:
        """One more line.

        Raises:
            ConfigError: It cannot be written; what was there before is as it was.
        """
        append_line(self._file, json.dumps(result.facts()).encode())
        if time.monotonic() - self._copied > INTERVAL:
            self.flush()

    def flush(self) -> None:
        """See to it that an address has all lines."""
        if str(self._file) != self.place:
            write_whole(self.place, self._file.read_bytes())
            self._copied = time.monotonic()

    def statuses(self) -> dict[str, tuple[str, str]]:
        """Of each name, the key and the status of its last line; a few bytes of each."""
        found = {}
        for result in _each(self._file):
            found[result.name] = (result.key, result.status)
        return found


def read_results(folder: str) -> dict[str, Result]:
    """The last result of each task of a batch, by name.

    Args:
        folder: Path or address; of a batch in shards at an address, their files are read one after the other.

    Raises:
        DataError: A line is no result.
    """
    place = joined(folder, RESULTS)
    found = results_in(lines_of(place), place)
    if not is_local(folder):
        for name in names_in(folder, "results-", ".jsonl"):
            found |= results_in(lines_of(joined(folder, name)), name)
    return found


def _each(file: Path) -> Iterator[Result]:
    """Results one by one, a broken last line left out."""
    for line in lines_of(str(file)):
        with suppress(ValueError):
            yield Result.of(json.loads(line), str(file))
