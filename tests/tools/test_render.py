"""``csg render`` as images and as a film, and commands whose output nobody reads to the end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import csgaussian_ns
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.tools import cli
from csgaussian_ns.tools.outputs import remove_earlier
from csgaussian_ns.tools.render import Render
from tests.capture.captures import pose, write
from tests.capture.test_camera_path import written
from tests.capture.test_folder import blender, colmap
from tests.codec.scenes import random_scene
from tests.full_disk import full_disk


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.csg"
    path.write_bytes(encode(random_scene(300)).data)
    return path


def test_images_and_film_show_the_same(file: Path, tmp_path: Path):
    av = pytest.importorskip("av")
    size = ["--views", "3", "--width", "97", "--height", "65"]
    assert cli.main(["render", str(file), "-o", str(tmp_path / "images"), *size]) == 0
    assert cli.main(["render", str(file), "-o", str(tmp_path / "films" / "orbit.mp4"), *size, "--fps", "12"]) == 0
    images = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "images").iterdir())]
    with av.open(str(tmp_path / "films" / "orbit.mp4")) as film:
        assert film.streams.video[0].average_rate == 12
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == len(images) == 3
    for frame, image in zip(frames, images, strict=True):
        assert frame.shape == (64, 96, 3) and image.shape == (65, 97, 3)
        assert image.max() > 40  # something is there
        assert np.abs(frame.astype(int) - image[:64, :96]).mean() < 6
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["orbit.mp4"]


def test_a_flight_of_the_viewer(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """By the real command: its pictures, its size and its pace; what was asked for goes before what the file says."""
    av = pytest.importorskip("av")
    path = written(tmp_path, crop={"crop_center": [0, 0, 0]})
    assert cli.main(["render", str(file), "--camera", str(path), "-o", str(tmp_path / "out")]) == 0
    assert "which is not followed" in capsys.readouterr().err
    assert sorted(image.name for image in (tmp_path / "out").iterdir()) == ["path_0000.png", "path_0001.png"]
    scene = csgaussian_ns.load(file)
    expected = scene.render(scene.cameras(path)["path_0001"])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / "path_0001.png")), expected)
    films = {"told": (["--camera", str(path)], 10), "asked": (["--camera", str(path), "--fps", "7"], 7)}
    for name, (options, rate) in films.items():
        assert cli.main(["render", str(file), "-o", str(tmp_path / f"{name}.mp4"), *options]) == 0
        with av.open(str(tmp_path / f"{name}.mp4")) as film:
            assert film.streams.video[0].average_rate == rate and sum(1 for _ in film.decode(video=0)) == 2


def test_cameras_of_a_file_in_the_number_and_size_that_is_asked_for(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    frames = [{"file_path": f"{i}.png", "transform_matrix": pose(0.1 * i, (0, 0, 3))} for i in range(6)]
    capture = write(tmp_path / "capture", frames=frames)

    def render(*options: str) -> dict[str, tuple[int, ...]]:
        output = tmp_path / "-".join(("out", *options)).replace(" ", "")
        assert cli.main(["render", str(file), "--camera", str(capture), "-o", str(output), *options]) == 0
        return {image.stem: np.asarray(Image.open(image)).shape[1::-1] for image in sorted(output.iterdir())}

    assert render() == {str(i): (40, 30) for i in range(6)}
    assert render("--views", "2", "--width", "20") == {"0": (20, 15), "3": (20, 15)}
    assert render("--views", "1", "--height", "60") == {"0": (80, 60)}
    assert render("--views", "1", "--height", "15", "--width", "21") == {"0": (21, 15)}
    capsys.readouterr()
    for options, told in {
        ("--views", "7"): "--views 7: ",
        ("--views", "0"): "has 6 cameras; expected 1 to 6",
        ("--width", "20", "--height", "20"): "--width 20 --height 20: the view 0 is 40 x 30, of another shape",
        ("--width", "0"): "--width 0 makes images of 0 x 0 pixels",
    }.items():
        assert cli.main(["render", str(file), "--camera", str(capture), "-o", str(tmp_path / "no"), *options]) == 2
        assert told in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_cameras_of_colmap_and_blender(file: Path, tmp_path: Path):
    for name, make, expected in (("c", colmap, ["a", "b  c"]), ("b", blender, ["r_1", "test_r_0", "train_r_0"])):
        output = tmp_path / f"out_{name}"
        assert cli.main(["render", str(file), "--camera", str(make(tmp_path / name)), "-o", str(output)]) == 0
        assert sorted(image.stem for image in output.iterdir()) == expected


def test_without_pyav_the_error_says_what_to_install(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'csgaussian-ns\[video\]'"):
        Render(str(file), tmp_path / "a.mp4").run()
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_error(file: Path):
    """As in ``csg info --json | head -1``: no traceback, and the exit code of a closed pipe."""
    command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "info", str(file), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@pytest.mark.parametrize(
    ("output", "options", "told"),
    [
        ("images", ["--width", "0"], "--width 0 --height 270: expected at least one pixel"),
        ("images", ["--height", "-3"], "--width 480 --height -3: expected at least one pixel"),
        ("images", ["--width", "100000", "--height", "100000"], "fewer than 2^28"),
        ("images", ["--views", "0"], "--views 0: expected 1 to 1000000"),
        ("a.mp4", ["--views", "0"], "--views 0: expected 1 to 1000000"),
        ("a.mp4", ["--fps", "0"], "--fps 0: expected at least 1"),
        ("taken", [], "taken: File exists; choose another output"),
        ("images.gif", [], "images.gif: expected a folder for PNG images, or a name that ends in .mp4"),
        ("taken/a.mp4", [], "taken: File exists; choose another output"),
        ("folder.mp4", [], "is a folder; choose another name"),
    ],
)
def test_what_cannot_be_rendered_is_said_in_one_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, options: list[str], told: str
):
    pytest.importorskip("av")
    (tmp_path / "taken").write_bytes(b"mine")
    (tmp_path / "folder.mp4").mkdir()
    assert cli.main(["render", str(file), "-o", str(tmp_path / output), *options]) == 2
    assert told in capsys.readouterr().err
    assert (tmp_path / "taken").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder.mp4", "taken"]


def test_a_scene_without_anchors_shows_its_background(tmp_path: Path):
    empty = Path(__file__).parents[1] / "golden" / "v1_empty.csg"
    assert cli.main(["render", str(empty), "-o", str(tmp_path), "--views", "1", "--width", "8", "--height", "6"]) == 0
    pixels = np.asarray(Image.open(tmp_path / "orbit_0000.png"))
    assert pixels.shape == (6, 8, 3) and (pixels == pixels[0, 0]).all()


def test_a_shorter_orbit_replaces_an_earlier_one_and_nothing_else(file: Path, tmp_path: Path):
    for name in ("orbit_0000.png", "orbit_0007.png", "orbit_0007_mine.png", "photo.png"):
        (tmp_path / name).write_bytes(b"earlier")
    assert cli.main(["render", str(file), "-o", str(tmp_path), "--views", "1", "--width", "8", "--height", "6"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orbit_0000.png", "orbit_0007_mine.png", "photo.png"]


def test_damage_is_told_with_the_name_of_the_file(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    damaged, output = tmp_path / "damaged.csg", tmp_path / "new" / "out"
    damaged.write_bytes(file.read_bytes()[:40])
    for command in (["info"], ["verify"], ["render", "-o", str(output)], ["decode", "-o", str(output / "a.npz")]):
        assert cli.main([command[0], str(damaged), *command[1:]]) == 2
        assert capsys.readouterr().err.startswith(f"csg: error: {damaged}: ")
    assert not output.parent.exists()


@pytest.mark.parametrize("output", ["images", "film.mp4"])
def test_a_full_disk_leaves_nothing_half(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str):
    pytest.importorskip("av")
    command = ["render", str(file), "-o", str(tmp_path / output), "--views", "2", "--width", "320", "--height", "180"]
    assert cli.main(command) == 0  # the kernels are compiled now
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in before:
        if path.suffix == ".png":
            path.rename(path.with_name("kept_" + path.name))
    capsys.readouterr()
    with full_disk(after=1000):
        assert cli.main(command) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"csg: error: cannot write {tmp_path / output}") and "File too large" in told
    assert sorted(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()) == sorted(before.values())


@pytest.mark.parametrize(
    ("width", "told"),
    [(1, "1 x 9: films need at least 2 x 2 pixels"), (20_000, "a.mp4: [Errno 542398533] Generic error")],
)
def test_sizes_that_no_film_has(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], width: int, told: str):
    pytest.importorskip("av")
    size = ["--views", "1", "--width", str(width), "--height", "9"]
    assert cli.main(["render", str(file), "-o", str(tmp_path / "a.mp4"), *size]) == 2
    assert told in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_another_call_may_clear_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "orbit_0000.png").write_bytes(b"earlier")

    def is_file_no_longer(path: Path) -> bool:
        os.remove(path)
        return True

    monkeypatch.setattr(Path, "is_file", is_file_no_longer)
    remove_earlier(tmp_path)
    assert list(tmp_path.iterdir()) == []
