"""A manifest with scenes that take no time, and a way to run it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csgaussian_ns.fleet.options import Options
from csgaussian_ns.fleet.plan import Plan
from tests.fleet.quick_steps import put_capture
from tests.tools.conftest import csg

__all__ = ["csg"]
QUICK = Path(__file__).parent


@pytest.fixture
def write_manifest(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes rows as JSON Lines; ``data`` is a capture beside them."""
    put_capture(tmp_path / "data")

    def write(*rows: dict[str, Any], name: str = "scenes.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps({"data": "data", **row}) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def plan_of(tmp_path: Path) -> Callable[..., Plan]:
    """A function that makes a plan of a manifest; options are taken as they are."""

    def make(manifest: Path, run: tuple[str, ...] = ("train", "export", "evaluate"), **more: Any) -> Plan:
        return Plan(str(manifest), str(tmp_path / "out"), run, more.pop("options", Options(None)), **more)

    return make


@pytest.fixture
def quick_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find ``quick_steps``."""
    import os

    root = QUICK.parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (root, QUICK))))


@pytest.fixture
def runs(tmp_path: Path) -> Callable[[], list[str]]:
    """A function that lists the stages that ran, each as often as it did."""
    return lambda: (tmp_path / "data" / "runs.txt").read_text().splitlines()
