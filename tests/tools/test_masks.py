"""``csg masks`` as a user calls it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.png import write_png
from csgaussian_ns.semantic.masks.label_maps import read_label_maps
from csgaussian_ns.semantic.masks.sheet import CELL_WIDTH, STRIP, overlay
from csgaussian_ns.tools import progress
from csgaussian_ns.tools.cli import main


def write_scene(folder: Path, views: int = 4, width: int = 60, height: int = 40) -> None:
    """Photos of a red and a blue half, with true masks."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    frames = []
    for number in range(views):
        image = np.zeros((height, width, 3), np.uint8)
        image[:, : 10 + number] = (210, 20, 20)
        image[:, 10 + number :] = (20, 20, 210)
        Image.fromarray(image).save(folder / "images" / f"{number}.png")
        write_png(folder / "labels" / f"{number}.png", (image[..., 0] > 100).astype(np.uint16) + np.uint16(1))
        frames.append({"file_path": f"images/{number}.png", "instance_mask_path": f"labels/{number}.png"})
    (folder / "transforms.json").write_text(json.dumps({"frames": frames}))
    (folder / "instances.json").write_text('{"0": "background", "1": "blue", "2": "red"}')


def test_fallback_and_what_it_leaves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    write_scene(tmp_path / "scene")
    out = tmp_path / "out"
    command = ["masks", "--data", str(tmp_path / "scene"), "--source", "fallback", "--output", str(out)]
    command += ["--fallback.sigma", "0"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert "4 label maps (4 made, 0 were there), 2.0 masks per photo (weak: regions of similar colour" in said.out
    assert f"--pipeline.datamanager.masks {out}" in said.out
    assert "4/4" in said.err and "ETA 0:00" in said.err
    for number in range(4):
        found = read_label_maps(out / f"{number}.npz")
        true = read_label_maps(tmp_path / "scene" / "labels" / f"{number}.png")
        assert len(set(zip(found.flatten().tolist(), true.flatten().tolist(), strict=True))) == 2
    report = json.loads((out / "masks.json").read_text())
    assert report["weak"] is True and report["settings"]["sigma"] == 0 and report["masks_per_photo"] == [2] * 4
    sheet = np.asarray(Image.open(out / "contact_sheet_01.png"))
    red, blue = sheet[STRIP + 60, 20], sheet[STRIP + 60, CELL_WIDTH - 20]
    assert red[0] > 180 > blue[0] and blue[2] > 180 > red[2]
    right = sheet[STRIP + 60, CELL_WIDTH + 20], sheet[STRIP + 60, 2 * CELL_WIDTH - 20]
    assert not np.array_equal(right[0], red) and not np.array_equal(*right)
    assert main(command) == 0
    assert "4 label maps (0 made, 4 were there)" in capsys.readouterr().out
    assert main([*command, "--fallback.scale", "10"]) == 0
    assert "4 made, 4 of them again because a photo or setting changed" in capsys.readouterr().out


def test_the_default_folder_is_beside_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    write_scene(tmp_path / "my scene")
    monkeypatch.chdir(tmp_path)
    for extra in ([], ["--fallback.sigma", "0.1"]):
        assert main(["masks", "--data", "my scene", "--source", "fallback", *extra]) == 0
    folders = sorted(path.name for path in (tmp_path / "outputs" / "my scene" / "masks").iterdir())
    assert len(folders) == 2 and all(name.startswith("fallback-") and len(name) == 21 for name in folders)
    assert "4 made" in capsys.readouterr().out


def test_a_plain_folder_of_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path, views=3)
    (tmp_path / "transforms.json").unlink()
    for data in (tmp_path, tmp_path / "images"):
        assert main(["masks", "--data", str(data), "--source", "fallback", "--output", str(tmp_path / "out")]) == 0
    assert "3 label maps (0 made, 3 were there)" in capsys.readouterr().out


