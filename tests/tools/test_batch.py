"""``csg batch`` as people type it."""

import json
from pathlib import Path

import pytest

from csgaussian_ns.fleet.attempt import failed, now
from csgaussian_ns.fleet.journal import Journal
from csgaussian_ns.fleet.status import save_batch
from csgaussian_ns.fleet.task import Task
from csgaussian_ns.tools.batch import seconds_of


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    path = tmp_path / "scenes.jsonl"
    path.write_text('{"data": "data", "target-size": ["1MB", "2MB"]}\n')
    return path


def test_a_dry_run_starts_nothing(csg, manifest: Path, tmp_path: Path):
    out = tmp_path / "out"
    code, said, err = csg("batch", manifest, "-o", out, "--dry-run", "--no-check", "--json")
    assert (code, err) == (0, "") and not out.exists()
    assert json.loads(said)["tasks"] == 2 and json.loads(said)["run"] == ["train", "export", "evaluate"]
    code, said, _ = csg("batch", manifest, "-o", out, "--dry-run", "--no-check", "--run", "train,export")
    assert said == f"{manifest}: 2 tasks of train,export would run on local; nothing was started\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "-o: expected a folder or an address"),
        (("-o", "out", "--run", "bake"), "--run bake: expected some of train,export,evaluate"),
        (("-o", "out", "--shard", "3/3"), "--shard 3/3: expected i/n"),
        (("-o", "out", "--timeout", "soon"), "--timeout soon: expected a time such as 90s"),
        (("-o", "out", "--jobs", "0"), "--jobs 0: expected 1 or more"),
        (("-o", "out", "--retries", "-1"), "--retries -1: expected 0 or more"),
        (("-o", "out", "--set", "a=1"), "--set: this machine has no settings"),
        (("-o", "out", "--on", "ray", "--set", "a"), "--set a: expected name=value"),
        (("-o", "nothing://bucket/x"), "nothing://bucket/x: "),
        (("-o", "out", "--on", "k8s-job"), "expected an address that all workers reach"),
    ],
)
def test_what_is_refused(csg, manifest: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str):
    monkeypatch.chdir(manifest.parent)
    code, out, err = csg("batch", "scenes.jsonl", "--no-check", *words)
    assert (code, out) == (2, "") and told in err and err.count("\n") == 1
    assert not Path("out").exists()


def test_words_that_are_neither_manifest_nor_status(csg):
    for words in (("batch", "status"), ("batch", "a.jsonl", "b.jsonl")):
        code, _, err = csg(*words)
        assert code == 2 and "expected one manifest" in err


def test_status(csg, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "160")  # no cell is folded
    code, _, err = csg("batch", "status", tmp_path)
    assert code == 2 and "there is no batch.json; expected the --output of a csg batch" in err
    task = Task("a", "row 1", ("train",), "data", "csgaussian-lite", {}, {}, str(tmp_path / "a"))
    save_batch(str(tmp_path), {"manifest": "m", "tasks": 3})
    Journal(str(tmp_path), (0, 1)).add(failed(task, now(), "Timeout", "stopped after 9 s"))
    code, out, _ = csg("batch", "status", tmp_path)
    assert (
        code == 0 and "failed, Timeout: stopped after 9 s" in out and "0 of 3 done, 1 failed, 0 running, 2 left" in out
    )
    code, out, _ = csg("batch", "status", tmp_path, "--json")
    facts = json.loads(out)
    assert facts["failed"]["a"] == {"type": "Timeout", "message": "stopped after 9 s"} and facts["done"] == 0


def test_times():
    assert [seconds_of(text) for text in ("90", "90s", "1.5m", "4h", "1d")] == [90, 90, 90, 14400, 86400]
