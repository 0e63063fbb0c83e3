"""``csg compress``: photos to a file and back, and what it says of photos that make none."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import csgaussian_ns
from csgaussian_ns.feedforward.found import CURRENT, SHIPPED, VARIABLE, naming
from csgaussian_ns.tools import cli
from tests.feedforward.captures import write_folder
from tests.feedforward.models import model, weights


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compress")
    write_folder(folder / "scene", 4, 64, 48)
    (folder / "w.csgw").write_bytes(weights())
    return folder


def call(place: Path, *more: str, views: tuple[str, ...] = ("0", "1"), scene: str = "scene") -> int:
    photos = [str(place / scene / "images" / f"{name}.png") for name in views]
    output = () if "-o" in more else ("-o", str(place / "out.csg"))
    named = () if "--weights" in more else ("--weights", str(place / "w.csgw"))
    return cli.main(["compress", "--views", *photos, "--camera", str(place / scene), *named, *output, *more])


def test_photos_become_a_scene(place: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert call(place, "--level", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["level"], told["width"], told["height"], told["views"]) == (1, 64, 48, 2)
    assert told["bytes"] == (place / "out.csg").stat().st_size and told["weights"] == model().digest
    with naming(place / "w.csgw"):
        scene = csgaussian_ns.load(place / "out.csg")
    shown = scene.render(scene.views()["view_0000"], None)
    assert shown.shape[2] == 3 and len(scene) == 2 * 32 * 24
    file, named = str(place / "out.csg"), ["--weights", str(place / "w.csgw")]
    for command in (["info"], ["verify"], ["render", "-o", str(place / "p"), "--views", "1"]):
        assert cli.main([command[0], file, *command[1:], *named]) == 0
    assert cli.main(["verify", file]) == 2  # the option's file is forgotten when a command ends
    assert "--weights" in capsys.readouterr().err


def test_weights_that_come_with_the_package_need_not_be_named(place: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    digest = CURRENT.read_text("ascii").strip()
    assert sha256((SHIPPED / f"{digest}.csgw").read_bytes()).hexdigest() == digest
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 12e6
    photos = [str(place / f"scene/images/{number}.png") for number in (0, 1)]
    out = place / "shipped.csg"
    assert cli.main(["compress", "--views", *photos, "--camera", str(place / "scene"), "-o", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["weights"] == digest and told["psnr"] > 12
    monkeypatch.setenv(VARIABLE, str(place / "w.csgw"))  # other files need other weights
    assert len(csgaussian_ns.load(out)) == 2 * 32 * 24


def test_a_size_chooses_the_level(place: Path, capsys):
    sizes = []
    for level in range(3):
        assert call(place, "--level", str(level), "--json") == 0
        sizes.append(json.loads(capsys.readouterr().out)["bytes"])
    assert call(place, "--target-size", str(sizes[1]), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bytes"] == max(size for size in sizes if size <= sizes[1])
    assert call(place, "--target-size", "100") == 2
    assert f"the lowest makes {sizes[0]:,}" in capsys.readouterr().err


def test_refined_photos_come_out_better_and_the_command_says_so(place: Path, capsys):
    assert call(place, "--level", "2", "--refine", "4", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["refine"] == 4 and told["psnr"] > told["psnr_before"]
    assert call(place, "--level", "2", "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    assert (plain["psnr"], plain["bytes"]) == (told["psnr_before"], told["bytes_before"])
    assert call(place, "--level", "2", "--refine", "4", "--target-size", "9kB") == 2
    assert call(place, "--refine", "-1") == 2
    assert "-1 steps of refining; expected at least 1" in capsys.readouterr().err
    assert call(place, "--target-size", str(told["bytes"]), "--refine", "4") == 0
    said = capsys.readouterr().out
    assert ", refined from " in said and (place / "out.csg").stat().st_size <= told["bytes"]


def test_without_torch_refining_is_refused_in_one_line(place: Path):
    photos = [str(place / f"scene/images/{number}.png") for number in (0, 1)]
    words = ["compress", "--views", *photos, "--camera", str(place / "scene"), "-o", str(place / "no.csg")]
    words += ["--weights", str(place / "w.csgw"), "--refine", "4"]
    then = f"import csgaussian_ns.tools.cli as cli; raise SystemExit(cli.main({words!r}))"
    blocked = "import sys; sys.modules['torch'] = None; "
    found = subprocess.run([sys.executable, "-P", "-c", blocked + then], capture_output=True, text=True)
    assert found.returncode == 2 and found.stderr.count("\n") == 1
    assert "this command needs torch, which is not installed; pip install 'csgaussian-ns[evaluate]'" in found.stderr


def test_what_cannot_be_compressed_is_told_in_one_line(place: Path, capsys):
    def refused(*more: str, **options) -> str:
        assert call(place, *more, **options) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        return told

    assert "1 view; expected 2 to 12" in refused(views=("0",))
    assert "13 views; expected 2 to 12" in refused(views=("0",) * 13)
    assert "name each photo once" in refused(views=("0", "0"))
    assert "has no frame of this name" in refused(views=("0", "9"))
    assert "near 3.0 and far 2.0; expected two numbers, 0 < near < far" in refused("--near", "3", "--far", "2")
    assert "expected one of them" in refused("--level", "1", "--target-size", "9kB")
    assert "the model has levels 0..2" in refused("--level", "7")
    assert "expected a name that ends in .csg" in refused("-o", str(place / "out.ply"))
    assert "this is no such file" in refused("--weights", str(place / "scene/transforms.json"))
    assert "is a folder" in refused("--weights", str(place))


def test_captures_that_cannot_be_used(place: Path, capsys, tmp_path: Path):
    def changed(name: str, **facts: object) -> dict:
        folder = write_folder(tmp_path / name, 2, 64, 48, **facts)
        return json.loads((folder / "transforms.json").read_text())

    (place / "w.csgw").replace(tmp_path / "w.csgw")
    try:
        changed("blind", fl_x=None)
        assert call(tmp_path, scene="blind") == 2
        assert "the intrinsics fl_x are given neither" in capsys.readouterr().err
        apart = changed("apart")
        apart["frames"][1]["transform_matrix"][0][3] = 900.0
        (tmp_path / "apart/transforms.json").write_text(json.dumps(apart))
        assert call(tmp_path, scene="apart") == 2
        assert "at most 0% of it is seen in another one" in capsys.readouterr().err
        tall = changed("tall")
        tall["frames"][1] |= {"w": 48, "h": 64}
        (tmp_path / "tall/transforms.json").write_text(json.dumps(tall))
        Image.fromarray(np.zeros((64, 48, 3), np.uint8)).save(tmp_path / "tall/images/1.png")
        assert call(tmp_path, scene="tall") == 2
        assert "is 48 x 64" in capsys.readouterr().err
        Image.fromarray(np.zeros((50, 20, 3), np.uint8)).save(tmp_path / "apart/images/0.png")
        assert call(tmp_path, scene="apart") == 2
        assert "is 20x50 but its camera says 64x48" in capsys.readouterr().err
    finally:
        (tmp_path / "w.csgw").replace(place / "w.csgw")
