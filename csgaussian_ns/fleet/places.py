"""Where tasks write: each has a folder of its own, which lies in no other's and is no file of the batch."""

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache

from csgaussian_ns.core.files import is_address
from csgaussian_ns.fleet.result import BATCH, RESULTS, TASKS
from csgaussian_ns.fleet.storage import is_local

RESERVED = (BATCH, TASKS, RESULTS, "report.html", "survey", "view", "slurm", "k8s-job.yaml", "skypilot.yaml")
"""What is written beside the folders of tasks."""
ON_DISK = ("file://", "local://")
"""Addresses of this machine."""


class Outputs:
    """Those of the rows seen so far, a few bytes of each.

    Args:
        folder: Of the batch.
    """

    def __init__(self, folder: str) -> None:
        self._folder = bare(folder)
        self._there: set[bytes] = set()
        self._above = {_short(place) for place in (self._folder, *_above(self._folder))}

    def wrong(self, output: str) -> str | None:
        """Take one more; why it cannot be, if so."""
        place = bare(output)
        inside = place.removeprefix(f"{self._folder}/")
        if inside != place and inside.partition("/")[0] in RESERVED:
            return f"{inside.partition('/')[0]} in {self._folder} is the batch's own; choose another name or output"
        own, above = _short(place), []
        for folder in _above(place):
            if folder == self._folder:
                break
            above.append(_short(folder))
        if own in self._there:
            return f"the output {output!a} is that of an earlier row, too; give each row its own name or output"
        if own in self._above:
            return f"the output {output!a} holds the batch, or that of an earlier row; give each row its own folder"
        if not self._there.isdisjoint(above):
            return f"the output {output!a} lies in that of an earlier row; give each row its own folder"
        self._there.add(own)
        self._above.update(above)
        return None


def bare(place: str) -> str:
    """One spelling of a place: of a folder on this machine its path without links; no slash at the end."""
    for begin in ON_DISK:
        if place.startswith(begin):
            place = f"/{place.removeprefix(begin).lstrip('/')}"
    if is_local(place):
        folder, name = os.path.split(os.path.abspath(place))
        return os.path.realpath(place) if os.path.islink(place) else os.path.join(_real(folder), name)
    scheme, _, rest = place.partition("://")
    return f"{scheme.lower()}://{'/'.join(part for part in rest.split('/') if part not in ('', '.'))}"


@lru_cache(maxsize=64)
def _real(folder: str) -> str:
    """Outputs of a batch lie side by side."""
    return os.path.realpath(folder)


def _above(place: str) -> Iterator[str]:
    """Folders that hold a place, the innermost first."""
    while True:
        above = place.rpartition("/")[0]
        if not above or above.endswith(":/") or (not is_address(above) and above == place):
            return
        yield above
        place = above


def _short(place: str) -> bytes:
    return hashlib.blake2b(place.encode("utf8", "replace"), digest_size=8).digest()
