"""``results.jsonl``: appended to by any number of processes, a line at a time, whole or not at all."""

import hashlib
import json
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from csgaussian_ns.core.files import append_line, replace_file
from csgaussian_ns.fleet.result import RESULTS, Result
from csgaussian_ns.fleet.results import results_of
from csgaussian_ns.fleet.storage import is_local, joined, read_if_there, size_of, write_whole

INTERVAL = 30.0
"""Seconds between two copies to an address, where nothing can be appended to."""


class Journal:
    """Results of a batch, as they come; each is written down once, whoever reports it.

    Args:
        folder: Of the batch, a path or an address.
        shard: At an address each shard has a file of its own.
    """

    def __init__(self, folder: str, shard: tuple[int, int]) -> None:
        part = "" if shard[1] == 1 or is_local(folder) else f"-{shard[0]}-of-{shard[1]}"
        self.place = joined(folder, RESULTS.replace(".", f"{part}.", 1))
        self._copied, self._sent = time.monotonic(), size_of(self.place)
        if is_local(folder):
            self._file = Path(self.place)
        else:
            self._scratch = tempfile.TemporaryDirectory(prefix="csg-batch-")
            self._file = Path(self._scratch.name) / RESULTS
            replace_file(self._file, read_if_there(self.place) or b"")
        self._known: dict[bytes, bytes] = {}
        self._read = 0
        self._read_on()

    @property
    def done(self) -> int:
        """Tasks whose last line says so."""
        return sum(last[8:9] == b"d" for last in self._known.values())

    def says_done(self, name: str, key: str) -> bool:
        """Whether the last line of a task says that it is done."""
        return self._known.get(_short(name), b"")[:9] == _short(key) + b"d"

    def says_data(self, name: str, data: str) -> bool:
        """Whether the last line of a task names this capture."""
        return self._known.get(_short(name), b"")[17:] == _short(data)

    def add(self, result: Result) -> None:
        """One more line, unless it is there.

        Raises:
            ConfigError: It cannot be written; what was there before is as it was.
        """
        append_line(self._file, json.dumps(result.facts()).encode(), lambda: self._is_new(result))
        self._read_on()
        if time.monotonic() - self._copied > INTERVAL:
            self.flush()

    def flush(self) -> None:
        """See to it that an address has all lines, those of other drivers included."""
        if str(self._file) == self.place:
            return
        if size_of(self.place) != self._sent:
            for line in (read_if_there(self.place) or b"").splitlines():
                with suppress(ValueError):
                    self._add_line(Result.of(json.loads(line), self.place))
        data = self._file.read_bytes()
        write_whole(self.place, data)
        self._copied, self._sent = time.monotonic(), len(data)

    def _add_line(self, result: Result) -> None:
        """One of another driver; of a task with a result of ours that counts."""
        if _short(result.name) not in self._known:
            append_line(self._file, json.dumps(result.facts()).encode(), lambda: self._is_new(result))

    def _is_new(self, result: Result) -> bool:
        self._read_on()
        return self._known.get(_short(result.name)) != _last(result)

    def _read_on(self) -> None:
        """Take notice of what was added since the last time, a few bytes of each line."""
        if not self._file.is_file():
            return
        with open(self._file, "rb") as file:
            if file.seek(0, 2) < self._read:  # somebody else's, or cut
                self._known, self._read = {}, 0
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                with suppress(ValueError):  # DataError is one, too
                    result = Result.of(json.loads(line), self.place)
                    self._known[_short(result.name)] = _last(result)


def read_results(folder: str) -> dict[str, Result]:
    """The last result of each task of a batch, by name; lines that are none are left out."""
    return results_of(folder)[0]


def _last(result: Result) -> bytes:
    return _short(result.key) + result.status[:1].encode() + _short(result.finished) + _short(result.data)


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf8", "replace"), digest_size=8).digest()
