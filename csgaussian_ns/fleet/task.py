"""A task: one row of a manifest, its sweep decided, and a key that names all that its result depends on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

STAGES = ("train", "export", "evaluate")
"""What can be done with a row, in this order."""
KEY_VERSION = 2
"""Raised where tasks of the same row would come out otherwise."""

Value = str | int | float | bool | tuple[str | int | float | bool, ...]
"""Of an option; several words are a tuple."""


@dataclass(frozen=True)
class Task:
    """What one worker does.

    Attributes:
        name: Unique in its batch.
        row: Where it comes from, for messages: ``row 3`` of the manifest.
        run: Stages, in their order.
        data: The capture: an absolute path, or an address.
        method: As ``ns-train`` knows it.
        options: Of ``ns-train``, by full names without dashes.
        export: Of ``ns-export csg-bitstream``, and of ``csg evaluate``, likewise.
        output: Folder or address that holds what it makes.
        config: ``config.yml`` of a run, where it is not trained.
        file: The scene to evaluate, where it is not exported.
        keep_run: Whether the run of nerfstudio is kept when its file is made.
        content: Hash of what lies at data, config and file (``fleet.content``); empty where nobody looked.
    """

    name: str
    row: str
    run: tuple[str, ...]
    data: str
    method: str
    options: Mapping[str, Value]
    export: Mapping[str, Value]
    output: str
    config: str | None = None
    file: str | None = None
    keep_run: bool = False
    content: str = ""

    @property
    def key(self) -> str:
        """Hash of what the result depends on: neither the name, nor where it or the capture lies."""
        told = [self.run, self.content or [self.data, self.config, self.file], self.method, self.options, self.export]
        words = json.dumps([KEY_VERSION, *told], sort_keys=True, default=dict)
        return hashlib.sha256(words.encode()).hexdigest()[:32]

    @property
    def asked(self) -> str:
        """Hash of what its row says of it."""
        return asked_hash(self.run, self.data, self.method, {**self.options, **self.export})

    def facts(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return asdict(self)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Task":
        """From ``facts``, as they come out of JSON."""
        values: dict[str, Any] = {
            name: _tuples(value) if isinstance(value, dict) else value for name, value in facts.items()
        }
        values["run"] = tuple(facts["run"])
        return cls(**values)


def asked_hash(run: Sequence[str], data: str, method: str, options: Mapping[str, Any]) -> str:
    """Hash of what a row says, or a result says of its row; what lies at ``data`` does not count."""
    words = json.dumps([list(run), data, method, options], sort_keys=True, default=dict)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def words_of(options: Mapping[str, Value]) -> list[str]:
    """Words of a command line."""
    words = []
    for name, value in options.items():
        words += [f"--{name}", *map(str, value if isinstance(value, tuple) else (value,))]
    return words


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
