"""``csg render`` and ``csg info`` of Gaussians in a ``.ply`` file."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.scene.ply import Z_UP
from csgaussian_ns.tools import cli
from tests.import_blocker import command_without
from tests.scene.test_ply import table, written

ROOT = Path(__file__).resolve().parents[2]
SIZE = ["--views", "2", "--width", "64", "--height", "48"]


@pytest.fixture
def rows() -> np.ndarray:
    """Gaussians in a cloud, red where y is high and blue where it is low."""
    rows = table(500, degree=1)
    for name in ("scale_0", "scale_1", "scale_2"):
        rows[name] = -2.5
    rows["opacity"], rows["f_dc_0"], rows["f_dc_2"] = 3, 2 * rows["y"], -2 * rows["y"]
    rows["f_dc_1"] = -2
    for number in range(9):
        rows[f"f_rest_{number}"] *= 0.1
    return rows


def save(rows: np.ndarray, path: Path, **options: object) -> Path:
    path.write_bytes(written(rows, **options).getvalue())
    return path


@pytest.mark.parametrize("comments", [[], [Z_UP]])
def test_pictures_stand_upright(rows: np.ndarray, tmp_path: Path, capsys, comments: list[str]):
    """y points down as with COLMAP, unless a comment says that z is up: then red and blue are left and right."""
    file = save(rows, tmp_path / "cloud.ply", comments=comments)
    assert cli.main(["render", str(file), "-o", str(tmp_path / "out"), *SIZE]) == 0
    assert "2 images of 500 Gaussians" in capsys.readouterr().out
    picture = np.asarray(Image.open(tmp_path / "out" / "orbit_0000.png")).astype(float)
    redness = picture[..., 0] - picture[..., 2]
    top, left = redness[:24].mean() - redness[24:].mean(), redness[:, :32].mean() - redness[:, 32:].mean()
    assert abs(left if comments else top) > max(40, 2 * abs(top if comments else left))
    assert comments or top < 0  # low y is up, and blue


def test_poses_are_taken_as_they_stand(rows: np.ndarray, tmp_path: Path):
    pose = [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 6], [0, 0, 0, 1]]
    shared = {"fl_x": 60.0, "fl_y": 60.0, "cx": 32.0, "cy": 24.0, "w": 64, "h": 48}
    frames = {**shared, "frames": [{"file_path": "a.png", "transform_matrix": pose}]}
    (tmp_path / "transforms.json").write_text(json.dumps(frames))
    file = save(rows, tmp_path / "cloud.ply")
    assert cli.main(["render", str(file), "-o", str(tmp_path / "out"), "--camera", str(tmp_path)]) == 0
    picture = np.asarray(Image.open(tmp_path / "out" / "a.png")).astype(float)
    redness = picture[..., 0] - picture[..., 2]
    assert redness[:24].mean() - redness[24:].mean() > 40  # OpenGL's camera has y up, so high y is up, and red


def test_info_tells_what_is_in_it(rows: np.ndarray, tmp_path: Path, capsys):
    rows["x"][3] = np.nan
    rows["z"][5] = 17.5
    file = save(rows, tmp_path / "cloud.ply", comments=[Z_UP])
    assert cli.main(["info", str(file), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["bytes"] == file.stat().st_size and facts["gaussians"] == 500 and facts["not_finite"] == 1
    assert facts["degree"] == 1 and facts["up"] == "z" and facts["encoding"] == "binary_little_endian"
    low, high = facts["bounds"]
    assert high[2] == 17.5 and low[0] == pytest.approx(np.nanmin(rows["x"]))
    expected = {"position": 12, "colour": 12, "harmonics": 36, "opacity": 4, "scale": 12, "rotation": 16, "unused": 12}
    assert facts["bytes_per_gaussian"] == expected
    assert cli.main(["info", str(file)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "500 Gaussians, 1 of them not finite" in shown and "degree 1" in shown and "18,000" in shown


def test_drawing_needs_neither_torch_nor_scipy(rows: np.ndarray, tmp_path: Path):
    file = save(rows, tmp_path / "cloud.ply")
    for command in (["info", str(file)], ["render", str(file), "-o", str(tmp_path / "out"), *SIZE]):
        run = command_without(["torch", "scipy"], "from csgaussian_ns.tools import cli; sys.exit(cli.main())", *command)
        done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 2


def test_other_ply_files_are_refused_in_one_line(tmp_path: Path, capsys):
    file = tmp_path / "points.ply"
    file.write_bytes(b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n")
    for command in (["info", str(file)], ["render", str(file), "-o", str(tmp_path / "out")]):
        assert cli.main(command) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"csg: error: {file}: a PLY file, but not of Gaussians") and told.count("\n") == 1
