"""What the files of a task say about it, and what it ran on."""

import json
import os
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.texts import counted
from csgaussian_ns.fleet.result import EVALUATION, EXPORT, SCENE

PACKAGES = {"csgaussian_ns": "csgaussian-ns", "nerfstudio": "nerfstudio", "torch": "torch"}


def measured(folder: Path, run: tuple[str, ...]) -> dict[str, Any]:
    """Fields of a ``Result`` that are read from the files of a task.

    Raises:
        DataError: A stage ended without a word about an error, and without its file.
    """
    facts: dict[str, Any] = {}
    if "export" in run:
        export = _read(folder / EXPORT)
        facts["bytes"] = (folder / SCENE).stat().st_size if (folder / SCENE).is_file() else export["bytes"]
        facts |= {"sections": export["bytes_by_section"], "anchors": export["anchors"], "gaussians": export["offsets"]}
        facts |= {name: export.get("after", {}).get(name) for name in ("psnr", "ssim")}
    if "evaluate" in run:
        evaluation = _read(folder / EVALUATION)
        facts |= {name: evaluation["colour"].get(name) for name in ("psnr", "ssim", "lpips")}
        facts.setdefault("bytes", evaluation["bytes"])
    return facts


@cache
def versions() -> dict[str, str]:
    """Of the packages that matter, as far as they are installed."""
    found = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def device() -> str:
    """The GPU that this process may use, or the processor and its cores."""
    if gpus():
        return f"cuda: {_gpu_name()}"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), os.uname().machine)
    return f"cpu: {model}, {counted(available_cores(), 'core')}"


def gpus() -> tuple[str, ...]:
    """Those that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; nothing of CUDA is loaded."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(part.strip() for part in named.split(",") if part.strip() and part.strip() != "-1")
    return tuple(str(number) for number, line in enumerate(_asked("-L")) if line.startswith("GPU "))


def _gpu_name() -> str:
    names = _asked("--query-gpu=name", "--format=csv,noheader", f"--id={gpus()[0]}")
    return names[0] if names else "unknown"


def _asked(*words: str) -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    done = subprocess.run(["nvidia-smi", *words], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected what the stage has to say, got {error}") from error
