"""Evaluation on published index files, and how a browser is shown scenes of photos."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.feedforward.choosing import Choice
from csgaussian_ns.feedforward.evaluation import compared, decoded, measure, read_index, shown
from csgaussian_ns.feedforward.found import VARIABLE, naming
from csgaussian_ns.feedforward.posed import scene_of_folder
from csgaussian_ns.format.container import read_container
from csgaussian_ns.tools import cli, view
from tests.feedforward.captures import SIDE, write_chunks, write_folder
from tests.feedforward.models import model, scene, weights

SCRIPT = Path(__file__).parents[2] / "scripts/evaluate_codecsplat.py"


def test_what_is_measured_is_the_file(tmp_path: Path):
    posed = scene_of_folder(write_folder(tmp_path / "scene", 4))
    seen = shown(posed, Choice((0, 1), (2, 3)), SIDE, SIDE)
    found = measure(seen, model(), 1)
    data = model().encode(seen.colours, seen.views, 1).data
    assert found.bytes == len(data) and len(found.likeness) == 2
    again = compared(decoded(data, model()), seen.targets)
    assert found.likeness == again or np.allclose([one[:2] for one in found.likeness], [one[:2] for one in again])
    assert found.mean.psnr == pytest.approx(np.mean([one.psnr for one in found.likeness]))
    assert sorted(found.mean.facts()) == ["psnr", "ssim"] and found.encode > 0 and found.decode > 0
    with pytest.raises(DataError, match="photo 4 is asked for; it has 0 to 3"):
        shown(posed, Choice((0, 1), (4,)), SIDE, SIDE)


def test_a_published_index_is_evaluated_and_goes_on(tmp_path: Path):
    chunks = write_chunks(tmp_path / "chunks", ("a", "b", "c"), 4)
    told = {"a": {"context": [0, 2], "target": [1, 3]}, "b": {"context": [0, 1, 2], "target": [3]}, "c": None}
    index, named, output = (tmp_path / name for name in ("index.json", "w.csgw", "rows.jsonl"))
    index.write_text(json.dumps(told | {"elsewhere": told["a"]}))
    named.write_bytes(weights())
    command = [sys.executable, "-P", str(SCRIPT), str(chunks), "--index", str(index), "--weights", str(named)]
    command += ["--size", f"{SIDE}x{SIDE}", "--output", str(output), "--level", "1"]
    first = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "1 of 3 scenes of the index are not in" in first and "2 scenes at level 1" in first
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["scene"] for row in rows] == ["a", "b"] and all(row["psnr"] > 5 for row in rows)
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1] in first
    assert len(output.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("[1]", "expected an object from keys"),
        ('{"a": {"context": [0, 1]}}', "scene 'a': expected an object"),
        ('{"a": {"context": [0], "target": [1]}}', "gives 1 photos; expected 2 to 12"),
        ('{"a": {"context": [0, -1], "target": [1]}}', "scene 'a'"),
        ("{", "is no JSON"),
    ],
)
def test_an_index_that_is_none_is_told(tmp_path: Path, told: str, message: str):
    (tmp_path / "index.json").write_text(told)
    with pytest.raises(DataError, match=message):
        read_index(tmp_path / "index.json")


def test_an_index_with_a_mark_of_its_encoding_is_read(tmp_path: Path):
    (tmp_path / "index.json").write_text('{"a": {"context": [0, 2], "target": [1]}}', "utf-8-sig")
    assert read_index(tmp_path / "index.json") == {"a": Choice((0, 2), (1,))}
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_index(tmp_path / "none.json")


@pytest.mark.skipif(not (view.PAGE / "index.html").is_file(), reason="the page is not built: run make web")
def test_a_browser_is_shown_the_gaussians_with_their_edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.delenv(VARIABLE, raising=False)
    file, named, edited = (tmp_path / name for name in ("photos.csg", "w.csgw", "edited.csg"))
    file.write_bytes(scene())
    named.write_bytes(weights())
    with naming(named):
        before = csgaussian_ns.load(file)
    middle = np.median(before.position, axis=0)
    box = ",".join(f"{number:g}" for number in (*(middle - 0.4), *(middle + 0.4)))
    assert cli.main(["edit", str(file), "-o", str(edited), f"--crop={box}"]) == 0
    for source in (file, edited):
        site = tmp_path / f"site_{source.stem}"
        assert cli.main(["view", str(source), "--weights", str(named), "--export", str(site)]) == 0
        assert "scene of photos" in capsys.readouterr().err
        (made,) = site.glob("scenes/1/*.csg")
        container = read_container(made.read_bytes())
        kinds = {entry.info.kind for entry in container.entries}
        assert "SPLT" in kinds and "LATN" not in kinds and ("EDIT" in kinds) == (source == edited)
        with naming(named):
            expected = csgaussian_ns.load(source)
        shown_there = csgaussian_ns.load(made)
        [camera] = expected.orbit(1).values()
        error = expected.render(camera).astype(float) - shown_there.render(camera)
        assert np.square(error).mean() < 4
    assert cli.main(["view", str(file), "--export", str(tmp_path / "none")]) == 2
    assert "--weights" in capsys.readouterr().err
