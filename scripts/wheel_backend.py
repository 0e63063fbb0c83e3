"""Builds wheels that bring machine code of the kernels; everything else is setuptools' own backend (decision 0026).

A wheel built so is for one platform and one version of Python. Where no kernels can be built, a wheel without them
comes out, and a line on stderr says so: what it installs works, its first call compiles. ``CSGAUSSIAN_KERNELS=0`` asks
for such a wheel.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

HERE = Path(__file__).resolve().parent
WANTED = os.environ.get("CSGAUSSIAN_KERNELS") != "0"
KERNELS_NEED = ["numpy", "numba>=0.60", "pillow", "rich", "tyro", "wheel"]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What the kernels' modules import, and the tool that packs a wheel anew."""
    return build_meta.get_requires_for_build_wheel(config_settings) + KERNELS_NEED * WANTED


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """setuptools' wheel, and the kernels in it."""
    name = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    if not WANTED:
        return name
    wheel = Path(wheel_directory) / name
    try:
        return _with_kernels(wheel)
    except subprocess.CalledProcessError as error:
        print(f"{name}: built without kernels, so the first call compiles them ({error})", file=sys.stderr)
        return name


def _with_kernels(wheel: Path) -> str:
    with tempfile.TemporaryDirectory() as place:
        _run("-m", "wheel", "unpack", "--dest", place, str(wheel))
        (root,) = Path(place).iterdir()
        paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
        _run(str(HERE / "ship_kernels.py"), str(root / "csgaussian_ns" / "kernels"), PYTHONPATH=paths)
        _run("-m", "wheel", "pack", "--dest-dir", str(wheel.parent), str(root))
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    tags = ("--python-tag", python, "--abi-tag", "none", "--platform-tag", platform)
    return _run("-m", "wheel", "tags", "--remove", *tags, str(wheel)).split()[-1]


def _run(*command: str, **environment: str) -> str:
    command = (sys.executable, *command)
    return subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True).stdout
