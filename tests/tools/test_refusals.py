"""What cannot be read or written ends in one line, and leaves everything as it was."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.edits import Crop
from csgaussian_ns.export.write import write
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import with_edits
from tests.export.scenes import random_splats
from tests.format.surgery import rewritten

GOLDEN = Path(__file__).parents[1] / "golden"
SCENE = GOLDEN / "v1_semantics.csg"
SMALL = ("--views", "1", "--width", "32", "--height", "24")
READERS = {
    "info": (),
    "verify": (),
    "render": ("-o", "pictures", *SMALL),
    "select": ("-o", "chosen", "--id", "1"),
    "edit": ("-o", "out.csg", "--remove", "1"),
    "arrange": ("-o", "out.csg"),
    "merge": (str(SCENE), "-o", "out.csg"),
    "split": ("-o", "parts"),
    "import": ("-o", "out.csg"),
    "export": ("out.ply", "--views", "4", "--width", "32"),
    "decode": ("-o", "out.npz"),
}
"""Commands that read a scene, with outputs in the folder they are called from."""
WRITERS = {
    **{name: options for name, options in READERS.items() if options and name != "split"},
    "edit --flatten": ("-o", "out.csg", "--remove", "1", "--flatten"),
    "film": ("-o", "out.mp4", *SMALL),
    "new folder": ("-o", "new/deep/out.npz"),
}
COMMAND_OF = {"edit --flatten": "edit", "film": "render", "new folder": "decode"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """To work in, with files in it of earlier calls."""
    monkeypatch.chdir(tmp_path)
    for name in ("out.csg", "out.ply", "out.npz", "out.mp4"):
        Path(name).write_text("mine")
    return tmp_path


def content(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refused(csg, *arguments: object) -> str:
    code, out, err = csg(*arguments)
    assert (code, out) == (2, "") and err.startswith("csg: error: ") and err.count("\n") == 1, err
    return err


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["newer", "half", "other"])
def test_files_that_no_command_can_read(csg, folder: Path, name: str, kind: str):
    data = bytearray(SCENE.read_bytes())
    data[8:10] = (2 if kind == "newer" else 1).to_bytes(2, "little")
    given = folder.parent / f"{folder.name}.csg"
    given.write_bytes({"newer": data, "half": data[: len(data) // 2], "other": b"something else" * 9}[kind])
    before, line = content(folder), refused(csg, name, given, *READERS[name])
    expected = {"newer": "format version 2.0, this reader knows 1.x", "half": "is cut at byte 3088", "other": "no .csg"}
    assert str(given) in line and ("expected a .ply, .spz or" if name == "import" else expected[kind]) in line
    assert content(folder) == before


def test_edits_of_another_scene(csg, folder: Path):
    csg("edit", SCENE, "-o", "edited.csg", "--remove", "1")
    section = content_of(read_container(Path("edited.csg").read_bytes()), "EDIT")
    other = with_edits(read_container((GOLDEN / "v1_inr.csg").read_bytes()), [Crop((0.0, 0.0, 0.0), (9.0, 9.0, 9.0))])
    Path("foreign.csg").write_bytes(rewritten(other, "EDIT", section))
    line = refused(csg, "edit", "foreign.csg", "-o", "out.csg", "--crop", "0,0,0,1,1,1")
    assert "foreign.csg: EDIT: these edits were made for another scene" in line and "--undo 1" in line
    assert Path("out.csg").read_text() == "mine"
    assert csg("edit", "foreign.csg", "-o", "out.csg", "--undo", "1")[0] == 0


@pytest.mark.parametrize("command", ["verify", "decode", "edit", "select", "arrange", "merge", "split"])
@pytest.mark.parametrize(("front", "kind"), [(b"ply\n", "a PLY"), (b"NGSP", "an SPZ"), (b"\x1f\x8b", "an SPZ")])
def test_files_of_gaussians_are_imported_first(csg, folder: Path, command: str, front: bytes, kind: str):
    Path("in.file").write_bytes(front + bytes(100))
    line = refused(csg, command, "in.file", *READERS[command])
    assert (
        line == f"csg: error: in.file is {kind} file; make a .csg file of it first: csg import in.file -o scene.csg\n"
    )


@pytest.mark.parametrize("command", ["info", "import", "render", "export"])
@pytest.mark.parametrize(
    ("count", "names", "told"),
    [
        (3, "x y z red green blue", "has no number opacity, scale_0"),
        (10**8, "", "has 100000000 Gaussians of 56 bytes, together more than"),
        (10**7, "", "the PLY file is cut: 10000000 Gaussians take 560000000 bytes, 168 are left"),
    ],
)
def test_ply_files_that_are_no_gaussians(csg, folder: Path, command: str, count: int, names: str, told: str):
    write_ply(Path("in.ply"), np.zeros((3, 14)), count, names)
    before = content(folder)
    assert told in refused(csg, command, "in.ply", *READERS[command])
    assert content(folder) == before


def test_ply_files_of_nothing(csg, folder: Path):
    for rows, counted in ((np.full((3, 14), np.nan), "3 Gaussians"), (np.zeros((0, 14)), "0 Gaussians")):
        write_ply(Path("in.ply"), rows, len(rows))
        code, out, err = csg("info", "in.ply")
        assert code == 0 and counted in out, err
        assert f"nothing to import: none of {counted}" in refused(csg, "import", "in.ply", "-o", "out.csg")
        assert "nothing to export" in refused(csg, "export", "in.ply", *READERS["export"])
        code, _, err = csg("render", "in.ply", "-o", "pictures", *SMALL)
        assert code == 0 and err.startswith("csg: note: there is nothing to draw: ") and "background alone" in err
    assert Path("out.csg").read_text() == Path("out.ply").read_text() == "mine"


def test_a_crop_that_leaves_nothing(csg, folder: Path):
    assert csg("edit", SCENE, "-o", "none.csg", "--crop", "90,90,90,91,91,91")[0] == 0
    code, out, err = csg("render", "none.csg", "-o", "pictures", *SMALL)
    assert code == 0 and out.startswith("pictures: 1 images")
    assert "nothing to draw: none of its 18 anchors is left by its edits; pictures show the background alone" in err
    assert "nothing to export" in refused(csg, "export", "none.csg", *READERS["export"])
    assert Path("out.ply").read_text() == "mine"


@contextmanager
def full_disk(most: int) -> Iterator[None]:
    """Files get so many bytes at most, while the block runs."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("case", WRITERS)
