"""``csg import``."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.export.write import write
from csgaussian_ns.scene.splats import Splats
from tests.export.scenes import random_gaussians, random_splats
from tests.receiver.servers import Behaviour, serving


@pytest.mark.parametrize("ending", [".ply", ".spz", ".splat"])
def test_every_kind_of_file(csg, tmp_path: Path, ending: str):
    given, made = tmp_path / f"some{ending}", tmp_path / "made.csg"
    write(random_splats(200), given, z_up=ending == ".ply")
    code, out, err = csg("import", given, "-o", made)
    assert code == 0, err
    assert out.startswith(f"{made}: 200 Gaussians, 0.0") and "dB PSNR against its pictures over 8 views" in out
    scene = csgaussian_ns.load(made)
    assert len(scene) == 200 and scene.meta.name == "some"  # type: ignore[attr-defined]
    assert scene.meta.extra["up"] == {".ply": [0, 0, 1], ".spz": [0, 1, 0], ".splat": [0, -1, 0]}[ending]
    assert len(scene.objects) == (4 if ending == ".ply" else 0)
    info = csg("info", made)[1]
    assert "200 gaussians" in info and "SPLT" in info and ("4 objects" in info) == (ending == ".ply")
    verified = csg("verify", made)[1]
    assert f"content {scene.digest()}" in verified and "whole, 200 Gaussians" in verified


def test_all_commands_take_it(csg, tmp_path: Path):
    given, made = tmp_path / "some.ply", tmp_path / "made.csg"
    write(Splats(random_gaussians(120), np.arange(120) % 5), given, z_up=True)
    assert csg("import", given, "-o", made, "--degree", "1", "--step", "2", "--name", "mine")[0] == 0
    pictures = ("--views", "2", "--width", "60", "--height", "40")
    assert "2 images of 120 Gaussians" in csg("render", made, "-o", tmp_path / "pictures", *pictures)[1]
    assert (
        "selected 2: 24 Gaussians, seen in 2 of 2 views"
        in csg("select", made, "-o", tmp_path / "selected", "--id", "2", *pictures)[1]
    )
    edited = tmp_path / "edited.csg"
    assert csg("edit", made, "-o", edited, "--remove", "2", "--move", "3", "1,0,0")[0] == 0
    assert "24 Gaussians and 1 object gone for good" in csg("edit", edited, "-o", edited, "--flatten")[1]
    assert csg("decode", edited, "-o", tmp_path / "arrays.npz")[1].endswith("npz: 96 Gaussians, 0.01 MB\n")
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:  # noqa: TID251  # pickles are off
        assert arrays["means"].shape == (96, 3) and arrays["harmonics"].shape == (96, 4, 3)
        assert arrays["label"].max() == 3
    back = tmp_path / "back.ply"
    code, out, _ = csg("export", made, back, "--frame", "normalised")
    assert code == 0 and "120 Gaussians of degree 1" in out
    again = tmp_path / "again.csg"
    assert csg("import", back, "-o", again, "--step", "0.5")[0] == 0 and len(csgaussian_ns.load(again).objects) == 4
    assert "of 120 Gaussians in the first" in csg("arrange", made, "-o", again)[1]


def test_what_is_lost_is_told(csg, tmp_path: Path):
    scene, objects = random_gaussians(50), np.full(50, 7)
    scene.opacities[:3] = 0.001
    objects[0] = 0
    scene.means[9] = 3e7
    write(Splats(scene, objects), tmp_path / "some.ply", z_up=True)
    code, out, err = csg("import", tmp_path / "some.ply", "-o", tmp_path / "made.csg", "--degree", "2")
    assert code == 0 and "47 Gaussians" in out
    assert "3 Gaussians left out: not finite, or so faint" in err and "harmonics of degree 2 are kept, of 3" in err
    assert "objects 7 are 1, 2, ... now" in err and "times coarser than the Gaussians are fine" in err


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "none.ply",
            b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nend_header\n",
            "has no",
        ),
        ("many.ply", b"", "expected a .ply, .spz or .splat file"),
        ("some.spz", b"nonsense", "not a .spz file"),
        ("some.splat", b"123", "32 bytes for each Gaussian"),
        ("some.glb", b"glTF", "expected a .ply, .spz or .splat file"),
        ("empty.splat", b"", "none of 0 Gaussians"),
    ],
)
def test_files_that_cannot_be_imported(csg, tmp_path: Path, name: str, content: bytes, told: str):
    (tmp_path / name).write_bytes(content)
    code, _, err = csg("import", tmp_path / name, "-o", tmp_path / "made.csg")
    assert code == 2 and told in err and err.count("\n") == 1 and not (tmp_path / "made.csg").exists()


def test_calls_that_make_no_sense(csg, tmp_path: Path):
    write(random_splats(5), tmp_path / "some.ply", z_up=True)
    for options, told in (
        (("-o", tmp_path / "made.ply"), "expected a name that ends in .csg"),
        (("-o", tmp_path / "made.csg", "--step", "0"), "step 0: expected 0.001 to 16"),
        (("-o", tmp_path / "made.csg", "--step", "nan"), "step nan: expected 0.001 to 16"),
    ):
        code, _, err = csg("import", tmp_path / "some.ply", *options)
        assert code == 2 and told in err
    assert not list(tmp_path.glob("made*"))


def test_object_ids_that_are_none(csg, tmp_path: Path):
    write(Splats(random_gaussians(5), np.array([0, 1, 2, 3, -4])), tmp_path / "some.ply", z_up=True)
    code, _, err = csg("import", tmp_path / "some.ply", "-o", tmp_path / "made.csg")
    assert code == 2 and "object_id -4; expected whole numbers from 0 on" in err


def test_a_pipe_is_read(tmp_path: Path, csg, monkeypatch: pytest.MonkeyPatch):
    write(random_splats(60), tmp_path / "some.ply", z_up=True)

    class Pipe(io.BytesIO):
        def isatty(self) -> bool:
            return False

        def seekable(self) -> bool:
            return False

    stdin = io.TextIOWrapper(Pipe((tmp_path / "some.ply").read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    code, out, err = csg("import", "-", "-o", tmp_path / "made.csg")
    assert code == 0 and "standard input" in out, err
    assert csgaussian_ns.load(tmp_path / "made.csg").meta.name == ""  # type: ignore[attr-defined]


def test_other_files_through_a_pipe_and_from_a_server(csg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given, made = tmp_path / "some.spz", tmp_path / "made.csg"
    write(random_splats(40), given, z_up=False)
    pipe = SimpleNamespace(buffer=io.BytesIO(given.read_bytes()), isatty=lambda: False)
    monkeypatch.setattr("sys.stdin", pipe)
    code, out, err = csg("import", "-", "-o", made)
    assert code == 0 and "40 Gaussians" in out and "standard input" in out, err
    assert csgaussian_ns.load(made).meta.name == ""  # type: ignore[attr-defined]
    with serving(Behaviour(given.read_bytes())) as address:
        code, out, err = csg("import", address.replace("scene.csg", "a%20b.spz?x=/y.ply"), "-o", made)
    assert code == 0 and csgaussian_ns.load(made).meta.name == "a b", err  # type: ignore[attr-defined]
