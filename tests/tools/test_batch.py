"""``csg batch`` as people type it."""

import fcntl
import json
from dataclasses import replace
from pathlib import Path

import pytest

from csgaussian_ns.fleet.attempt import LOCK, STATE, failed, now
from csgaussian_ns.fleet.journal import Journal
from csgaussian_ns.fleet.options import Options
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.status import save_batch
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


@pytest.fixture
def begun(manifest: Path, tmp_path: Path) -> Plan:
    """A batch of three tasks, as its driver leaves it: one failed, one done, one not begun."""
    manifest.write_text("".join(f'{{"data": "data", "name": "{name}"}}\n' for name in ("a", "deep", "c")))
    manifest.write_text(manifest.read_text().replace('"deep"', '"deep", "output": "x/y/deep"'))
    plan = Plan(str(manifest), str(tmp_path / "out"), ("train",), Options(None))
    save_batch(plan, {"manifest": str(manifest), "tasks": 3})
    first, second, _ = plan.tasks()
    journal = Journal(plan.folder, (0, 1))
    journal.add(failed(first, now(), "Timeout", "stopped after 9 s"))
    done = replace(
        failed(second, now(), "", ""), status="done", error=None, bytes=1000, psnr=30.0, seconds={"train": 65.0}
    )
    journal.add(done)
    return plan


def test_status(csg, begun: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "160")  # no cell is folded
    code, _, err = csg("batch", "status", tmp_path)
    assert code == 2 and "there is no batch.json; expected the --output of a csg batch" in err
    code, out, _ = csg("batch", "status", begun.folder)
    assert code == 0 and "failed, Timeout: stopped after 9 s" in out and "1:05" in out
    assert out.endswith("1 of 3 done, 1 failed, 0 running, 1 left; 0.001 MB, mean PSNR 30.00 dB\n")
    facts = json.loads(csg("batch", "status", begun.folder, "--json")[1])
    assert facts["failed"]["a"] == {"type": "Timeout", "message": "stopped after 9 s"} and facts["notes"] == []
    assert (facts["done"], facts["left"], facts["tasks"], facts["running"], facts["stopped"]) == (1, 1, 3, {}, [])


def test_status_of_nested_outputs_that_run_or_were_stopped(csg, begun: Plan):
    (Path(begun.folder) / "results.jsonl").unlink()
    _, deep, other = begun.tasks()
    for task in (deep, other):
        Path(task.output).mkdir(parents=True)
        state = {
            "key": task.key,
            "name": task.name,
            "stage": "train",
            "since": now(),
            "seconds": {},
            "spent": {},
            "tries": 1,
        }
        Path(task.output, STATE).write_text(json.dumps(state))
    with open(Path(deep.output, LOCK), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        facts = json.loads(csg("batch", "status", begun.folder, "--json")[1])
        assert facts["running"]["deep"]["stage"] == "train" and facts["stopped"] == ["c"] and facts["left"] == 2
        assert "deep" in csg("batch", "status", begun.folder)[1]
    assert json.loads(csg("batch", "status", begun.folder, "--json")[1])["stopped"] == ["c", "deep"]


def test_status_after_a_change_of_the_manifest(csg, begun: Plan, manifest: Path):
    manifest.write_text(manifest.read_text().replace('"deep", ', '"deep", "max-num-iterations": 7, '))
    code, out, _ = csg("batch", "status", begun.folder)
    assert code == 0 and "1 of 3 done" in out
    assert f"note: {manifest} has changed since the batch was started; this is about the rows that it had" in out
    save_batch(begun, {"manifest": str(manifest), "tasks": 3})
    facts = json.loads(csg("batch", "status", begun.folder, "--json")[1])
    assert (facts["done"], facts["left"], facts["notes"]) == (0, 2, []), "the result is of a row that is no more"
    manifest.write_text('{"data": "data", "name": "new"}\n')
    save_batch(begun, {"manifest": str(manifest), "tasks": 1})
    facts = json.loads(csg("batch", "status", begun.folder, "--json")[1])
    assert (facts["done"], facts["tasks"], facts["left"], facts["failed"]) == (0, 1, 1, {})
    assert facts["notes"] == ["2 results of rows that are no longer in the manifest are left out"]


def test_status_of_a_damaged_folder(csg, begun: Plan):
    out = Path(begun.folder)
    first, second = (out / "results.jsonl").read_text().splitlines(keepends=True)
    (out / "results.jsonl").write_text(f"{first}{{broken\n[1]\n{second}")
    (out / "batch.json").write_text("{")
    (out / "c").mkdir()
    (out / "c" / STATE).write_text("{")
    code, said, err = csg("batch", "status", out, "--json")
    facts = json.loads(said)
    assert (code, err) == (0, "") and (facts["done"], set(facts["failed"]), facts["tasks"]) == (1, {"a"}, 3)
    damage = " | ".join(facts["notes"])
    assert "2 lines of results.jsonl cannot be read and are left out: line 2 is no JSON" in damage
    assert "batch.json is damaged" in damage and f"c/{STATE} is damaged; the task begins anew" in damage
    (out / "tasks.jsonl").write_bytes(b"\x00\n[]\n")
    facts = json.loads(csg("batch", "status", out, "--json")[1])
    assert (facts["tasks"], facts["done"]) == (3, 1) and "tasks.jsonl, line 2 is damaged" in " ".join(facts["notes"])
    (out / "results.jsonl").unlink()
    assert csg("batch", "status", out)[0] == 0


def test_times():
    assert [seconds_of(text) for text in ("90", "90s", "1.5m", "4h", "1d")] == [90, 90, 90, 14400, 86400]
