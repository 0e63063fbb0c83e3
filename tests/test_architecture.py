"""The structure that docs and reviewers rely on: import direction, what loads what, sizes of files and functions."""

import ast
import re
import sys
from pathlib import Path

import grimp
import jaxtyping
import numpy as np
import pytest

from csgaussian_ns.core import shapes
from csgaussian_ns.core.kernel_cache import version_of
from csgaussian_ns.core.shipped_kernels import KERNEL_PACKAGES
from csgaussian_ns.export.measure import psnr
from scripts import architecture
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


def test_no_two_modules_import_each_other():
    graph = grimp.build_graph("csgaussian_ns", exclude_type_checking_imports=True, cache_dir=None)
    below = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while leaves := {module for module, imported in below.items() if not imported}:
        below = {module: imported - leaves for module, imported in below.items() if module not in leaves}
    assert set(below) == set(), "these stand in a circle, or above one"


def test_what_decodes_a_file_imports_numpy_numba_and_the_core_alone():
    """A list of what is allowed, which import contracts have no kind for; and no name of a module in a string."""
    graph = grimp.build_graph(
        "csgaussian_ns", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    names = {name for name in graph.modules if name.startswith("csgaussian_ns.format")}
    assert "csgaussian_ns.format.streams.coders" in names
    reached = names.union(*map(graph.find_upstream_modules, names))
    own = {name for name in reached if name.startswith("csgaussian_ns.")}
    assert {name.split(".")[1] for name in own} == {"core", "format"}
    others = {name.split(".")[0] for name in reached - own} - sys.stdlib_module_names - {"csgaussian_ns"}
    assert others == {"numpy", "numba", "llvmlite", "jaxtyping"}  # llvmlite is numba's; jaxtyping only where loaded
    assert graph.find_modules_that_directly_import("jaxtyping") == {"csgaussian_ns.core.shapes"}
    late = {name for name in reached if {"importlib", "runpy"} & graph.find_modules_directly_imported_by(name)}
    assert late == set()


def test_the_picture_of_imports_is_as_the_code():
    arrows = {
        f"{name}-{other}" for name, others in architecture.shortest(architecture.imports()).items() for other in others
    }
    assert set(re.findall(r'<g id="(\w+-\w+)">', architecture.PICTURE.read_text())) == arrows, "run: make docs"
    implied = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert architecture.shortest(implied) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_shapes_are_checked_here_and_come_from_one_place():
    assert shapes.Float is jaxtyping.Float, "the tests loaded the package before jaxtyping: no annotation is checked"
    takers = {path.name for path in SOURCES if re.search(r"^ *(from|import) jaxtyping", path.read_text(), re.MULTILINE)}
    assert takers == {"shapes.py"}
    with pytest.raises(jaxtyping.TypeCheckError):
        psnr(np.zeros((4, 4)), np.zeros((4, 4)))  # expected [H, W, 3]


def test_core_layers_import_without_training_packages():
    names = modules_of("ns", "tools", but=True)
    assert "csgaussian_ns.core.types" in names
    failures, loaded = import_without(names, ["nerfstudio", "viser", "gsplat", "tyro"])
    assert failures == []
    assert "torch" in loaded


def test_tools_import_without_training_packages():
    failures, _ = import_without(modules_of("tools"), ["nerfstudio", "viser", "gsplat"])
    assert failures == []


DECODE = """
import json, tempfile
from pathlib import Path
from csgaussian_ns.format.decode import decode
from csgaussian_ns.tools import cli
golden = Path("tests/golden")
digests = json.loads((golden / "digests.json").read_text())
for name in ("v1_inr.csg", "v1_semantics.csg", "v1_hashgrid.csg"):
    assert decode(golden / name).digest() == digests[name]["content"], name
file = str(golden / "v1_semantics.csg")
with tempfile.TemporaryDirectory() as folder:
    pictures = ["render", "-o", folder + "/pictures", "--views", "1", "--width", "40", "--height", "30"]
    for command in (["info"], ["info", "--json"], ["verify"], ["decode", "-o", folder + "/anchors.npz"], pictures):
        assert cli.main([command[0], file, *command[1:]]) == 0, command
print("decoded")
"""


def test_decoding_needs_neither_torch_nor_scipy():
    names = modules_of("core", "format")
    assert len(names) > 45
    lines, loaded = import_without(names, ["torch", "scipy"], folder=str(ROOT), then=DECODE)
    assert lines[-1] == "decoded" and not [line for line in lines if line.startswith("csgaussian_ns.")]
    assert loaded.isdisjoint({"torch", "scipy"}) and "numba" in loaded


def test_facts_are_told_without_a_compiler():
    then = "from csgaussian_ns.tools import cli; assert cli.main(['info', 'tests/golden/v1_semantics.csg']) == 0"
    _, loaded = import_without([], ["torch", "scipy", "numba"], folder=str(ROOT), then=then)
    assert loaded.isdisjoint({"torch", "scipy", "numba"}) and "numpy" in loaded
    then = "from csgaussian_ns.tools import cli; assert cli.main(['info', 'tests/golden/v1_inr.csg']) == 0"
    _, loaded = import_without([], ["numpy", "jaxtyping"], folder=str(ROOT), then=then)
    assert loaded.isdisjoint({"numpy", "jaxtyping"}), "without objects there is nothing to compute"


def test_telling_and_editing_start_fast(tmp_path: Path):
    """Neither loads what only checks, draws or computes: a third of the time that they would take."""
    files = "'tests/golden/v1_semantics.csg', '-o', " + repr(str(tmp_path / "edited.csg"))
    then = "from csgaussian_ns.tools import cli; assert cli.main(['info', 'tests/golden/v1_semantics.csg']) == 0; "
    then += f"assert cli.main(['edit', {files}, '--remove', '1', '--rotate', '2', 'z,90']) == 0"
    _, loaded = import_without([], ["jaxtyping", "asyncio", "numba", "torch"], folder=str(ROOT), then=then)
    assert loaded.isdisjoint({"jaxtyping", "asyncio", "numba", "torch"}) and "numpy" in loaded
    assert (tmp_path / "edited.csg").is_file()


def test_drawing_imports_without_torch():
    names = ("core.geometry", "render.backend", "render.cpu_backward", "render.draw", "scene.ply", "receiver.load")
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
    assert {"csgaussian_ns.format.streams.offset_masks", "csgaussian_ns.render.cpu_binning"} <= kernels
    own = {
        name for kernel in kernels for name in {kernel, *graph.find_upstream_modules(kernel)} if name in graph.modules
    }
    packages = {name.split(".")[1] for name in own if name.startswith("csgaussian_ns.")}
    assert packages <= set(KERNEL_PACKAGES)


def test_the_kernel_cache_is_named_after_what_kernels_depend_on(tmp_path):
    for name in ("format/streams/offset_masks.py", "tools/cli.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x = 1\n")
    before = version_of(tmp_path)
    (tmp_path / "tools" / "cli.py").write_text("x = 22\n")
    assert version_of(tmp_path) == before
    (tmp_path / "format" / "streams" / "offset_masks.py").write_text("x = 22\n")
    assert version_of(tmp_path) != before


def imports_in_circles(graph: grimp.ImportGraph, package: str) -> list[str]:
    """Modules of ``package`` that import themselves by way of others, also inside functions."""
    inside = {name for name in graph.modules if name.startswith(f"{package}.")}
    return sorted(
        name
        for name in inside
        if any(name in graph.find_upstream_modules(near) for near in graph.find_modules_directly_imported_by(name))
    )


@pytest.mark.parametrize("package", ["ns", "semantic", "stages"])
def test_nothing_is_imported_in_a_circle(package: str):
    graph = grimp.build_graph("csgaussian_ns", exclude_type_checking_imports=True, cache_dir=None)
    assert imports_in_circles(graph, f"csgaussian_ns.{package}") == []


def test_a_circle_is_seen():
    graph = grimp.ImportGraph()
    for importer, imported in (("x.a", "x.b"), ("x.b", "x.c"), ("x.c", "x.b"), ("x.d", "x.a")):
        graph.add_import(importer=importer, imported=imported)
    assert imports_in_circles(graph, "x") == ["x.b", "x.c"]


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


WRITERS = {"save", "savez", "savez_compressed", "tofile", "write_bytes", "write_text"}
WRITES_BY_ITSELF = {
    "csgaussian_ns.core.files": "hidden files that get their name when they are complete",
    "csgaussian_ns.core.png": "into memory",
    "csgaussian_ns.core.shipped_kernels": "by numba, while a wheel is built",
    "csgaussian_ns.feedforward.loop": "into a file of core.files",
    "csgaussian_ns.fleet.attempt": "a log, and a file that is locked",
    "csgaussian_ns.ns.trainer": "into a file of core.files",
    "csgaussian_ns.report.inlined": "into memory",
    "csgaussian_ns.tools.demo_scene.few": "in the folder of demo_scene.folder",
    "csgaussian_ns.tools.demo_scene.folder": "a folder that gets its name when it is complete",
    "csgaussian_ns.tools.demo_scene.make": "in that folder",
    "csgaussian_ns.core.npz": "into a file of core.files",
    "csgaussian_ns.tools.video": "into a file of core.files",
}


def writes_a_file(node: ast.AST) -> bool:
    """Whether a call looks like one that fills a file."""
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    texts = [a.value for a in [*node.args, *(k.value for k in node.keywords)] if isinstance(a, ast.Constant)]
    modes = [text for text in texts if isinstance(text, str) and set(text) & set("wax") and set(text) <= set("wax+bt")]
    return name in WRITERS or (name in ("open", "fdopen", "FileIO", "__init__") and modes != [])


def test_files_are_written_by_one_module():
    """Whatever else fills a file leaves half of it behind when it is killed or the disk is full."""
    found = {
        module_name(path) for path in SOURCES if any(map(writes_a_file, ast.walk(ast.parse(path.read_text("utf8")))))
    }
    assert found == set(WRITES_BY_ITSELF)
