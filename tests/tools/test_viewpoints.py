"""Where a file is looked at from, as commands ask for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.orbit import orbit
from csgaussian_ns.tools.viewpoints import cameras_by
from tests.capture.captures import pose, write
from tests.semantic.scenes import scene_of_balls

GOLDEN = Path(__file__).parents[1] / "golden" / "v1_empty.csg"


def test_a_folder_stands_for_its_transforms(tmp_path: Path):
    path, scene = write(tmp_path / "scene"), load(GOLDEN)
    found = cameras_by(str(path), scene)
    assert list(found) == ["a", "b", "c"] == list(cameras_by(str(path.parent), scene))
    with pytest.raises(ConfigError, match=r"the folder holds no capture"):
        cameras_by(str(tmp_path), scene)
    (tmp_path / "scene.csg").write_bytes(b"CSG\xff")
    with pytest.raises(DataError, match=r"expected a transforms\.json of nerfstudio; this is not a JSON file"):
        cameras_by(str(tmp_path / "scene.csg"), scene)


def test_intrinsics_that_are_given_twice_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    frame = {"file_path": "0.png", "transform_matrix": pose(0.1, (0, 0, 1)), "fl_x": 80.0}
    placed = cameras_by(str(write(tmp_path, frames=[frame])), load(GOLDEN))
    [camera] = placed.values()
    said = capsys.readouterr()
    assert camera.fx == 80.0 and said.out == ""
    assert said.err.startswith("csg: note: ") and "fl_x of 1 of 1 frames differ" in said.err


@pytest.mark.parametrize(
    "told",
    [
        {"radius": 10**400},
        {"radius": 1e300},
        {"radius": -1.0},
        {"focus": [0.0]},
        {"focus": [0.0, float("nan"), 0.0]},
        {"height": None},
        {"height": -1e300},
    ],
)
def test_an_orbit_that_makes_no_sense_is_not_followed(told: dict):
    scene = scene_of_balls()
    guessed = orbit(scene.anchors.position, scene.meta, 2, 40, 30)
    hostile = {"focus": [0.0, 0.0, 0.0], "radius": 1.0, "height": 1.0, **told}
    made = orbit(scene.anchors.position, replace(scene.meta, extra={"orbit": hostile}), 2, 40, 30)
    for name, camera in guessed.items():
        assert np.array_equal(made[name].world_to_camera, camera.world_to_camera)
