"""The wheel in an environment that holds what it declares and nothing else: it decodes and renders there.

Real downloads of torch would take minutes. So the environment gets links to the installed copies of exactly the
packages that the wheel's metadata requires without any extra, and theirs; pip installs the wheel itself.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.format.tables import SHA256
from tests.codec.scenes import random_scene

ROOT = Path(__file__).resolve().parents[1]
ABSENT = (
    "torch",
    "scipy",
    "nerfstudio",
    "gsplat",
    "viser",
    "torchac",
    "av",
    "jaxtyping",
    "pytest",
    "beartype",
    "matplotlib",
)

PROGRAM = """
import importlib.util, json, sys
from pathlib import Path
import csgaussian_ns
from csgaussian_ns.tools import cli
scene = csgaussian_ns.load("scene.csg")
codes = [cli.main(["verify", "scene.csg"]), cli.main(["info", "scene.csg", "--json"])]
codes += [cli.main(["render", "scene.csg", "-o", "out", "--views", "2", "--width", "64", "--height", "48"])]
codes += [cli.main(["decode", "scene.csg", "-o", "anchors.npz"])]
refused = cli.main(["evaluate", "scene.csg", "--data", "."])
found = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is not None]
where = str(Path(csgaussian_ns.__file__).parent)
told = {"digest": scene.digest(), "codes": codes, "refused": refused, "found": found, "where": where}
sys.stderr.write(json.dumps(told))
"""


def requirements_of(name: str) -> list[str]:
    """Names of the installed packages that a package needs without any extra."""
    parsed = map(Requirement, importlib.metadata.requires(name) or [])
    return [need.name for need in parsed if need.marker is None or need.marker.evaluate({"extra": ""})]


def closure(names: list[str]) -> Iterator[importlib.metadata.Distribution]:
    """Installed distributions of these packages and of all that they need."""
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name not in seen:
            seen.add(name)
            yield importlib.metadata.distribution(name)
            todo += requirements_of(name)


def link(distribution: importlib.metadata.Distribution, target: Path) -> None:
    """Link the top-level files and folders of a distribution into ``target``; shared folders link by link."""
    for file in distribution.files or []:
        if ".." in file.parts or file.suffix == ".pyc" or "__pycache__" in file.parts:
            continue
        source, place = Path(str(distribution.locate_file(file))), target.joinpath(*file.parts)
        if file.parts[0] == "nvidia" or len(file.parts) == 1 or file.parts[0].endswith(".data"):
            place.parent.mkdir(parents=True, exist_ok=True)
        else:
            place, source = target / file.parts[0], Path(str(distribution.locate_file(file.parts[0])))
        if not place.exists() and source.exists():
            place.symlink_to(source)


def declared(wheel: Path) -> list[str]:
    """Names of the packages that a wheel requires without any extra."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("METADATA"))
        lines = archive.read(name).decode().splitlines()
    base = [Requirement(line.split(":", 1)[1]) for line in lines if line.startswith("Requires-Dist:")]
    return [need.name for need in base if need.marker is None or need.marker.evaluate({"extra": ""})]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by pip from a copy: a build leaves folders behind, and takes up what an older one left."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("csgaussian_ns", "scripts", "tests/golden"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder / "dist"), str(folder)]
    versions = {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")}  # machine code is for the numba that it was made with
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | versions)
    if done.returncode and "setuptools" in done.stderr and "No matching distribution" in done.stderr:
        pytest.skip("no package index within reach: pip cannot fetch setuptools to build a wheel with")
    assert done.returncode == 0, done.stderr
    return next((folder / "dist").glob("*.whl"))


def test_it_declares_no_training_package(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        assert {n for n in SHA256 if f"csgaussian_ns/format/tables/{n}" in archive.namelist()} == set(SHA256)
        assert any(n.endswith("py.typed") for n in archive.namelist())
    names = declared(wheel)
    assert "numba" in names and set(names).isdisjoint(ABSENT)


@pytest.mark.timeout(600)
def test_it_decodes_and_renders_with_its_base_dependencies_alone(wheel: Path, tmp_path: Path):
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    site = next(place.glob("lib/python*/site-packages"))
    for distribution in closure(declared(wheel)):
        link(distribution, site)
    install = [sys.executable, "-m", "pip", "--python", str(place / "bin/python"), "install", "-q", "--no-deps"]
    done = subprocess.run([*install, "--no-index", str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scene = random_scene(200)
    encoded = encode(scene)
    (tmp_path / "scene.csg").write_bytes(encoded.data)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [str(place / "bin/python"), "-I", "-c", PROGRAM, *ABSENT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stderr.splitlines()[-1])
    assert Path(report["where"]).is_relative_to(place)
    assert report["found"] == []
    assert report["codes"] == [0, 0, 0, 0]
    assert report["refused"] == 2 and "needs torch, which is not installed; pip install 'csgaussian-ns[" in done.stderr
    from csgaussian_ns.codec.decode import decode

    assert report["digest"] == decode(encoded.data).digest()
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    assert (tmp_path / "anchors.npz").stat().st_size > 10_000
    compiled = [path.name for path in (tmp_path / "cache").rglob("*.nb[ci]")]
    assert compiled == [], "the wheel brought no machine code for these"