def test_given_masks_are_checked_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path / "scene", views=20)
    given = ["masks", "--data", str(tmp_path / "scene"), "--source", "given", "--output", str(tmp_path / "out")]
    assert main(given) == 0
    assert "20 label maps, 0 photos without, 2.0 masks per photo, 2 names" in capsys.readouterr().out
    assert len(list((tmp_path / "out").glob("contact_sheet_*.png"))) == 2
    (tmp_path / "scene" / "labels" / "3.png").unlink()
    assert main([*given, "--labels", str(tmp_path / "scene" / "labels")]) == 0
    assert "19 label maps, 1 photos without" in capsys.readouterr().out
    assert main(given) == 2
    assert "3.png, which does not exist" in capsys.readouterr().err
    write_png(tmp_path / "scene" / "labels" / "3.png", np.zeros((40, 40), np.uint16))
    assert main(given) == 2
    assert "3.png is 40x40 but its photo" in capsys.readouterr().err


def test_sam_without_weights_prints_how_to_fetch_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path)
    assert main(["masks", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    for variant in ("vit_b_01ec64", "vit_l_0b3195", "vit_h_4b8939"):
        assert f"curl -LO https://dl.fbaipublicfiles.com/segment_anything/sam_{variant}.pth" in said
    assert main(["masks", "--data", str(tmp_path), "--checkpoint", str(tmp_path / "no.pth")]) == 2
    assert "no.pth" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "fallback", "--checkpoint", "x.pth"], "--checkpoint is for --source sam"),
        (["--source", "fallback", "--labels", "x"], "--labels is for --source given"),
        (["--checkpoint", __file__, "--device", "cuda"], "--device cuda: torch finds no CUDA GPU"),
        (["--source", "given", "--labels", "nowhere"], "nowhere does not exist"),
        (["--source", "fallback", "--fallback.min-area", "2"], "min-area must be 0 to 1, got 2"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    write_scene(tmp_path)
    assert main(["masks", "--data", str(tmp_path), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_scene_without_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for content, message in (
        ("[]", "holds a list, not an object"),
        ('{"frames": []}', "no list 'frames', or an empty one"),
    ):
        (tmp_path / "transforms.json").write_text(content)
        assert main(["masks", "--data", str(tmp_path), "--source", "fallback"]) == 2
        assert message in capsys.readouterr().err
    (tmp_path / "transforms.json").unlink()
    assert main(["masks", "--data", str(tmp_path), "--source", "fallback"]) == 2
    assert "holds neither transforms.json nor photos" in capsys.readouterr().err


def test_sam_from_the_command_line(tmp_path: Path, narrow_sam: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path / "scene", views=1)
    command = ["masks", "--data", str(tmp_path / "scene"), "--checkpoint", str(narrow_sam)]
    command += ["--sam.points-per-side", "2", "--sam.pred-iou", "0", "--sam.stability", "0", "--sam.crop-layers", "0"]
    command += ["--device", "cpu", "--output", str(tmp_path / "out")]
    assert main(command) == 0
    assert "1 label maps (1 made, 0 were there)" in capsys.readouterr().out
    assert read_label_maps(tmp_path / "out" / "0.npz").shape[1:] == (40, 60)
    assert main([*command, "--sam-variant", "vit_h"]) == 0, "nothing to do, so no weights are loaded"
    Image.new("RGB", (60, 40)).save(tmp_path / "scene" / "images" / "0.png")
    assert main([*command, "--sam-variant", "vit_h"]) == 2
    assert "holds the variant vit_b, not vit_h" in capsys.readouterr().err


def test_an_overlay_shows_every_mask_and_every_hole():
    image = np.full((20, 30, 3), 200, np.uint8)
    layers = np.zeros((2, 20, 30), np.uint16)
    layers[0, :10], layers[1, 2:6, 2:6] = 1, 2
    drawn = overlay(image, layers)
    assert drawn[15, 15].tolist() == [60, 60, 60]
    assert len({tuple(drawn[y, x].tolist()) for y, x in ((1, 20), (4, 4), (15, 15))}) == 3
