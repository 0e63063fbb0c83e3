"""``csg info``, ``csg verify`` and ``csg decode`` of files with semantics, whole and cut."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.export.write import write
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.kinds import Layer
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.tools.contents import describe
from csgaussian_ns.tools.info import Decode, Info, Verify
from tests.codec.scenes import random_scene, with_semantics
from tests.export.scenes import random_gaussians
from tests.format.surgery import rewritten

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(with_semantics(random_scene(300))).data


@pytest.fixture
def whole(data: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "scene.csg"
    file.write_bytes(data)
    return file


@pytest.fixture
def cut(data: bytes, tmp_path: Path) -> Path:
    file = tmp_path / "cut.csg"
    first = next(entry for entry in read_container(data).entries if entry.info.layer == Layer.SEMANTIC)
    file.write_bytes(data[: first.offset + 5])
    return file


def test_info_lists_the_objects(whole: Path, data: bytes, capsys):
    Info(str(whole)).run()
    shown = capsys.readouterr().out
    assert "3 objects, features of 6 channels, text vectors of 3 of them, 16 numbers by some encoder" in shown
    assert "Gerät 0" in shown and "Gerät 2" in shown and "cut" not in shown
    Info(str(whole), json=True).run()
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == len(data) == sum(entry["bytes"] for entry in facts["sections"].values())
    assert [thing["id"] for thing in facts["semantics"]["objects"]] == [1, 2, 3]
    first = facts["semantics"]["objects"][0]
    assert first["name"] == "Gerät 0" and first["embedding"] is True and len(first["feature"]) == 6
    assert all(a <= b <= c for a, b, c in zip(first["lowest"], first["centre"], first["highest"], strict=True))


def test_info_lists_what_objects_are_parts_of(tmp_path: Path, csg, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    golden, both, edited = GOLDEN / "v1_tree.csg", tmp_path / "both.csg", tmp_path / "edited.csg"
    shown, told = csg("info", golden)[1], json.loads(csg("info", golden, "--json")[1])["semantics"]
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert ["4", "1 Gerät 0, 3 Gerät 2"] in rows and ["5", "1 Gerät 0, 2 Gerät 1, 3 Gerät 2"] in rows
    smaller, larger = {"id": 4, "parts": [1, 3], "objects": [1, 3]}, {"id": 5, "parts": [2, 4], "objects": [1, 2, 3]}
    assert told["wholes"] == [smaller, larger]
    assert csg("edit", golden, "-o", edited, "--remove", "3")[0] == 0
    assert json.loads(csg("info", edited, "--json")[1])["semantics"]["wholes"][0] == smaller | {"objects": [1]}
    assert csg("merge", golden, GOLDEN / "v1_semantics.csg", golden, "-o", both, "--frame", "normalised")[0] == 0
    of_group = json.loads(csg("info", both, "--json")[1])["semantics"]["wholes"]
    assert [whole["objects"] for whole in of_group] == [[1, 3], [1, 2, 3], [7, 9], [7, 8, 9]]
    assert "wholes" not in json.loads(csg("info", GOLDEN / "v1_semantics.csg", "--json")[1])["semantics"]


def test_info_lists_the_scenes_of_a_group(whole: Path, tmp_path: Path, csg, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # a narrow one folds cells
    made, edited, group = (tmp_path / name for name in ("made.csg", "edited.csg", "group.csg"))
    write(Splats(random_gaussians(20), np.arange(20) % 3), tmp_path / "some.ply", z_up=True)
    assert csg("import", tmp_path / "some.ply", "-o", made, "--name", "balls")[0] == 0
    assert csg("edit", made, "-o", edited, "--remove", "1")[0] == 0
    motions = ("--scale", "2", "0.5", "--rotate", "2", "z,90", "--move", "2", "1,2,3")
    assert csg("merge", whole, edited, "-o", group, "--frame", "normalised", *motions)[0] == 0
    shown, facts = csg("info", group)[1], json.loads(csg("info", group, "--json")[1])
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert ["1", "random", "256 anchors", f"{whole.stat().st_size:,}", "3", "as it is"] in rows
    [second] = [row for row in rows if row[1] == "balls"]
    assert second[2:5] == ["20 gaussians", f"{edited.stat().st_size:,}", "2"]
    assert second[5] == "scaled by 0.5, turned by 90 degrees around 0.00 0.00 1.00, moved by 1.00 2.00 3.00"
    assert ["2", "1", "remove 1"] in rows and "placements" not in shown
    assert "4 objects, text vectors of 3 of them, 16 numbers by some encoder" in shown
    first, second = facts["parts"]
    assert (first["representation"], first["rows"], first["edits"]) == ("anchors", 256, [])
    assert (second["name"], second["objects"], second["bytes"]) == ("balls", 2, edited.stat().st_size)
    assert second["edits"] == [{"do": "remove", "target": {"ids": [1], "percent": 0.0}}]
    assert second["placement"]["factor"] == 0.5 and second["placement"]["shift"] == [1, 2, 3]
    assert facts["semantics"]["text_channels"] == 16 and "parts" not in json.loads(csg("info", made, "--json")[1])


def test_a_cut_file_says_so(cut: Path, whole: Path, capsys):
    told = "cut after the colours: semantics are missing"
    Info(str(cut)).run()
    shown = capsys.readouterr().out
    assert "objects" not in shown and told in " ".join(shown.split())
    with pytest.raises(FormatError, match=told):
        Verify(str(cut)).run()
    with cut.open("rb") as stream:
        facts = describe(read_container(stream))
    assert facts["truncated"] and facts["semantics"] is None and "SEMA" not in facts["sections"]
    assert facts["sections"]["container"]["bytes"] < 1500
    Verify(str(whole)).run()
    assert "whole, " in (line := capsys.readouterr().out) and " anchors and 3 objects decoded" in line


def test_decode_writes_features_and_labels(whole: Path, cut: Path, tmp_path: Path):
    for file, names in ((whole, {"semantic_feature", "label"}), (cut, set())):
        Decode(str(file), tmp_path / "anchors.npz").run()
        with np.load(tmp_path / "anchors.npz", allow_pickle=False) as arrays:  # noqa: TID251  # pickles are off
            assert names == set(arrays) & {"semantic_feature", "label"}
            assert all(len(arrays[name]) == len(arrays["grid"]) for name in arrays)


def test_names_do_not_become_markup(tmp_path: Path, capsys):
    scene = with_semantics(random_scene(60))
    semantics = dataclasses.replace(scene.semantics, names=("[red]", "[/]", "plain")[: len(scene.semantics.names)])
    file = tmp_path / "scene.csg"
    file.write_bytes(encode(dataclasses.replace(scene, semantics=semantics)).data)
    Info(str(file)).run()
    assert "[red]" in capsys.readouterr().out


def write_with_meta(folder: Path, **fields: object) -> Path:
    """A file by somebody who writes what our writer refuses."""
    scene, file = with_semantics(random_scene(60)), folder / "scene.csg"
    facts = json.dumps(dataclasses.replace(scene.meta, **fields).to_json())
    file.write_bytes(rewritten(encode(scene).data, "META", facts.encode()))
    return file


def test_facts_do_not_become_markup(tmp_path: Path, capsys):
    folder = tmp_path / "[bold]"
    folder.mkdir()
    Info(str(write_with_meta(folder, tool="[/bold]", extra={"[/]": "[/red]\x1b"}))).run()
    shown = capsys.readouterr().out
    assert "[/bold]" in shown and "{'[/]': '[/red]\\x1b'}" in shown
    assert "".join(shown.split()).startswith("".join(str(folder).split()))


@pytest.mark.parametrize("field", ["tool", "name"])
@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\x9b", "\ud800"])
def test_facts_that_could_steer_a_terminal_are_refused(tmp_path: Path, field: str, text: str):
    file = write_with_meta(tmp_path, **{field: text})
    with pytest.raises(FormatError, match=f"META: '{field}' holds control characters"):
        Info(str(file)).run()


def nested(depth: int) -> dict:
    inner: dict | list = {}
    for level in range(depth - 1):
        inner = [inner] if level % 2 else {"in": inner}
    return {"in": inner}


def test_facts_nested_without_end_are_refused(tmp_path: Path, capsys):
    Info(str(write_with_meta(tmp_path, extra=nested(31)))).run()
    assert "'in': " in capsys.readouterr().out
    for depth in (32, 200):
        with pytest.raises(FormatError, match="META: 'extra' is nested more than 32 deep"):
            Info(str(write_with_meta(tmp_path, extra=nested(depth))), json=True).run()


def test_people_get_few_digits_and_rows_of_one_line(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "100")
    transform = tuple(1 / (3 + i) for i in range(12))
    file = write_with_meta(tmp_path, transform=transform, extra={"orbit": {"radius": 2 / 3}})
    Info(str(file)).run()
    shown = capsys.readouterr().out
    assert "[0.3333, 0.25, 0.2, 0.1667," in shown and "{'orbit': {'radius': 0.6667}}" in shown
    rows = [line for line in shown.splitlines() if "Gerät" in line]
    assert len(rows) == 3
    for row in rows:
        cells = [cell.strip() for cell in row.strip("│").split("│")]
        assert len(row) <= 100 and [len(cell.split()) for cell in cells[3:5]] == [3, 3]
    Info(str(file), json=True).run()
    assert json.loads(capsys.readouterr().out)["meta"]["transform"] == list(transform)


def test_decode_makes_the_folder_and_leaves_nothing_half(whole: Path, tmp_path: Path):
    Decode(str(whole), tmp_path / "new" / "deep" / "anchors.npz").run()
    assert [path.name for path in (tmp_path / "new" / "deep").iterdir()] == ["anchors.npz"]
    (tmp_path / "folder" / "anchors.npz").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"cannot write .*anchors\.npz: Is a directory; make room or choose"):
        Decode(str(whole), tmp_path / "folder" / "anchors.npz").run()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["anchors.npz"]
    with pytest.raises(ConfigError, match=r"expected a name that ends in \.npz"):
        Decode(str(whole), tmp_path / "anchors.txt").run()
    with pytest.raises(ConfigError, match=r"scene\.csg: File exists; choose another output"):
        Decode(str(whole), whole / "anchors.npz").run()


def test_info_unpacks_no_embedding(whole: Path, monkeypatch):
    """A number in a tuple takes 32 bytes, in the file one: info has no use for 65,535 x 4096 of them."""
    from csgaussian_ns.format import objects

    def unpack(*_: object) -> None:
        raise AssertionError("an embedding was unpacked")

    monkeypatch.setattr(objects, "_unit", unpack)
    with whole.open("rb") as stream:
        facts = describe(read_container(stream))
    assert [thing["embedding"] for thing in facts["semantics"]["objects"]] == [True] * 3
