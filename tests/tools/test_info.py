"""``csg info``, ``csg verify`` and ``csg decode`` of files with semantics, whole and cut."""

import json
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.codec.container import read_container
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.codec.layout import Layer
from csgaussian_ns.tools.info import Decode, Info, Verify, describe
from tests.codec.scenes import random_scene, with_semantics


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
    Info(whole).run()
    shown = capsys.readouterr().out
    assert "3 objects, features of 6 channels, text by some encoder" in shown
    assert "Gerät 0" in shown and "Gerät 2" in shown and "cut" not in shown
    Info(whole, json=True).run()
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == len(data) == sum(entry["bytes"] for entry in facts["sections"].values())
    assert [thing["id"] for thing in facts["semantics"]["objects"]] == [1, 2, 3]
    first = facts["semantics"]["objects"][0]
    assert first["name"] == "Gerät 0" and first["embedding"] is True and len(first["feature"]) == 6
    assert all(a <= b <= c for a, b, c in zip(first["lowest"], first["centre"], first["highest"], strict=True))


def test_a_cut_file_says_so(cut: Path, whole: Path, capsys):
    Info(cut).run()
    Verify(cut).run()
    shown = capsys.readouterr().out
    assert "objects" not in shown
    assert " ".join(shown.split()).count("cut after the colours: semantics are missing") == 2
    with cut.open("rb") as stream:
        facts = describe(read_container(stream))
    assert facts["truncated"] and facts["semantics"] is None and "SEMA" not in facts["sections"]
    assert facts["sections"]["container"]["bytes"] < 1500
    Verify(whole).run()
    assert "whole, " in (line := capsys.readouterr().out) and " anchors and 3 objects decoded" in line


def test_decode_writes_features_and_labels(whole: Path, cut: Path, tmp_path: Path):
    for file, names in ((whole, {"semantic_feature", "label"}), (cut, set())):
        Decode(file, tmp_path / "anchors.npz").run()
        with np.load(tmp_path / "anchors.npz", allow_pickle=False) as arrays:  # noqa: TID251  # pickles are off
            assert names == set(arrays) & {"semantic_feature", "label"}
            assert all(len(arrays[name]) == len(arrays["grid"]) for name in arrays)


def test_names_do_not_become_markup(tmp_path: Path, capsys):
    import dataclasses

    scene = with_semantics(random_scene(60))
    semantics = dataclasses.replace(scene.semantics, names=("[red]", "[/]", "plain")[: len(scene.semantics.names)])
    file = tmp_path / "scene.csg"
    file.write_bytes(encode(dataclasses.replace(scene, semantics=semantics)).data)
    Info(file).run()
    assert "[red]" in capsys.readouterr().out