def test_a_full_disk(csg, folder: Path, case: str):
    if case == "film":
        pytest.importorskip("av")
    given = folder.parent / f"{folder.name}.ply"
    write(random_splats(60), given, z_up=True)
    before = content(folder)
    with full_disk(60):
        line = refused(
            csg, COMMAND_OF.get(case, case), given if case in ("import", "export") else SCENE, *WRITERS[case]
        )
    assert "cannot write " in line and ": File too large; make room or choose another output" in line
    assert content(folder) == before


def test_a_folder_that_is_read_only(folder: Path):
    """Root may write anywhere unless it gives up that it may."""
    calls = [
        [case_command, str(SCENE), *options]
        for case_command, options in ((COMMAND_OF.get(case, case), WRITERS[case]) for case in WRITERS)
        if case_command != "import"
    ]
    script = f"from csgaussian_ns.tools.cli import main\nfor call in {calls!r}: assert main(call) == 2, call"
    given_up = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if given_up and shutil.which("setpriv") is None:
        pytest.skip("this is root, and setpriv is not installed")
    before = content(folder)
    folder.chmod(0o555)
    try:
        command = [*given_up, sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    finally:
        folder.chmod(0o755)
    lines = [line for line in done.stderr.splitlines() if "compiling kernels" not in line]
    assert done.returncode == 0 and done.stdout == "" and len(lines) == len(calls), done.stderr
    assert all(line.startswith("csg: error: ") for line in lines) and content(folder) == before


def write_ply(path: Path, rows: np.ndarray, count: int, names: str = "") -> None:
    usual = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3"
    lines = [f"property float {name}" for name in (names or usual).split()]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {count}", *lines, "end_header", ""]
    path.write_bytes("\n".join(head).encode() + rows.astype("<f4").tobytes())
