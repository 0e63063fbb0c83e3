"""``--json``: every command tells programs what it tells people, and nothing else on stdout."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from csgaussian_ns.export.write import write
from csgaussian_ns.tools import cli
from tests.export.scenes import random_splats
from tests.tools.test_masks import write_scene

GOLDEN = Path(__file__).parents[1] / "golden"
SCENE = GOLDEN / "v1_semantics.csg"
SMALL = ("--views", "2", "--width", "32", "--height", "24")


@pytest.fixture
def told(csg):
    """What a command says to programs, and the line on stderr if there is one."""

    def run(*arguments: object) -> tuple[dict, str]:
        code, out, err = csg(*arguments, "--json")
        assert code == 0, err
        facts = json.loads(out)
        assert isinstance(facts, dict)
        return facts, err

    return run


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_it(name: str):
    [field] = [field for field in fields(cli.COMMANDS[name]) if field.name == "json"]  # type: ignore[arg-type]
    assert field.default is False


def test_looking(told, csg, tmp_path: Path):
    facts, err = told("info", SCENE)
    assert facts["file"] == str(SCENE) and facts["bytes"] == SCENE.stat().st_size and err == ""
    facts, _ = told("verify", SCENE)
    line = csg("verify", SCENE)[1]
    assert facts["whole"] and facts["representation"] == "anchors" and facts["content"] in line
    assert f"{facts['rows']} anchors and {facts['objects']} objects decoded" in line and facts["edits"] == 0
    facts, _ = told("render", SCENE, "-o", tmp_path / "pictures", *SMALL)
    assert sorted(f"{name}.png" for name in facts["images"]) == sorted(
        p.name for p in (tmp_path / "pictures").iterdir()
    )
    facts, _ = told("select", SCENE, "-o", tmp_path / "chosen", "--id", "2", *SMALL)
    written = json.loads((tmp_path / "chosen" / "selection.json").read_text())
    assert facts == {"file": str(SCENE), "output": str(tmp_path / "chosen"), **written}


def test_a_click_on_nothing(told, csg, tmp_path: Path):
    csg("edit", SCENE, "-o", tmp_path / "none.csg", "--crop", "90,90,90,91,91,91")
    facts, _ = told("select", tmp_path / "none.csg", "-o", tmp_path / "chosen", "--pixel", "3,3", *SMALL)
    assert facts == {"file": str(tmp_path / "none.csg"), "output": None, "objects": []}


def test_changing(told, tmp_path: Path):
    edited, flat = tmp_path / "edited.csg", tmp_path / "flat.csg"
    facts, _ = told("edit", SCENE, "-o", edited, "--remove", "2", "--scale", "1", "2")
    assert [edit["do"] for edit in facts["edits"]] == ["remove", "scale"] and facts["edits_before"] == 0
    assert facts["edits"] == told("info", edited)[0]["edits"] and facts["flattened"] is None
    assert (facts["bytes_before"], facts["bytes"]) == (SCENE.stat().st_size, edited.stat().st_size)
    facts, _ = told("edit", edited, "-o", flat, "--flatten")
    assert facts["flattened"]["rows_gone"] == 6 and facts["flattened"]["objects_gone"] == 1
    assert [edit["do"] for edit in facts["flattened"]["edits_kept"]] == ["scale"]
    facts, _ = told("arrange", SCENE, "-o", tmp_path / "first.csg")
    assert facts["anchors"] == 18 and facts["bytes"] == (tmp_path / "first.csg").stat().st_size
    facts, err = told("decode", edited, "-o", tmp_path / "anchors.npz")
    assert facts["rows"] == 18 and facts["edits_left_out"] == 2 and "before any of them" in err


def test_merging(told, tmp_path: Path):
    made, other = tmp_path / "both.csg", GOLDEN / "v1_gaussians.csg"
    facts, _ = told("merge", SCENE, other, "-o", made)
    assert facts["files"] == [str(SCENE), str(other)] and facts["scenes"] == 2 and facts["objects"] >= 3
    assert facts["bytes"] == made.stat().st_size
    assert facts["bytes_before"] == SCENE.stat().st_size + other.stat().st_size
    facts, _ = told("split", made, "-o", tmp_path / "parts")
    assert facts["file"] == str(made) and [scene["bytes"] for scene in facts["scenes"]] == [
        file.stat().st_size for file in (SCENE, other)
    ]


def test_other_formats(told, tmp_path: Path):
    given, made = tmp_path / "some.ply", tmp_path / "made.csg"
    write(random_splats(60), given, z_up=True)
    facts, _ = told("info", given)
    assert facts["file"] == str(given) and facts["gaussians"] == 60
    facts, _ = told("import", given, "-o", made)
    assert (
        facts["gaussians"] == 60 and facts["left_out"] == 0 and facts["psnr"] > 30 and facts["objects"] == [1, 2, 3, 4]
    )
    assert (facts["bytes_before"], facts["bytes"]) == (given.stat().st_size, made.stat().st_size)
    facts, err = told("export", made, tmp_path / "out.splat", "--views", "4", "--width", "32")
    assert facts["gaussians"] == 60 and facts["degree"] == 0 and facts["photos"] is None and facts["psnr"] > 10
    notes = [line.removeprefix("csg: note: .splat ") for line in err.splitlines()]
    assert notes[0] == "does not say whose each Gaussian is" and notes[1].startswith("holds harmonics of degree 0, not")
    assert len(notes) == 2
    assert told("export", made, tmp_path / "out.ply", "--views", "4", "--width", "32", "--degree", "1")[1] == ""


def test_masks(told, tmp_path: Path):
    write_scene(tmp_path / "scene", views=2)
    facts, _ = told("masks", "--data", tmp_path / "scene", "--source", "given", "--output", tmp_path / "out")
    assert facts["label_maps"] == 2 and facts["masks_per_photo"] == [2, 2] and facts["names"]["2"] == "red"
    assert [Path(sheet).is_file() for sheet in facts["sheets"]] == [True]
    facts, _ = told("masks", "--data", tmp_path / "scene", "--source", "fallback", "--output", tmp_path / "made")
    assert facts["made"] == 2 and facts["weak"] is True and facts["bytes"] > 0


def test_a_demo_scene(told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from csgaussian_ns.tools.demo_scene import make

    monkeypatch.setattr(make, "make_scene", lambda options, step: make.Summary(options.views, 4, 90, 12345, 0.5))
    facts, _ = told("demo-scene", tmp_path / "demo", "--views", "3")
    assert facts["output"] == str(tmp_path / "demo") and facts["bytes"] == 12345 and facts["views"] == 3


def test_what_is_served(told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    (tmp_path / "a b.csg").write_bytes(b"123")
    facts, _ = told("serve", tmp_path, "--port", "0")
    assert facts["files"] == [{"address": f"{facts['address']}/a%20b.csg", "bytes": 3}]


def test_errors_are_lines_as_ever(csg, tmp_path: Path):
    code, out, err = csg("select", SCENE, "-o", tmp_path / "out", "--name", "cup", "--json")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert err.startswith("csg: error: there is no object called 'cup'; the scene has 1 Gerät 0, 2 Gerät 1, 3 Gerät 2")
