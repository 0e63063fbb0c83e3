"""``camera_path.json`` of nerfstudio's viewer."""

import json
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.capture.camera_path import is_camera_path, read_camera_path
from csgaussian_ns.core.errors import DataError
from tests.capture.captures import pose, write

FLAT = [number for row in pose(0.3, (1.0, 2.0, 3.0)) for number in row]
PATH = {
    "camera_type": "perspective",
    "render_width": 64,
    "render_height": 48,
    "fps": 10.0,
    "seconds": 0.2,
    "camera_path": [{"camera_to_world": FLAT, "fov": 90.0}, {"camera_to_world": pose(0.0, (0, 0, 0)), "fov": 60}],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "camera_path.json"
    path.write_text(json.dumps({key: value for key, value in {**PATH, **changes}.items() if value is not None}))
    return path


def test_a_flight(tmp_path: Path):
    flight = read_camera_path(written(tmp_path))
    first, second = flight.cameras["path_0000"], flight.cameras["path_0001"]
    assert flight.fps == 10 and flight.notes == ()
    assert (first.fx, first.fy, first.cx, first.cy, first.width, first.height) == pytest.approx(
        (24, 24, 32, 24, 64, 48)
    )
    assert np.allclose(first.position, (1, 2, 3)) and second.fx == pytest.approx(24 * 3**0.5)
    assert np.allclose(second.world_to_camera, np.diag((1.0, -1.0, -1.0, 1.0)))
    assert read_camera_path(written(tmp_path, fps=None)).fps == 10
    assert read_camera_path(written(tmp_path, fps=None, seconds=None, camera_type=None)).fps is None
    cropped = read_camera_path(written(tmp_path, crop={"crop_center": [0, 0, 0]}))
    assert "crops the scene, which is not followed" in cropped.notes[0]


def test_a_flight_is_no_capture(tmp_path: Path):
    assert is_camera_path(written(tmp_path)) and not is_camera_path(write(tmp_path)) and not is_camera_path(tmp_path)


def test_cameras_are_those_that_nerfstudio_draws(shared_data: Path):
    paths = pytest.importorskip("nerfstudio.cameras.camera_paths")
    file = shared_data / "faults" / "07_camera_path" / "path_perspective.json"
    flight, theirs = read_camera_path(file), paths.get_path_from_json(json.loads(file.read_text()))
    assert flight.fps == 2 and len(flight.cameras) == 2 == len(theirs)
    for camera, their in zip(flight.cameras.values(), theirs, strict=True):
        expected = [float(value) for value in (their.fx, their.fy, their.cx, their.cy, their.width, their.height)]
        assert np.allclose((camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height), expected)
        assert camera.fx == pytest.approx(304.0) and np.allclose(camera.position, their.camera_to_worlds[:, 3])
        assert np.allclose(camera.world_to_camera[:3, :3].T * (1, -1, -1), their.camera_to_worlds[:, :3], atol=1e-6)


@pytest.mark.parametrize("kind", ["fisheye", "equirectangular"])
def test_other_cameras_are_refused(shared_data: Path, kind: str):
    with pytest.raises(DataError, match=f"the cameras are of the type '{kind}'; only perspective ones are drawn"):
        read_camera_path(shared_data / "faults" / "07_camera_path" / f"path_{kind}.json")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera_path": []}, r"'camera_path' holds no cameras"),
        ({"camera_path": {}}, r"'camera_path' holds no cameras"),
        ({"camera_path": [3]}, r"camera 0: 'fov' is None; expected"),
        ({"camera_path": [{"fov": 180, "camera_to_world": FLAT}]}, r"camera 0: 'fov' is 180"),
        ({"camera_path": [{"fov": 50}]}, r"camera 0: 'camera_to_world' must be a matrix"),
        ({"camera_path": [{"fov": 50, "camera_to_world": FLAT[:15]}]}, r"'camera_to_world' must be a matrix"),
        ({"camera_path": [{"fov": 50, "camera_to_world": [0.0] * 16}]}, r"'camera_to_world' cannot be inverted"),
        ({"render_width": 0}, r"'render_width' and 'render_height' are \(0, 48\)"),
        ({"render_width": 1e5}, r"expected the size of pictures in pixels"),
        ({"render_width": 10**9}, r"expected the size of pictures in pixels"),
        ({"camera_type": "vr180"}, r"of the type 'vr180'"),
    ],
)
def test_flights_without_sense_are_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(DataError, match=message):
        read_camera_path(written(tmp_path, **changes))
