"""The structure that docs and reviewers rely on: import direction, what loads what, sizes of files and functions."""

import ast
from pathlib import Path

import grimp
import pytest

from csgaussian_ns.core.kernel_cache import KERNEL_PACKAGES, version_of
from tests.import_blocker import import_without

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "csgaussian_ns"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
MAX_KERNEL_LINES = 80  # numba kernels unroll by hand what a compiler will not


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_of(*layers: str, but: bool = False) -> list[str]:
    """Names of all modules inside (or, with ``but``, outside) the given layers."""
    inside = {name: name.split(".")[1:2] for name in map(module_name, SOURCES)}
    return [name for name, layer in inside.items() if (layer != [] and layer[0] in layers) is not but]


def test_import_contracts_hold(capsys):
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None, no_logo=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_core_layers_import_without_training_packages():
    names = modules_of("ns", "tools", but=True)
    assert "csgaussian_ns.core.types" in names
    failures, loaded = import_without(names, ["nerfstudio", "viser", "gsplat", "tyro"])
    assert failures == []
    assert "torch" in loaded


def test_tools_import_without_training_packages():
    names = [name for name in modules_of("tools") if not name.startswith("csgaussian_ns.tools.view")]
    failures, _ = import_without(names, ["nerfstudio", "viser", "gsplat"])
    assert failures == []


def test_drawing_imports_without_torch():
    names = ("core.geometry", "render.backend", "render.cpu_backward", "render.draw", "scene.ply", "tools.opened")
    failures, loaded = import_without([f"csgaussian_ns.{name}" for name in names], ["torch", "scipy"])
    assert failures == [] and loaded.isdisjoint({"torch", "scipy"})


def test_the_package_itself_loads_nothing_heavy():
    failures, loaded = import_without(["csgaussian_ns"], ["nothing"])
    assert failures == []
    assert loaded.isdisjoint({"torch", "numpy", "numba", "nerfstudio", "gsplat", "viser", "tyro"})


@pytest.mark.parametrize("statement", ["import viser", "import viser.transforms", "from viser import transforms"])
def test_the_blocker_blocks(tmp_path, statement):
    (tmp_path / "guilty.py").write_text(f"def late():\n    {statement}\n\nlate()\n")
    (tmp_path / "innocent.py").write_text("import json\n")
    failures, loaded = import_without(["guilty", "innocent"], ["viser"], folder=str(tmp_path))
    assert len(failures) == 1 and failures[0].startswith("guilty: viser")
    assert "innocent" in loaded and "viser" not in loaded


def test_kernels_depend_on_the_packages_that_name_their_cache_alone():
    """Elsewhere, a change of a kernel, or of a constant that it froze, would leave old machine code in use."""
    graph = grimp.build_graph(
        "csgaussian_ns", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    makers = graph.find_modules_that_directly_import("numba")
    kernels = makers.union(*map(graph.find_modules_that_directly_import, makers))
    assert {"csgaussian_ns.codec.masks", "csgaussian_ns.render.cpu_binning"} <= kernels
    own = {
        name for kernel in kernels for name in {kernel, *graph.find_upstream_modules(kernel)} if name in graph.modules
    }
    packages = {name.split(".")[1] for name in own if name.startswith("csgaussian_ns.")}
    assert packages <= set(KERNEL_PACKAGES)


def test_the_kernel_cache_is_named_after_what_kernels_depend_on(tmp_path):
    for name in ("codec/masks.py", "tools/cli.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x = 1\n")
    before = version_of(tmp_path)
    (tmp_path / "tools" / "cli.py").write_text("x = 22\n")
    assert version_of(tmp_path) == before
    (tmp_path / "codec" / "masks.py").write_text("x = 22\n")
    assert version_of(tmp_path) != before


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    is_kernel = (path.parent.name == "render" and path.name.startswith("cpu_")) or path.stem.endswith("kernels")
    limit = MAX_KERNEL_LINES if is_kernel else MAX_FUNCTION_LINES
    long_functions = {
        f"{node.name} (line {node.lineno})": length
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > limit
    }
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert long_functions == {}
