"""Where photos were taken, as a file tells of it."""

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.receiver.arrange import importance
from csgaussian_ns.receiver.capture_views import MOST, VIEWS, between_views, capture_views, told
from csgaussian_ns.tools import cli
from tests.codec.scenes import random_scene


def photos(count: int, size: tuple[int, int] = (64, 48)) -> list[Camera]:
    """On an arc before a wall, all turned a little otherwise."""
    generator, made = np.random.default_rng(0), []
    for number in range(count):
        rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
        rotation *= np.sign(np.linalg.det(rotation))
        matrix = np.eye(4)
        matrix[:3, :3] = rotation
        matrix[:3, 3] = -rotation @ np.array([np.cos(number), np.sin(number), 0.1 * number])
        made.append(Camera(matrix.astype(np.float32), 50.04, 51.0, 31.0, 25.0, *size))
    return made


@pytest.mark.parametrize("count", [1, 5, 200])
def test_what_is_told_is_understood(count: int):
    cameras = photos(count)
    found = list(capture_views(told(cameras)).values())
    assert len(found) == min(count, MOST)
    for view in found:
        turned = [np.abs(view.world_to_camera[:3, :3] - camera.world_to_camera[:3, :3]).max() for camera in cameras]
        assert min(turned) < 0.03, "not within a degree"
        known = cameras[int(np.argmin(turned))]
        moved = view.world_to_camera[:3, :3].T @ view.world_to_camera[:3, 3]
        assert np.abs(moved - known.world_to_camera[:3, :3].T @ known.world_to_camera[:3, 3]).max() < 0.01
        assert (view.fx, view.fy, view.cx, view.cy, view.width, view.height) == (50.0, 51.0, 32, 24, 64, 48)
    assert len({tuple(view.world_to_camera.ravel().tolist()) for view in found}) == len(found)


def test_a_half_turn_is_understood():
    for axis in range(3):
        matrix = -np.eye(4, dtype=np.float32)
        matrix[axis, axis] = matrix[3, 3] = 1
        camera = Camera(matrix, 50.0, 50.0, 32.0, 24.0, 64, 48)
        (view,) = capture_views(told([camera])).values()
        assert np.allclose(view.world_to_camera, matrix, atol=1e-6)


def looking(aside: float) -> np.ndarray:
    """The rotation of a camera that looks along z and so far to the right."""
    ahead = np.array([aside, 0, 5]) / np.hypot(aside, 5)
    return np.stack([[ahead[2], 0, -ahead[0]], [0, 1, 0], ahead])


def test_the_first_is_in_the_middle_and_the_next_far_away():
    line = []
    for place in (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5):
        matrix = np.eye(4, dtype=np.float32)
        matrix[:3, :3] = looking(-place)
        matrix[:3, 3] = -matrix[:3, :3] @ [place, 0, -5]
        line.append(Camera(matrix, 50.0, 50.0, 32.0, 24.0, 64, 48))
    places = [-float(v.world_to_camera[:3, 0] @ v.world_to_camera[:3, 3]) for v in capture_views(told(line)).values()]
    assert np.allclose(places[:3], [0.0, 3.5, -3.0], atol=0.1)


@pytest.mark.parametrize("size", [1e-4, 1.0, 4321.0])
def test_positions_keep_their_digits(size: float):
    cameras = photos(3)
    for camera in cameras:
        camera.world_to_camera[:3, 3] *= size
    for view in capture_views(told(cameras)).values():
        turned = [view.world_to_camera[:3, :3].T @ view.world_to_camera[:3, 3]]
        known = [camera.world_to_camera[:3, :3].T @ camera.world_to_camera[:3, 3] for camera in cameras]
        assert min(np.abs(turned - place).max() for place in known) < 1e-3 * size


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        7,
        {},
        {"size": [64]},
        {"size": [0, 48]},
        {"size": [1 << 20, 1 << 20]},
        {"focal": [0, 50]},
        {"focal": [float("nan"), 50]},
        {"poses": [[0, 0, 0, 0, 0]]},
        {"poses": [[0, 0, 0, 0, 0, 1e300]]},
        {"poses": [["a"] * 6]},
        {"poses": [[0, 0, 0, 0, 0, 0], [0]]},
        {"poses": []},
    ],
)
def test_what_makes_no_sense_tells_nothing(hostile: object):
    good = told(photos(2))[VIEWS]
    assert capture_views({VIEWS: {**good, **hostile} if hostile and isinstance(hostile, dict) else hostile}) == {}
    assert told([]) == {}


def test_between_two_views():
    matrix, other = np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32)
    other[:2, :2] = [[0, -1], [1, 0]]
    other[:3, 3] = -other[:3, :3] @ np.array([2.0, 0, 0], np.float32)
    pair = [Camera(pose, 50.0, 50.0, 32.0, 24.0, 64, 48) for pose in (matrix, other)]
    for view in between_views(pair, 12):
        assert np.allclose(-view.world_to_camera[:3, :3].T @ view.world_to_camera[:3, 3], [1, 0, 0], atol=1e-6)
        half = np.sqrt(0.5)
        assert np.allclose(view.world_to_camera[:2, :2], [[half, -half], [half, half]], atol=1e-6)
    assert len(between_views(pair, 1)) == 1 and len(between_views(pair, 12)) == 2
    assert between_views(pair[:1], 12) == pair[:1]


@pytest.fixture
def file(tmp_path):
    scene = csgaussian_ns.load(encode(random_scene(200)).data)
    views = list(scene.orbit(3, 64, 48).values())
    path = tmp_path / "scene.csg"
    scene.with_meta(extra=told(views)).save(path)
    return path


def test_pictures_are_taken_from_there(file, tmp_path, capsys):
    scene = csgaussian_ns.load(file)
    assert list(scene.views()) == ["view_0000", "view_0001", "view_0002"]
    assert next(iter(scene.views(16).values())).height == 12
    with pytest.raises(ConfigError, match="width 0"):
        scene.views(0)
    out = tmp_path / "out"
    assert cli.main(["render", str(file), "-o", str(out), "--width", "32"]) == 0
    assert sorted(path.name for path in out.iterdir()) == [f"view_000{number}.png" for number in range(3)]
    assert cli.main(["render", str(file), "-o", str(out), "--views", "4"]) == 2
    assert "--views 4: the file tells of 3" in capsys.readouterr().err
    assert cli.main(["render", str(file), "-o", str(out), "--views", "2", "--width", "32", "--height", "32"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["view_0000.png", "view_0001.png"]
    assert cli.main(["render", str(file), "-o", str(out), "--views", "1", "--camera", "orbit"]) == 0
    assert [path.name for path in out.iterdir()] == ["orbit_0000.png"], "pictures of another call stay"


def test_a_file_that_tells_nothing(tmp_path, capsys):
    path = tmp_path / "scene.csg"
    csgaussian_ns.load(encode(random_scene(200)).data).save(path)
    assert cli.main(["render", str(path), "-o", str(tmp_path / "out"), "--camera", "views"]) == 2
    assert "does not tell where photos were taken" in capsys.readouterr().err


def test_what_is_seen_from_there_is_important():
    """A wall that photos show from one side comes before what lies behind them."""
    scene = csgaussian_ns.load(encode(random_scene(400)).data)
    (one,) = list(scene.orbit(1, 64, 48).values())
    there = scene.with_meta(extra=told([one]))
    seen = np.zeros(len(scene), bool)
    seen[scene.seen(one).row] = True
    assert importance(there)[~seen].sum() < 0.1 * importance(scene)[~seen].sum()
