"""The results of a batch, as they lie in its folder or at its address."""

from dataclasses import dataclass
from pathlib import Path

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.fleet.result import RESULTS, SCENE, Result
from csgaussian_ns.fleet.results import results_of
from csgaussian_ns.fleet.storage import exists, is_local, joined


@dataclass(frozen=True)
class Batch:
    """What a folder holds.

    Attributes:
        folder: Of the batch, a path or an address.
        results: The last one of each task, in the order in which the tasks first ended.
        notes: Sentences about what could not be read.
    """

    folder: str
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
        beside = joined(self.folder, result.name)
        if not is_address(result.output) and (not is_local(self.folder) or Path(beside).is_dir()):
            return beside
        return result.output

    def scene(self, result: Result) -> str:
        """Path or address of the file that a task made, or measured."""
        return result.file or joined(self.place(result), SCENE)


def read_batch(folder: str) -> Batch:
    """Read ``results.jsonl`` of a folder or an address.

    A line that is no result is told and left out, and so is a last one that a killed driver left unfinished.

    Raises:
        ConfigError: There is no such file, or no result in it.
        CsgError: The address cannot be read.
    """
    found, notes = results_of(folder)
    if found:
        return Batch(folder, tuple(found.values()), notes)
    path = joined(folder, RESULTS)
    if not exists(path):
        what = f"there is no {RESULTS} in it" if exists(folder) else "there is no such folder"
        raise ConfigError(f"{folder}: {what}; expected the folder of a batch, as csg batch writes it")
    why = f"; {notes[0]}" if notes else ""
    raise ConfigError(f"{path}: no task of the batch has ended yet, so there is nothing to report{why}")
