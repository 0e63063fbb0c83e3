"""``csg report`` on what a real training, its export and ``csg evaluate`` leave."""

import json
import shutil
from pathlib import Path

import pytest

from tests.ns.commands import Forked, TypedRun
from tests.report.batches import put_files, result, write_results
from tests.tools.conftest import csg  # noqa: F401  # a fixture


@pytest.mark.slow
def test_a_trained_scene_on_a_page(
    run: Forked, typed_run: TypedRun, scene_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    call, made = request.getfixturevalue("csg"), tmp_path / "made"
    options = ("--load-config", typed_run.config, "--output-dir", str(made))
    done = run("ns-export", "csg-bitstream", *options, cwd=typed_run.folder)
    assert done.returncode == 0, done.stderr
    exported = json.loads((made / "scene.json").read_text())
    code, told, err = call("evaluate", made / "scene.csg", "--data", scene_folder, "--json")
    assert code == 0, err
    report, batch = json.loads(told), tmp_path / "batch"
    put_files(batch / "room", made, report)
    known = {"bytes": report["bytes"], "sections": exported["bytes_by_section"], "psnr": report["colour"]["psnr"]}
    write_results(batch, result("room", scene_folder, gaussians=exported["offsets"], **known))
    code, told, err = call("report", batch, "--json")
    facts = json.loads(told)
    assert code == 0 and facts["notes"] == [], err
    assert facts["pictures"] == 3 * 2 + 2, "two views were held out, and the file knows objects"
    [table] = facts["tables"]
    assert Path(table).read_text().splitlines()[1].endswith(f",{report['bytes']},{exported['offsets']}")
    shutil.rmtree(batch / "room")
    assert json.loads(call("report", batch, "--json")[1])["pictures"] == 0
