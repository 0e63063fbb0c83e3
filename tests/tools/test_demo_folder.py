"""What ``csg demo-scene`` does to the file system: nobody's files are lost, failures are one line and leave nothing."""

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.cli import main
from csgaussian_ns.tools.demo_scene.command import DemoScene
from csgaussian_ns.tools.demo_scene.folder import MARKER, folder_in_one_piece
from csgaussian_ns.tools.demo_scene.options import LIMITS
from tests.full_disk import full_disk

TINY = ("--views", "3", "--width", "64", "--height", "48", "--objects", "4", "--samples", "1", "--points", "50")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every path below ``folder``, hidden ones too, with the bytes of the files."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def make(out: Path, text: str = "old") -> Path:
    """Stand-in for a demo scene: written through the same door, without ray tracing."""
    with folder_in_one_piece(out, overwrite=True) as fresh:
        (fresh / "images").mkdir()
        (fresh / "images" / "frame_00001.png").write_text(text)
        (fresh / "transforms.json").write_text(text)
    return out


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A nerfstudio scene made by hand; all its names are names that a demo scene has too."""
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    frames = []
    for k in range(1, 4):
        name = f"images/frame_{k:05d}.png"
        Image.fromarray(np.full((6, 8, 3), 40 * k, dtype=np.uint8)).save(folder / name)
        frames.append({"file_path": name, "transform_matrix": np.eye(4).tolist()})
    shared = {"fl_x": 8, "fl_y": 8, "cx": 4, "cy": 3, "w": 8, "h": 6, "ply_file_path": "sparse_pc.ply"}
    (folder / "transforms.json").write_text(json.dumps({**shared, "frames": frames}))
    (folder / "sparse_pc.ply").write_text("ply\nformat ascii 1.0\nelement vertex 0\nend_header\n")
    return folder


def test_overwrite_leaves_a_scene_of_photos_alone(photos: Path, capsys: pytest.CaptureFixture) -> None:
    before = contents(photos.parent)
    assert main(["demo-scene", str(photos), "--overwrite", *TINY]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "was not made by csg demo-scene" in message and "choose another" in message
    assert contents(photos.parent) == before


def test_photos_put_into_a_demo_scene_are_safe(photos: Path, tmp_path: Path) -> None:
    """Also under the names that the demo scene had, and with the marker still there."""
    out = make(tmp_path / "scene")
    shutil.copytree(photos, out, dirs_exist_ok=True)
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match="holds images/frame_0000"):
        DemoScene(out=out, overwrite=True).run()
    assert contents(tmp_path) == before


def change_file(out: Path) -> None:
    (out / "transforms.json").write_text("edited")


def add_image(out: Path) -> None:
    (out / "images" / "holiday.jpg").write_text("photo")


def add_folder(out: Path) -> None:
    (out / "images" / "raw").mkdir()


def add_hidden(out: Path) -> None:
    (out / ".notes").write_text("notes")


def link_images(out: Path) -> None:
    (out / "images").rename(out.parent / "elsewhere")
    (out / "images").symlink_to(out.parent / "elsewhere")


def link_same_file(out: Path) -> None:
    (out / "transforms.json").rename(out.parent / "elsewhere.json")
    (out / "transforms.json").symlink_to(out.parent / "elsewhere.json")


def spoil_marker(out: Path) -> None:
    (out / MARKER).write_bytes(b"\xff\x00 not a list")


def remove_marker(out: Path) -> None:
    (out / MARKER).unlink()


@pytest.mark.parametrize(
    ("deed", "named"),
    [
        (change_file, "transforms.json, which was changed"),
        (add_image, "images/holiday.jpg, which csg demo-scene did not write"),
        (add_folder, "images/raw"),
        (add_hidden, ".notes"),
        (link_images, "holds images"),
        (link_same_file, "transforms.json"),
        (spoil_marker, "holds images"),
        (remove_marker, f"no {MARKER} in it"),
    ],
)
def test_a_scene_that_somebody_touched_is_kept(deed, named: str, tmp_path: Path) -> None:
    out = make(tmp_path / "scene")
    deed(out)
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(named)):
        DemoScene(out=out, overwrite=True).run()
    assert contents(tmp_path) == before


def test_a_file_that_comes_while_it_works_is_kept(tmp_path: Path) -> None:
    out = make(tmp_path / "scene")
    with pytest.raises(ConfigError, match="holiday"), folder_in_one_piece(out, overwrite=True) as fresh:
        (fresh / "transforms.json").write_text("new")
        add_image(out)
    assert (out / "transforms.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["scene"]


def test_never_replaces_what_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="--overwrite"):
        DemoScene(out=tmp_path).run()
    with pytest.raises(ConfigError, match="was not made by"):
        DemoScene(out=tmp_path, overwrite=True).run()
    with pytest.raises(ConfigError, match="is a file"):
        DemoScene(out=tmp_path / "thesis.txt").run()
    assert contents(tmp_path) == {"thesis.txt": b"years of work"}


def test_the_marker_lists_every_file(tmp_path: Path) -> None:
    out = make(tmp_path / "scene")
    digest = hashlib.sha256(b"old").hexdigest()
    assert (out / MARKER).read_text() == f"{digest}  images/frame_00001.png\n{digest}  transforms.json\n"


def test_overwrite_replaces_the_scene_and_failure_keeps_it(tmp_path: Path) -> None:
    out = make(tmp_path / "scene")
    with pytest.raises(RuntimeError, match="power cut"), folder_in_one_piece(out, overwrite=True) as fresh:
        (fresh / "transforms.json").write_text("half")
        raise RuntimeError("power cut")
    assert (out / "transforms.json").read_text() == "old"
    (out / "images" / "frame_00001.png").unlink()  # a scene with files missing holds nothing to lose
    make(out, "new")
    assert (out / "transforms.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["scene"]


def test_a_link_to_the_scene_stays_a_link(tmp_path: Path) -> None:
    out = make(tmp_path / "scene")
    (tmp_path / "link").symlink_to(out)
    make(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (out / "transforms.json").read_text() == "new"


@pytest.mark.parametrize("fails", [1, 2])
def test_swap_that_fails_puts_the_old_scene_back(fails: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = make(tmp_path / "scene")
    before, calls, rename = contents(tmp_path), [], Path.rename

    def broken(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == fails:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(ConfigError, match=f"{re.escape(str(out))}: {os.strerror(errno.EBUSY)}"):
        make(out, "new")
    assert contents(tmp_path) == before


def test_target_below_a_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "afile").write_text("text")
    for below in ("afile/sub", "afile/sub/deeper"):
        assert main(["demo-scene", str(tmp_path / below), *TINY]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1 and f"{tmp_path / 'afile'} is a file" in message
    assert contents(tmp_path) == {"afile": b"text"}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc, where nobody can make folders")
@pytest.mark.parametrize("out", ["/proc/x", "/proc/x/y", "/proc/" + "x" * 300])
def test_parent_that_cannot_be_written(out: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["demo-scene", out, "--overwrite", *TINY]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"csg: error: cannot write the scene folder {out}: ") and message.count("\n") == 1


def test_no_room_while_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files cannot grow, as on a full disk; the old scene and the folder around it stay as they were."""
    pytest.importorskip("embreex", reason="the demo scene needs embreex: pip install 'csgaussian-ns[demo]'")
    from csgaussian_ns.tools.demo_scene import make as maker

    monkeypatch.setattr(maker, "furnish", lambda _: [])  # the room takes longest to light
    make(tmp_path / "scene")
    before = contents(tmp_path)
    for out in (tmp_path / "scene", tmp_path / "not" / "yet" / "there"):
        with full_disk(after=3000):
            assert main(["demo-scene", str(out), "--overwrite", *TINY]) == 2
        message = capsys.readouterr().err
        assert message.startswith(f"csg: error: cannot write the scene folder {out}: {os.strerror(errno.EFBIG)};")
        assert message.count("\n") == 1
        assert contents(tmp_path) == before


def test_help_states_the_limits() -> None:
    command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "demo-scene", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"})
    texts = {part.split()[0]: part for part in done.stdout.replace("│", " ").split(" --")[1:]}
    for name, (low, high) in LIMITS.items():
        assert re.search(rf"\b{low} to {high}\b", texts[name]), name
