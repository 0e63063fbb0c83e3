"""``csg edit``: the real command on a real file, what other commands make of it, and what it refuses."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import csgaussian_ns
from csgaussian_ns.core.edits import Keep, Move, Recolour, Remove, Rename, Rotate, Scale, Target
from csgaussian_ns.receiver.scene import showing
from tests.semantic.scenes import loaded, scene_of_balls

GOLDEN = Path(__file__).parents[1] / "golden"
FILE = GOLDEN / "v1_semantics.csg"


@pytest.fixture
def edit(csg, tmp_path: Path):
    """Edits the golden file with objects, or ``file``, into ``edited.csg``; returns that and what was told."""

    def run(*options: str, file: Path = FILE) -> tuple[Path, str]:
        code, out, err = csg("edit", file, "-o", tmp_path / "edited.csg", *options)
        assert code == 0, err
        return tmp_path / "edited.csg", out

    return run


def test_edits_are_written_in_the_order_of_the_options(edit, csg):
    path, told = edit(
        *("--rename", "3", "lamp", "--recolour", "2", "#ff8000", "--scale", "2", "0.5", "--rotate", "3", "x,-90"),
        *("--move", "2", "-1,0,0.5", "3", "0,1,0", "--keep", "2", "3", "--remove", "Gerät 0"),
    )
    scene = csgaussian_ns.load(path)
    kinds = [type(step) for step in scene.edits]
    assert kinds == [Remove, Keep, Move, Move, Rotate, Scale, Recolour, Rename]
    assert [thing.name for thing in scene.objects] == ["Gerät 1", "lamp"]
    more = path.stat().st_size - FILE.stat().st_size
    assert told.count("\n") == 1 and told.startswith(f"{path}: remove 1; keep 2 3; move 2 by -1,0,0.5; ")
    assert told.endswith(f"({path.stat().st_size:,} bytes, {more} more than {FILE})\n") and more < 450
    out = csg("info", path)[1]
    assert "2 objects" in out and "lamp" in out and "Gerät 0" not in out
    assert out.index("remove 1") < out.index("keep 2 3") < out.index("rename 3 to lamp")
    facts = json.loads(csg("info", "--json", path)[1])
    assert [step["do"] for step in facts["edits"]][:2] == ["remove", "keep"]
    assert facts["edits"][3] == {"do": "move", "target": {"ids": [3], "percent": 0.0}, "shift": [0.0, 1.0, 0.0]}
    assert [thing["name"] for thing in facts["semantics"]["objects"]] == ["Gerät 1", "lamp"]
    assert "before 8 edits" in csg("verify", path)[1]


def test_edits_are_added_and_undone(edit, tmp_path: Path):
    path, _ = edit("--remove", "1")
    path, told = edit("--rename", "2", "cup", file=path)
    assert "1 edit as before; rename 2 to cup" in told and len(csgaussian_ns.load(path).edits) == 2
    path, told = edit("--undo", "1", "--move", "2", "1,0,0", file=path)
    edits = csgaussian_ns.load(path).edits
    assert edits == (Remove(Target((1,))), Move(Target((2,)), (1.0, 0.0, 0.0)))
    path, told = edit("--undo", "2", file=path)
    assert "no edits" in told and path.read_bytes() == FILE.read_bytes()


def test_edits_are_what_is_drawn_selected_and_decoded(edit, csg, tmp_path: Path):
    path, _ = edit("--remove", "1", "--rotate", "2", "0,0,1,120")
    view = ("--views", "1", "--width", "64", "--height", "48")
    pictures = []
    for file in (FILE, path):
        assert csg("render", file, "-o", tmp_path / "out", *view)[0] == 0
        pictures.append(np.asarray(Image.open(tmp_path / "out" / "orbit_0000.png")).astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() > 10
    code, out, err = csg("select", path, "-o", tmp_path / "selected", "--id", "2", *view)
    assert code == 0 and "selected 2 Gerät 1: 6 anchors" in out
    assert "no object 1" in csg("select", path, "-o", tmp_path / "selected", "--id", "1", *view)[2]
    code, out, err = csg("decode", path, "-o", tmp_path / "anchors.npz")
    assert code == 0 and "18 anchors" in out and "2 edits; these are its anchors before any of them" in err


def test_evaluation_is_of_the_edited_scene(csg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from tests.tools.balls import moved_scene, write_capture

    capture, figures = write_capture(tmp_path / "data", views=2), []
    (tmp_path / "scene.csg").write_bytes(b"")
    edits = (Rename(Target((3,)), "lamp post"), Remove(Target((1,))))
    for scene in (loaded(moved_scene()), showing(loaded(moved_scene()), edits)):
        monkeypatch.setattr("csgaussian_ns.receiver.load.load", lambda stream, scene=scene: scene)
        code, out, err = csg("evaluate", tmp_path / "scene.csg", "--data", capture, "--json", "--views", "all")
        assert code == 0, err
        figures.append(json.loads(out))
    before, after = figures
    assert before["colour"]["psnr"] > after["colour"]["psnr"] + 10
    assert before["semantics"]["objects"]["red ball"] == [1] and after["semantics"]["objects"]["red ball"] == []
    assert after["semantics"]["objects_in_file"] == 2 and len(scene_of_balls().semantics.objects) == 3


def test_flattened(edit, csg):
    path, told = edit("--remove", "1", "--move", "3", "1,0,0", "--flatten")
    assert told.startswith(f"{path}: 3 anchors and 1 object gone for good; 1 of 2 chunks coded anew; ")
    assert "1 edit of place, size or colour can only be kept as edits" in told and "fewer than" in told
    assert len(csgaussian_ns.load(path)) == 15 and "whole, 15 anchors" in csg("verify", path)[1]
    path, told = edit("--undo", "1", file=path)
    assert csgaussian_ns.load(path).edits == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing to do"),
        (("--remove",), "--remove: expected numbers or names"),
        (("--remove", "dragon"), "no object called 'dragon'; the scene has 1 Gerät 0, 2 Gerät 1, 3 Gerät 2"),
        (("--keep", "9"), "no object 9; the scene has 1 Gerät 0"),
        (("--remove", "1", "--move", "1", "1,0,0"), "no object 1; the scene has 2 Gerät 1"),
        (("--move", "1", "1,0"), "--move 1,0: expected three numbers"),
        (("--move", "1", "1,0,nan"), "finite numbers"),
        (("--move", "1", "1,0,1e12"), "up to 1e+09"),
        (("--rotate", "1", "z"), "expected an axis and degrees"),
        (("--rotate", "1", "0,0,0,90"), "points nowhere"),
        (("--scale", "1", "big"), "--scale big: expected one number"),
        (("--scale", "1", "-2"), "expected a number above 0"),
        (("--recolour", "1", "red"), "'red' is no colour"),
        (("--rename", "1", "a\nb"), "without control characters"),
        (("--crop", "0,0,0,1,1"), "expected the lowest corner"),
        (("--crop", "0,0,0,1,1,-1"), "lower numbers first"),
        (("--undo", "1"), "--undo 1: the file has 0 edits"),
        (("--undo", "-1"), "--undo -1: expected"),
        (("--crop", "900,900,900,901,901,901", "--flatten"), "leave nothing of the scene"),
    ],
)
def test_what_cannot_be_edited_is_told_in_a_line(csg, tmp_path: Path, options: tuple[str, ...], message: str):
    code, out, err = csg("edit", FILE, "-o", tmp_path / "new" / "edited.csg", *options)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [], "nothing is made for a command that fails"


def test_files_that_cannot_be_edited(csg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ply, cut, out = tmp_path / "splat.ply", tmp_path / "cut.csg", tmp_path / "edited.csg"
    ply.write_bytes(b"ply\nformat binary_little_endian 1.0\n")
    cut.write_bytes(FILE.read_bytes()[:-8])
    for file, message in (
        (ply, f"{ply} is a PLY file; make a .csg file of it first: csg import {ply} -o scene.csg"),
        (cut, "cut after its colours"),
        (GOLDEN / "v1_inr.csg", "the file holds no objects"),
        (tmp_path / "nothing.csg", "No such file"),
    ):
        code, _, err = csg("edit", file, "-o", out, "--remove", "1")
        assert code == 2 and message in err and not out.exists()
    monkeypatch.setattr("csgaussian_ns.format.facts.representation_of", lambda container: "cubes")
    assert "made of cubes" in csg("edit", FILE, "-o", out, "--remove", "1")[2] and not out.exists()
    monkeypatch.undo()
    whole = csgaussian_ns.load(FILE).edited(Remove(Target((1,)))).data
    cut.write_bytes(whole[:-8])
    assert "semantics are missing, and so are edits" in csg("info", cut)[1]
    code, _, err = csg("render", cut, "-o", tmp_path / "pictures")
    assert code == 2 and "cut before its edits" in err and not (tmp_path / "pictures").exists()
    assert "ends in .csg" in csg("edit", FILE, "-o", tmp_path / "edited.ply", "--remove", "1")[2]
    code, told, _ = csg("edit", GOLDEN / "v1_inr.csg", "-o", out, "--crop=-100,-100,-100,100,100,0")
    assert code == 0 and told.startswith(f"{out}: crop to -100,-100,-100 .. 100,100,0")


def test_in_place_through_a_pipe_and_where_nothing_can_be_written(csg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "scene.csg"
    path.write_bytes(FILE.read_bytes())
    assert csg("edit", path, "-o", path, "--remove", "1")[0] == 0 and len(csgaussian_ns.load(path).objects) == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FILE.read_bytes())))
    code, out, _ = csg("edit", "-", "-o", path, "--remove", "2")
    assert code == 0 and "more than standard input" in out
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    code, _, err = csg("edit", path, "-o", path, "--remove", "3")
    assert code == 2 and "No space left" in err and path.read_bytes() == before
    assert os.listdir(tmp_path) == ["scene.csg"]


def test_editing_loads_neither_a_compiler_nor_torch(tmp_path: Path):
    code = (
        "import sys; from csgaussian_ns.tools import cli\n"
        f"assert cli.main(['edit', {str(FILE)!r}, '-o', {str(tmp_path / 'e.csg')!r}, '--rotate', '1', 'z,9']) == 0\n"
        "assert not {'numba', 'torch', 'scipy', 'rich.progress'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_option_given_twice_is_no_silent_half(csg, tmp_path: Path):
    code, _, err = csg("edit", FILE, "-o", tmp_path / "a.csg", "--remove", "1", "--remove", "2")
    assert code == 2 and "--remove is given twice; give all of it after the first one" in err
    assert not (tmp_path / "a.csg").exists()


def test_a_number_is_a_number_even_where_it_is_a_name(edit, csg):
    path, _ = edit("--rename", "1", "3")
    path, told = edit("--remove", "3", file=path)
    assert "remove 3" in told
    assert [thing.id for thing in csgaussian_ns.load(path).objects] == [1, 2]


def test_motions_that_add_up_beyond_all_pictures_are_refused(edit, csg, tmp_path: Path):
    path, _ = edit("--scale", "1", "1e6")
    code, _, err = csg("edit", path, "-o", tmp_path / "b.csg", "--scale", "1", "1e6")
    assert code == 2 and "together, the edits would scale an object by 1e+12" in err
    assert not (tmp_path / "b.csg").exists()


def test_who_removed_an_object_is_told(edit, csg, tmp_path: Path):
    out = tmp_path / "out.csg"
    code, _, err = csg("edit", FILE, "-o", out, "--remove", "2", "--move", "2", "1,0,0")
    assert code == 2 and "there is no object 2; the scene has 1 Gerät 0, 3 Gerät 2; an edit of this command" in err
    path, _ = edit("--remove", "2")
    code, _, err = csg("edit", path, "-o", out, "--scale", "Gerät 1", "2")
    assert code == 2 and "there is no object called 'Gerät 1'" in err and "an earlier edit removed it" in err
    code, _, err = csg("edit", path, "-o", out, "--scale", "7", "2")
    assert code == 2 and err.endswith("the scene has 1 Gerät 0, 3 Gerät 2\n")
    code, _, err = csg("edit", FILE, "-o", out, "--scale", "2", "1e9", "2", "1e9")
    assert code == 2 and err.startswith("csg: error: ") and "removed" not in err and not out.exists()


@pytest.mark.parametrize(
    ("axis", "told"), [("-z,90", (0.0, 0.0, -1.0)), ("-X,90", (-1.0, 0.0, 0.0)), ("-1,0,0,90", (-1.0, 0.0, 0.0))]
)
def test_an_axis_that_begins_with_a_dash(edit, axis: str, told: tuple[float, float, float]):
    [step] = csgaussian_ns.load(edit("--rotate", "2", axis)[0]).edits
    assert isinstance(step, Rotate) and step.axis == told and step.degrees == 90
