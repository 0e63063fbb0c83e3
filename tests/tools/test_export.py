"""``csg export``, the real command."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.edits import Move, Target
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.export.frame import to_y_up
from csgaussian_ns.export.measure import psnr
from csgaussian_ns.export.plain import Effort, plain
from csgaussian_ns.export.write import FORMATS, write
from csgaussian_ns.receiver.load import load
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.tools import cli
from tests.export.scenes import random_splats

ROOT = Path(__file__).resolve().parents[2]
WITH_OBJECTS = ROOT / "tests" / "golden" / "v1_semantics.csg"
WITHOUT = ROOT / "tests" / "golden" / "v1_inr.csg"
FAST = ("--steps", "3", "--views", "4", "--width", "64", "--height", "48")


def export(file: Path, output: Path, *options: str) -> int:
    fast = [word for pair in zip(FAST[::2], FAST[1::2], strict=True) if pair[0] not in options for word in pair]
    return cli.main(["export", str(file), str(output), *fast, *options])


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("csg: error: ")
    return said.err


@pytest.mark.parametrize("ending", [".ply", ".spz", ".splat"])
def test_one_line_says_how_large_and_how_good(tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str):
    output = tmp_path / f"scene{ending}"
    assert export(WITH_OBJECTS, output) == 0
    line = capsys.readouterr().out
    size = output.stat().st_size / 1e6
    count = len(FORMATS[ending].read(output).means)
    assert line.count("\n") == 1 and line.startswith(f"{output}: {size:.3f} MB, {count} Gaussians of degree ")
    assert "dB PSNR against the scene's own pictures, an orbit of 12 views" in line
    assert float(line.split(";")[1].split()[0]) > 25
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_objects_and_frames(tmp_path: Path):
    plyfile = pytest.importorskip("plyfile")
    scene = load(WITH_OBJECTS)
    assert export(WITH_OBJECTS, tmp_path / "all.ply") == 0
    ids = np.asarray(plyfile.PlyData.read(tmp_path / "all.ply")["vertex"]["object_id"])
    assert set(ids) <= {0, *(entry.id for entry in scene.objects)} and len(set(ids)) > 1
    chosen = next(entry for entry in scene.objects if (ids == entry.id).any())
    assert export(WITH_OBJECTS, tmp_path / "one.ply", "--objects", str(chosen.id), "--frame", "normalised") == 0
    one = plyfile.PlyData.read(tmp_path / "one.ply")["vertex"]
    assert set(one["object_id"]) == {chosen.id} and "object_id" in one.data.dtype.names
    assert export(WITHOUT, tmp_path / "none.ply") == 0
    assert "object_id" not in plyfile.PlyData.read(tmp_path / "none.ply")["vertex"].data.dtype.names


def test_spz_files_have_y_up_and_give_the_same_scene_back(csg, tmp_path: Path):
    """By way of .spz and by way of .ply: the same pictures, the same objects, harmonics turned along."""
    pytest.importorskip("zstandard", reason="version 4 is packed by zstd")
    scene, cameras = load(WITH_OBJECTS), {}
    for name, options in (("a.ply", ()), ("b.spz", ("--spz-version", "4"))):
        assert export(WITH_OBJECTS, tmp_path / name, *options) == 0
        code, _, err = csg("import", tmp_path / name, "-o", tmp_path / f"{name}.csg", "--step", "0.2")
        assert code == 0, err
        cameras[name] = load(tmp_path / f"{name}.csg")
    straight, turned = cameras["a.ply"], cameras["b.spz"]
    x, y, z = straight.position.T
    for found, wanted in zip(turned.position.T, (x, z, -y), strict=True):
        assert np.allclose(np.sort(found), np.sort(wanted), atol=0.01)
    assert [thing.name for thing in turned.objects] == [thing.name for thing in scene.objects][: len(turned.objects)]
    assert len(turned.objects) > 1
    for one, other in zip(straight.orbit(3, 64, 48).values(), turned.orbit(3, 64, 48).values(), strict=True):
        assert psnr(straight.draw(one).image, turned.draw(other).image) > 33


def test_points(csg, tmp_path: Path):
    plyfile = pytest.importorskip("plyfile")
    few = ("--views", "4", "--width", "64", "--height", "48")
    code, out, err = csg("export", WITH_OBJECTS, tmp_path / "points.ply", "--points", "--normals", *few)
    assert code == 0, err
    table = plyfile.PlyData.read(tmp_path / "points.ply")["vertex"]
    assert out.startswith(f"{tmp_path / 'points.ply'}: 0.00") and "with normals and object_id" in out
    assert f"{len(table)} points of opacity 0.25 and above" in out and set(table["object_id"]) <= {0, 1, 2, 3}
    assert np.allclose(np.square([table[name] for name in ("nx", "ny", "nz")]).sum(axis=0), 1, atol=1e-5)
    assert csg("export", WITH_OBJECTS, tmp_path / "all.ply", "--points", "--least-opacity", "0", *few)[0] == 0
    assert csg("export", WITH_OBJECTS, tmp_path / "gaussians.ply", "--steps", "0", *few)[0] == 0
    every, known = (plyfile.PlyData.read(tmp_path / name)["vertex"] for name in ("all.ply", "gaussians.ply"))
    assert len(every) == len(known) > len(table) and np.allclose(every["x"], known["x"], atol=1e-6)
    opaque = 1 / (1 + np.exp(-known["opacity"])) >= 0.25
    assert np.array_equal(table["object_id"], known["object_id"][opaque])
    assert csg("export", WITH_OBJECTS, tmp_path / "one.ply", "--points", "--objects", "2", *few)[0] == 0
    assert set(plyfile.PlyData.read(tmp_path / "one.ply")["vertex"]["object_id"]) == {2}


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("a.spz", ("--points",), "ends in .spz; expected .ply"),
        ("a.ply", ("--normals",), "--normals: expected --points, too"),
        ("a.ply", ("--points", "--data", "."), "points are not drawn"),
        ("a.ply", ("--least-opacity", "0.5"), "--least-opacity: expected --points, too"),
        ("a.ply", ("--spz-version", "4"), "--spz-version 4: expected a name that ends in .spz, not .ply"),
        ("a.ply", ("--points", "--least-opacity", "nan"), "--least-opacity nan: expected 0 to 1"),
        ("a.ply", ("--points", "--least-opacity", "1"), "has an opacity of --least-opacity 1; the highest is 0."),
    ],
)
def test_points_that_cannot_be_written(tmp_path: Path, capsys, output: str, options: tuple[str, ...], message: str):
    assert export(WITH_OBJECTS, tmp_path / output, *options) == 2
    assert message in told(capsys) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0)])
def test_the_turn_to_y_up(up: tuple[int, int, int]):
    turn = to_y_up(np.array(up, float))
    assert np.allclose(turn.at(np.array([up], float)), [[0, 1, 0]]) and np.allclose(turn.matrix[0], (1, 0, 0))
    assert np.allclose(np.linalg.det(turn.matrix), 1), "harmonics and rotations can follow"


def test_spz_without_objects_and_without_zstd(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    assert export(WITH_OBJECTS, tmp_path / "a.spz") == 0
    assert ".spz does not say whose each Gaussian is; --spz-version 4 does" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert export(WITH_OBJECTS, tmp_path / "b.spz", "--spz-version", "4") == 2
    assert "zstd, which is not installed" in told(capsys) and not (tmp_path / "b.spz").exists()


def test_a_box_is_in_the_frame_of_the_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert export(WITH_OBJECTS, tmp_path / "all.ply") == 0
    means = FORMATS[".ply"].read(tmp_path / "all.ply").means
    middle = float(np.median(means[:, 0]))
    box = f"{middle},-1e6,-1e6,1e6,1e6,1e6"
    assert export(WITH_OBJECTS, tmp_path / "half.ply", "--box", box) == 0
    half = FORMATS[".ply"].read(tmp_path / "half.ply").means
    assert 0 < len(half) < len(means) and half[:, 0].min() > middle - 0.2
    capsys.readouterr()
    assert export(WITH_OBJECTS, tmp_path / "no.ply", "--box", "1e6,1e6,1e6,2e6,2e6,2e6") == 2
    assert "nothing to export" in told(capsys) and not (tmp_path / "no.ply").exists()


def test_a_ply_file_changes_its_format_without_being_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    splats = random_splats(60)
    write(splats, tmp_path / "in.ply", z_up=False)
    assert export(tmp_path / "in.ply", tmp_path / "out.ply") == 0
    assert np.allclose(FORMATS[".ply"].read(tmp_path / "out.ply").harmonics, splats.scene.harmonics, atol=1e-6)
    assert export(tmp_path / "in.ply", tmp_path / "out.spz", "--degree", "1", "--box", "0,-9,-9,9,9,9") == 0
    found = FORMATS[".spz"].read(tmp_path / "out.spz")
    assert found.degree == 1 and len(found.means) == (splats.scene.means[:, 0] >= 0).sum()
    capsys.readouterr()
    assert export(tmp_path / "in.ply", tmp_path / "out.ply", "--objects", "1") == 2
    assert "is not asked for objects" in told(capsys)
    assert export(tmp_path / "in.ply", tmp_path / "out.ply", "--data", str(tmp_path)) == 2
    assert "there is no capture" in told(capsys)


def test_a_scene_in_another_appearance_is_exported_as_shown():
    """What was moved keeps its identity from view to view."""
    scene = load(WITH_OBJECTS)
    assert scene.semantics is not None
    for entry in scene.objects:
        shown = scene.shown(Appearance((Move(Target((entry.id,)), (0.25, 0.0, 0.5)),)))
        cameras = list(scene.orbit(6, 64, 48).values())
        here, there = (plain(one, cameras, Effort(0), scene.semantics.label) for one in (scene, shown))
        assert here.objects is not None and there.objects is not None
        mine, moved = here.scene.means[here.objects == entry.id], there.scene.means[there.objects == entry.id]
        distance = np.linalg.norm(mine[:, None] + np.array([0.25, 0.0, 0.5]) - moved[None], axis=2)
        assert (
            len(moved) and distance.min(axis=0).max() < 1e-4 and len(np.unique(distance.argmin(axis=0))) == len(moved)
        )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("scene.obj", (), "ends in one of .ply, .spz, .splat, .sog, .glb"),
        ("-", (), "ends in one of"),
        ("missing/scene.ply", (), "there is no folder"),
        ("scene.ply", ("--objects", "cupboard"), "there is no object called 'cupboard'; the scene has "),
        ("scene.ply", ("--objects", "77"), "there is no object 77; the scene has "),
        ("scene.ply", ("--objects",), "expected numbers or names"),
        ("scene.ply", ("--box", "1,2,3"), "expected six numbers"),
        ("scene.ply", ("--box", "0,0,0,1,nan,1"), "expected finite numbers"),
        ("scene.ply", ("--box", "0,0,0,1,-1,1"), "the lowest corner and then the highest"),
        ("scene.ply", ("--steps", "-1"), "--steps -1: expected 0 to"),
        ("scene.ply", ("--views", "0"), "--views 0: expected 4 to"),
        ("scene.ply", ("--width", "0"), "expected at least one pixel"),
    ],
)
def test_calls_that_cannot_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, options: tuple[str, ...], message: str
):
    (tmp_path / "scene.ply").write_text("an earlier one")
    assert export(WITH_OBJECTS, tmp_path / name if name != "-" else Path(name), *options) == 2
    assert message in told(capsys)
    assert (tmp_path / "scene.ply").read_text() == "an earlier one" and len(list(tmp_path.iterdir())) == 1


def test_objects_of_a_file_without_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert export(WITHOUT, tmp_path / "scene.ply", "--objects", "1") == 2
    assert "the scene holds no objects" in told(capsys)


def test_an_empty_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert export(ROOT / "tests" / "golden" / "v1_empty.csg", tmp_path / "scene.ply") == 2
    assert "nothing to export" in told(capsys) and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert export(WITHOUT, tmp_path / "scene.ply") == 2
    assert "nothing can be written in" in told(capsys)


def test_help_of_the_installed_command():
    command = [sys.executable, "-m", "csgaussian_ns.tools.cli"]
    listed, of_export = (
        subprocess.run([*command, *words, "--help"], capture_output=True, text=True, check=True).stdout
        for words in ((), ("export",))
    )
    assert "export" in listed
    assert "a multiple of 4" in " ".join(of_export.replace("│", " ").split())


FAKE = """#!{python}
import shutil, sys
if sys.argv[1:] == ["--version"]:
    print("splat-transform v{version} (abc)")
