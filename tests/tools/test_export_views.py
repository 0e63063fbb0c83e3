"""What ``csg export`` looks at: cameras of a capture, orbits of edited scenes, photos that were held out."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.edits import Remove, Target
from csgaussian_ns.core.types import Camera
from csgaussian_ns.export.frame import to_capture
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.tools import cli, export_cameras
from csgaussian_ns.tools.export import Export
from csgaussian_ns.tools.export_cameras import chosen_cameras
from tests.import_blocker import command_without
from tests.tools.test_export import ROOT, WITH_OBJECTS, export

SIZE = (64, 48)


def write_capture(folder: Path, scene: LoadedScene, size: tuple[int, int] = SIZE, views: int = 9) -> Path:
    """Photos of the scene from an orbit, and their cameras; every eighth is held out."""
    way, frames, shared = to_capture(scene.meta.transform, scene.meta.scale), [], {}
    (folder / "images").mkdir(parents=True)
    for name, camera in scene.orbit(views, *size).items():
        Image.fromarray(scene.render(camera)).save(folder / "images" / f"{name}.png")
        pose = np.linalg.inv(np.asarray(camera.world_to_camera, np.float64))
        place, turn = way.at(pose[None, :3, 3])[0], way.matrix / way.factor @ pose[:3, :3] @ np.diag([1, -1, -1])
        matrix = [*np.concatenate([turn, place[:, None]], axis=1).tolist(), [0, 0, 0, 1]]
        frames.append({"file_path": f"images/{name}.png", "transform_matrix": matrix})
        shared = {"fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy, "w": size[0], "h": size[1]}
    (folder / "transforms.json").write_text(json.dumps({**shared, "frames": frames}))
    return folder


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    return write_capture(tmp_path / "capture", load(WITH_OBJECTS))


def hide_a_part(capture: Path) -> None:
    """Spoil a part of all photos, and say in masks that it does not count."""
    counts = np.ones((SIZE[1], SIZE[0]), np.bool_)
    counts[10:40, 10:50] = False
    Image.fromarray(counts).save(capture / "counts.png")
    path = capture / "transforms.json"
    facts = json.loads(path.read_text())
    for frame in facts["frames"]:
        photo = np.array(Image.open(capture / frame["file_path"]))
        photo[~counts] = (255, 0, 255)
        photo[:8] //= 2
        Image.fromarray(photo).save(capture / frame["file_path"])
        frame["mask_path"] = "counts.png"
    path.write_text(json.dumps(facts))


def test_figures_on_photos_are_those_of_evaluate(tmp_path: Path, capture: Path, capsys: pytest.CaptureFixture[str]):
    hide_a_part(capture)
    assert cli.main(["evaluate", str(WITH_OBJECTS), "--data", str(capture), "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["colour"]
    assert export(WITH_OBJECTS, tmp_path / "scene.ply", "--data", str(capture)) == 0
    said = capsys.readouterr().out
    assert f"on {len(expected['per_view'])} held-out photos, where the scene has {expected['psnr']:.2f} dB" in said
    plain = tmp_path / "scene.ply"
    assert cli.main(["evaluate", str(plain), "--data", str(capture), "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["colour"]
    assert export(plain, tmp_path / "scene.splat", "--views", "4", "--width", "32", "--data", str(capture)) == 0
    assert f"held-out photos, where the scene has {expected['psnr']:.2f} dB" in capsys.readouterr().out


def test_photos_are_measured_on_without_torch(tmp_path: Path, capture: Path):
    program = "from csgaussian_ns.tools import cli\nsys.exit(cli.main(sys.argv[1:]))"
    fast = ("--steps", "1", "--views", "4", "--width", "32", "--data", str(capture))
    call = ("export", str(WITH_OBJECTS), str(tmp_path / "scene.splat"), *fast)
    command = command_without(["torch", "scipy"], program, *call)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "held-out photos" in done.stdout


def without_held_out(capture: Path) -> None:
    path = capture / "transforms.json"
    facts = json.loads(path.read_text())
    names = [frame["file_path"] for frame in facts["frames"]]
    path.write_text(json.dumps(facts | {"train_filenames": names, "test_filenames": []}))


def damaged(capture: Path) -> None:
    (capture / "images" / "orbit_0000.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda capture: (capture / "transforms.json").unlink(), "there is no capture"),
        (without_held_out, "was held out of training"),
        (damaged, "cannot be read"),
    ],
)
def test_what_is_wrong_with_data_is_told_before_any_work(
    tmp_path: Path, capture: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, spoil, message
):
    spoil(capture)
    monkeypatch.setattr("csgaussian_ns.tools.exporting.plain", lambda *_: pytest.fail("it was fitted"))
    assert export(WITH_OBJECTS, tmp_path / "scene.ply", "--data", str(capture)) == 2
    *notes, error = capsys.readouterr().err.splitlines()
    assert error.startswith("csg: error: ") and message in error
    assert all(note.startswith("csg: note: ") for note in notes) and not (tmp_path / "scene.ply").exists()


def options(camera: str, **changes: int) -> Export:
    return replace(Export(str(WITH_OBJECTS), Path("scene.ply"), camera=camera, views=4), **changes)


def test_cameras_of_a_file_are_bounded_in_size(tmp_path: Path):
    scene = load(WITH_OBJECTS)
    folder = str(write_capture(tmp_path / "high", scene, (48, 64), views=3))

    def sizes(**changes: int) -> set[tuple[int, int]]:
        return {(camera.width, camera.height) for camera in chosen_cameras(scene, options(folder, **changes)).fitted}

    assert sizes() == {(48, 64)}, "they are not made larger"
    assert sizes(width=32) == {(24, 32)}
    assert sizes(width=32, height=12) == {(12, 16)} and sizes(height=12) == {(12, 16)}
    whole, half = (chosen_cameras(scene, options(folder, width=width)).measured[0] for width in (64, 32))
    assert half.fx == whole.fx / 2 and half.cy == whole.cy / 2
    assert {(c.width, c.height) for c in chosen_cameras(scene, options("orbit")).fitted} == {(480, 270)}


def test_as_many_views_as_memory_holds(
    tmp_path: Path, capture: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export_cameras, "MOST_PIXELS", 5 * SIZE[0] * SIZE[1])
    scene = load(WITH_OBJECTS)
    every = list(scene.cameras(capture).values())
    kept = chosen_cameras(scene, options(str(capture))).fitted
    assert [_place(camera) for camera in kept] == [_place(every[number]) for number in (0, 2, 4, 6, 8)]
    assert "csg: note: 5 of 9 views are fitted to, evenly spread" in capsys.readouterr().err
    assert len(chosen_cameras(scene, options("orbit", width=64, views=16)).fitted) == 6
    assert "6 of 16 views" in capsys.readouterr().err


def _place(camera: Camera) -> tuple[float, ...]:
    return tuple(np.asarray(camera.position).round(4).tolist())


def test_an_edited_scene_is_looked_at_where_it_is():
    """Removed rows do not pull the circles away from what is left, which the orbit that is measured on goes around."""
    scene = load(WITH_OBJECTS).edited(Remove(Target((2, 3))))
    cameras = chosen_cameras(scene, options("orbit", width=64))
    fitted, measured = (_middle(views) for views in (cameras.fitted, cameras.measured))
    assert np.allclose(fitted[:2], measured[:2], atol=1e-3)


def _middle(cameras: list[Camera]) -> np.ndarray:
    """The place that is nearest to the lines along which all cameras look."""
    matrix, side = np.zeros((3, 3)), np.zeros(3)
    for camera in cameras:
        along = np.asarray(camera.world_to_camera, np.float64)[2, :3]
        across = np.eye(3) - np.outer(along, along)
        matrix += across
        side += across @ np.asarray(camera.position, np.float64)
    return np.linalg.solve(matrix, side)
