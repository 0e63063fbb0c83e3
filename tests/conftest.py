"""Shared test set-up: threads, seeds, the shared scenes, and skips that say why."""

import gc
import os

# Before torch is imported: its idle OpenMP workers would otherwise spin and steal the cores of our own threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.compiled_imports import use_compiled_imports
from tests.made_once import made_once

ROOT = Path(__file__).resolve().parents[1]
FIRST = ("ns/test_checkpoints.py", "format/test_fuzz.py")
"""Files that two workers begin with: one makes the demo scene and compiles what draws, one compiles what decodes.

With other files both would compile the same, or one would wait for the other's scene.
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_configure(config: pytest.Config) -> None:
    """Two threads: enough to meet races. One in each of several workers, which would fight for the cores."""
    worker = "PYTEST_XDIST_WORKER" in os.environ
    if worker or not getattr(config.option, "numprocesses", None):  # who starts workers runs no test and needs no torch
        import torch

        torch.set_num_threads(1 if worker else 2)
        use_compiled_imports()
        gc.disable()  # while modules are imported, nothing is garbage


def pytest_collection_finish() -> None:
    """What was imported stays to the end: no collection looks at it again, nor copies it in a forked process."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trainings early, as they take longest and several workers shall end together; skip what cannot run here."""
    import torch

    def place(item: pytest.Item) -> tuple[int, bool]:
        file = "/".join(item.path.parts[-2:])
        return FIRST.index(file) if file in FIRST else len(FIRST), item.path.parent.name != "ns"

    items.sort(key=place)
    no_gpu = None if torch.cuda.is_available() else pytest.mark.skip(reason="no CUDA device")
    no_browser = (
        None if any(map(shutil.which, BROWSERS)) else pytest.mark.skip(reason=f"no browser ({', '.join(BROWSERS)})")
    )
    for item in items:
        for marker, skip in (("gpu", no_gpu), ("browser", no_browser)):
            if skip is not None and item.get_closest_marker(marker) is not None:
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _fixed_seeds() -> Iterator[None]:
    """Every test starts from the same random state, whatever ran before it."""
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  # nerfstudio draws from the global generator
    torch.manual_seed(0)
    yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the shared scenes: ``$CSG_DATA``, or ``../shared/data`` beside the project."""
    named = os.environ.get("CSG_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared scenes at {folder}; set CSG_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo scene as its command makes it, small: 16 views of 80x60. Tests leave it as it is."""

    def make(folder: Path) -> None:
        options = ("--views", "16", "--width", "80", "--height", "60")
        command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "demo-scene", str(folder / "scene"), *options]
        subprocess.run(command, check=True)

    return made_once(tmp_path_factory, "demo", make) / "scene"


@pytest.fixture(scope="session")
def browser() -> str:
    """Path of a Chromium that tests may start."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser ({', '.join(BROWSERS)})")
    return found


@pytest.fixture
def narrow_sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a Segment Anything that is built like vit_b but narrow and shallow, so that a pass takes a second."""
    import torch

    build_sam = pytest.importorskip("segment_anything.build_sam", reason="needs pip install -e '.[masks]'")
    from csgaussian_ns.semantic.masks import sam

    def build(checkpoint: str | None = None) -> torch.nn.Module:
        return build_sam._build_sam(32, 1, 2, [], checkpoint)

    monkeypatch.setitem(sam.VARIANTS, (32, 1), "vit_b")
    monkeypatch.setitem(build_sam.sam_model_registry, "vit_b", build)
    torch.save(build().state_dict(), tmp_path / "narrow.pth")
    return tmp_path / "narrow.pth"
