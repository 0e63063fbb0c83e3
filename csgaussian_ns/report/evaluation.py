"""What ``csg evaluate`` found out about a task, and the file that it measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import CsgError, DataError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.fleet.result import EVALUATION
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.receiver.sources import open_address

MOST_BYTES = 1 << 26
"""Of a report of one scene."""


@dataclass(frozen=True)
class Evaluation:
    """Of one file.

    Attributes:
        views: PSNR by name of the held-out view, dB.
        objects: IoU by name of the true object, in pictures; empty where objects were not measured.
    """

    views: Mapping[str, float]
    objects: Mapping[str, float]


def read_evaluation(place: str) -> Evaluation:
    """What lies in the folder, or at the address, of a task.

    Raises:
        DataError: It is not there, or something else.
    """
    try:
        report = json.loads(_content(place, EVALUATION))
        views = {str(name): float(found["psnr"]) for name, found in report["colour"]["per_view"].items()}
        return Evaluation(views, _objects(report.get("semantics")))
    except (CsgError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{at(place, EVALUATION)} cannot be read: {one_line(error)}") from error


def open_scene(place: str) -> LoadedScene:
    """A decoded file.

    Args:
        place: As ``Batch.scene`` says.

    Raises:
        DataError: It is not there, or cannot be decoded.
    """
    try:
        return load(place)
    except (CsgError, OSError) as error:
        raise DataError(f"{place} cannot be read: {one_line(error)}") from error


def at(place: str, name: str) -> str:
    """A file of a folder or below an address."""
    return f"{place.rstrip('/')}/{name}" if is_address(place) else str(Path(place, name))


def _content(place: str, name: str) -> bytes:
    if is_address(place):
        parts = open_address(at(place, name), MOST_BYTES)
        return parts.read(0, parts.size)
    return Path(place, name).read_bytes()


def _objects(semantics: Any) -> dict[str, float]:
    """IoU in pictures; of those that are measured in 3-D alone, that."""
    if not semantics:
        return {}
    measured = semantics.get("rendered_2d") or semantics["selection_3d"]
    return {str(name): float(value) for name, value in measured["per_object"].items()}
