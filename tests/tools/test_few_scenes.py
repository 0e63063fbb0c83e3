"""Small scenes to train on: whole folders, with depths that hold, and different for each seed."""

from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.feedforward.posed import scene_of_folder
from csgaussian_ns.tools.demo_scene.few import make_photos

pytest.importorskip("embreex")


@pytest.mark.slow
def test_a_small_scene_can_be_trained_on(tmp_path: Path):
    make_photos(tmp_path / "scene", 2, 32, 4)
    scene = scene_of_folder(tmp_path / "scene")
    assert len(scene) == 4 and 0.1 < scene.near < scene.far < 8
    pictures = [scene.read(number) for number in range(4)]
    assert all(picture.shape == (32, 32, 3) and picture.std() > 10 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 4
    poses = np.stack([camera.world_to_camera for camera in scene.cameras])
    assert np.abs(poses[:, 2, :3] @ poses[0, 2, :3]).min() > 0  # within a quarter turn of each other
