"""Scenes that are drawn while they arrive."""

import inspect
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns import Camera, ConfigError, DecodeLimits, FormatError, LimitExceeded, Remove
from csgaussian_ns.codec.encode import encode
from tests.codec.scenes import random_scene, with_semantics
from tests.receiver.servers import Behaviour, serving

unchecked = inspect.unwrap(csgaussian_ns.stream)


@pytest.fixture(scope="module")
def data() -> bytes:
    """Five chunks with objects."""
    return encode(with_semantics(random_scene(1000, kept=1.1)), chunk_anchors=200).data


def rows_of(scene) -> np.ndarray:
    """All that was decoded of each anchor, sorted by voxel."""
    order = np.lexsort(scene.grid.T)
    return np.concatenate([scene.grid, scene.anchors.feature, scene.semantics.feature], axis=1)[order]


def test_it_grows_to_the_whole_scene(data: bytes, tmp_path: Path):
    whole, scenes = csgaussian_ns.load(data), list(csgaussian_ns.stream(data))
    assert [len(scene) for scene in scenes] == [200, 400, 600, 800, 1000, 1000]
    assert [scene.semantics is not None for scene in scenes] == [False] * 5 + [True]
    for smaller, larger in pairwise(scenes):
        assert np.array_equal(smaller.position, larger.position[: len(smaller)])
    assert np.array_equal(rows_of(scenes[-1]), rows_of(whole))
    assert list(scenes[-1].objects) == list(whole.objects)
    scenes[-1].save(tmp_path / "saved.csg")
    assert (tmp_path / "saved.csg").read_bytes() == data
    (tmp_path / "path.csg").write_bytes(data)
    assert len(list(csgaussian_ns.stream(tmp_path / "path.csg", semantics=False))) == 5


def test_pictures_come_near(data: bytes):
    camera = csgaussian_ns.load(data).orbit(1, 64, 48)["orbit_0000"]
    pictures = [scene.render(camera).astype(float) for scene in csgaussian_ns.stream(data, semantics=False)]
    away = [float(np.abs(picture - pictures[-1]).mean()) for picture in pictures]
    assert away[0] > away[2] > away[-1] == 0


def test_only_what_a_box_holds(data: bytes):
    whole = csgaussian_ns.load(data)
    first = whole.position[:200]
    corners = tuple(map(tuple, (first[:3].min(axis=0).tolist(), first[:3].max(axis=0).tolist())))
    *_, scene = csgaussian_ns.stream(data, box=corners)
    inside = ((whole.position >= corners[0]) & (whole.position <= corners[1])).all(axis=1)
    wanted = sorted({row // 200 for row in np.flatnonzero(inside)})
    assert 0 in wanted and len(wanted) < 5 and len(scene) == 200 * len(wanted)
    assert scene.semantics is not None and len(scene.semantics.label) == len(scene)
    assert [len(empty) for empty in csgaussian_ns.stream(data, box=((9e9,) * 3, (9.1e9,) * 3))] == [0]


def test_only_what_a_camera_sees(data: bytes):
    whole = csgaussian_ns.load(data)
    far = whole.position.max(axis=0) + 1
    pose = np.eye(4, dtype=np.float32)
    pose[:3, 3] = -far
    away = Camera(pose, 60.0, 60.0, 32.0, 24.0, 64, 48)  # looks along +z, beyond all anchors
    assert [len(scene) for scene in csgaussian_ns.stream(data, camera=away)] == [0]
    towards = whole.orbit(1, 64, 48)["orbit_0000"]
    scenes = list(csgaussian_ns.stream(data, camera=towards, semantics=False))
    assert len(scenes[-1]) == 1000 and len(scenes) == 5


def test_a_server_is_asked_for_little(data: bytes):
    behaviour = Behaviour(encode(random_scene(6000, num_offsets=10, feature_dim=50, kept=1.1), chunk_anchors=1000).data)
    corner = csgaussian_ns.load(behaviour.data, chunks=[3]).position[0]
    with serving(behaviour) as address:
        *_, scene = csgaussian_ns.stream(address, box=(corner, corner))
        assert len(scene) == 1000 and "parts of a file" in repr(scene)
        fetched = 1 << 16
        for asked in behaviour.asked[1:]:
            start, last = map(int, str(asked).removeprefix("bytes=").split("-"))
            fetched += last + 1 - start
        assert fetched < 0.5 * len(behaviour.data)
        with pytest.raises(ConfigError, match="only parts of the file were fetched"):
            scene.save("never.csg")
        *_, whole = csgaussian_ns.stream(address)
        assert whole.data == behaviour.data and len(whole) > 5900  # some share a voxel
        alone = csgaussian_ns.load(address, chunks=[2])
        assert len(alone) == 1000 and alone.content is None


def test_an_edited_scene_shows_nothing_that_was_removed(data: bytes):
    whole = csgaussian_ns.load(data)
    gone = whole.objects.all[0]
    edited = whole.edited(Remove(gone.target))
    (scene,) = csgaussian_ns.stream(edited.data)
    assert scene.edits == edited.edits and gone.id not in [thing.id for thing in scene.objects]
    camera = whole.orbit(1, 64, 48)["orbit_0000"]
    assert np.abs(scene.render(camera).astype(int) - edited.render(camera)).max() <= 1


def test_what_is_no_question(data: bytes):
    camera = csgaussian_ns.load(data).orbit(1, 64, 48)["orbit_0000"]
    with pytest.raises(ConfigError, match="a camera or a box, got both"):
        csgaussian_ns.stream(data, camera=camera, box=((0.0,) * 3, (1.0,) * 3))
    with pytest.raises(ConfigError, match="lowest and its highest corner"):
        csgaussian_ns.stream(data, box=((1.0,) * 3, (0.0,) * 3))
    for box in ("abc", ((0.0,) * 3,), 7):
        with pytest.raises(ConfigError, match="lowest and its highest corner"):
            unchecked(data, box=box)
    with pytest.raises(ConfigError, match=r"expected a Camera, got str; scene\.orbit"):
        unchecked(data, camera="orbit")
    with pytest.raises(ConfigError, match="threads: expected"):
        unchecked(data, threads=0)
    with pytest.raises(ConfigError, match="limits: expected"):
        unchecked(data, limits=None)
    with pytest.raises(LimitExceeded, match="max_file_bytes"):
        unchecked(data, limits=DecodeLimits(max_file_bytes=100))
    with pytest.raises(FormatError, match=r"no \.csg file"):
        next(csgaussian_ns.stream(b"ply\nformat ascii 1.0\n" + bytes(99)))