elif {fails}:
    sys.exit("no WebGPU")
else:
    shutil.copy(sys.argv[-2], sys.argv[-1])
"""


def fake_transform(folder: Path, version: str = "3.7.0", fails: bool = False) -> None:
    """A program that copies, in place of splat-transform."""
    folder.mkdir(parents=True)
    replace_file(folder / "splat-transform", FAKE.format(python=sys.executable, version=version, fails=fails).encode())
    (folder / "splat-transform").chmod(0o755)


def test_other_formats_are_made_by_splat_transform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "here" / "node_modules").mkdir(parents=True)
    fake_transform(tmp_path / "node_modules" / ".bin")  # of someone else
    fake_transform(tmp_path / "here" / "node_modules" / ".bin")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert export(WITHOUT, tmp_path / "scene.sog") == 2
    assert "npm install -g @playcanvas/splat-transform" in told(capsys)
    monkeypatch.setenv("SPLAT_TRANSFORM", str(tmp_path / "nowhere"))
    assert export(WITHOUT, tmp_path / "scene.sog") == 2
    assert "which is no program that can be run" in told(capsys)
    monkeypatch.setenv("SPLAT_TRANSFORM", str(tmp_path / "node_modules" / ".bin" / "splat-transform"))
    assert export(WITHOUT, tmp_path / "named.glb") == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'named.glb'}: ")
    monkeypatch.delenv("SPLAT_TRANSFORM")
    fake_transform(tmp_path / "bin", "2.7.1")
    assert export(WITHOUT, tmp_path / "scene.sog") == 2
    assert "need splat-transform 3.7 or newer" in told(capsys)
    fake_transform(tmp_path / "failing", fails=True)
    monkeypatch.setenv("PATH", str(tmp_path / "failing"))
    assert export(WITHOUT, tmp_path / "scene.glb") == 2
    assert "exit code 1: no WebGPU" in told(capsys) and not (tmp_path / "scene.glb").exists()


@pytest.mark.parametrize("ending", [".sog", ".glb"])
def test_the_real_splat_transform(tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str):
    from csgaussian_ns.core.errors import BackendUnavailable
    from csgaussian_ns.tools.splat_transform import converter

    try:
        converter(ending)
    except BackendUnavailable as error:
        pytest.skip(str(error))
    output = tmp_path / f"scene{ending}"
    assert export(WITH_OBJECTS, output) == 0
    assert output.read_bytes()[:4] == (b"PK\x03\x04" if ending == ".sog" else b"glTF")
    assert "dB PSNR" in capsys.readouterr().out
