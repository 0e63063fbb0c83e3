"""What nerfstudio said of options before: it takes seconds to ask, and says the same until something is installed."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.core.files import append_line, make_folder
from csgaussian_ns.fleet.options import Ask

MOST = 4 << 20
"""Bytes of answers that are kept; of more, all are forgotten."""
VARIABLE = "NERFSTUDIO_METHOD_CONFIGS"
"""Names methods beside those that are installed."""


class Remembered:
    """An ``Ask`` that keeps answers in a file; refusals are not kept, as they may name what is mended soon.

    Args:
        ask: Who knows.
        file: Where answers are; made with the first one. What cannot be read or written is asked.
    """

    def __init__(self, ask: Ask, file: Path) -> None:
        self._ask, self._file = ask, file
        self._known: dict[str, Any] = {}
        with suppress(OSError):
            if file.stat().st_size > MOST:
                file.unlink()
            for line in file.read_bytes().splitlines():
                with suppress(ValueError, TypeError):
                    question, answer = json.loads(line)
                    self._known[question] = answer

    def __call__(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """See ``Ask``; errors as of whoever is asked."""
        asked = json.dumps(question, sort_keys=True)
        if asked in self._known:
            return self._known[asked]
        answer = self._ask(question)
        if "methods" not in answer and answer.get("error") is None:
            self._known[asked] = answer
            with suppress(CsgError, OSError):
                make_folder(self._file.parent)
                append_line(self._file, json.dumps([asked, answer]).encode())
        return answer


def place() -> Path:
    """A file that is another one whenever methods or their options could be others."""
    package = Path(__file__).parents[1]
    told: list[Any] = [sys.version, os.environ.get(VARIABLE)]
    for name in ("csgaussian-ns", "nerfstudio", "tyro", "torch"):
        with suppress(PackageNotFoundError):
            told.append((name, version(name)))
    told += sorted(
        (point.name, point.value, point.dist.version if point.dist else "")
        for point in entry_points(group="nerfstudio.method_configs")
    )
    files = [path.stat() for path in package.rglob("*.py")]
    told.append((str(package), len(files), sum(facts.st_size for facts in files), max(f.st_mtime_ns for f in files)))
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "csgaussian" / f"options-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]}.jsonl"
