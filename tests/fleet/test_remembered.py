"""Answers of nerfstudio are kept in a file until something is installed."""

from pathlib import Path
from typing import Any

from csgaussian_ns.fleet import remembered
from csgaussian_ns.fleet.remembered import Remembered, place


def test_answers_are_kept_and_refusals_are_not(tmp_path: Path):
    asked = []

    def ask(question: Any) -> dict[str, Any]:
        asked.append(question["arguments"])
        return {"error": "no" if "bad" in question["arguments"] else None}

    file = tmp_path / "kept" / "answers.jsonl"
    for _ in range(2):
        kept = Remembered(ask, file)
        assert kept({"arguments": ["good"]}) == {"error": None} and kept({"arguments": ["bad"]}) == {"error": "no"}
    assert asked == [["good"], ["bad"], ["bad"]]
    file.write_bytes(b"{\n[1]\n\xff\n" + file.read_bytes())
    assert Remembered(ask, file)({"arguments": ["good"]}) == {"error": None} and len(asked) == 3


def test_without_a_place_everything_is_asked(tmp_path: Path):
    (tmp_path / "file").write_text("")
    kept = Remembered(lambda question: {"error": None}, tmp_path / "file" / "answers.jsonl")
    assert kept({}) == {"error": None} == kept({})


def test_too_many_answers_are_forgotten(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(remembered, "MOST", 10)
    file = tmp_path / "answers.jsonl"
    Remembered(lambda question: {"error": None}, file)({"arguments": ["something"]})
    assert file.exists()
    Remembered(lambda question: {"error": None}, file)
    assert not file.exists()


def test_the_place_follows_what_is_installed(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = place()
    assert place() == first and first.parent == tmp_path / "csgaussian"
    monkeypatch.setenv(remembered.VARIABLE, "mine=my.methods:config")
    second = place()
    monkeypatch.setattr(remembered, "version", lambda name: "9.9")
    assert len({first, second, place()}) == 3
