"""Which scenes are trained on, in which layouts they may come, and what a step gets of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.batches import Batch, Batches, BatchOptions, _varied
from csgaussian_ns.feedforward.fitting import fitted_camera, fitted_photo, size_for
from csgaussian_ns.feedforward.many import read_scenes
from csgaussian_ns.feedforward.posed import scene_of_folder
from csgaussian_ns.feedforward.views import Views
from tests.feedforward.captures import SIDE, plane_pixels, plane_views, write_chunks, write_folder

OPTIONS = BatchOptions(sizes=(SIDE,), varied=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two captures, chunks, and a list of them."""
    folder = tmp_path_factory.mktemp("many")
    write_folder(folder / "one")
    write_folder(folder / "two")
    write_chunks(folder / "chunks/train")
    write_chunks(folder / "chunks/test", ("c",))
    listed = {"train": ["one", {"folder": "chunks/train", "near": 1, "far": 4}], "held_out": ["two"]}
    (folder / "scenes.json").write_text(json.dumps(listed))
    return folder


def test_folders_and_chunks_hold_the_same_scene(place: Path):
    scenes = read_scenes(place)
    assert [entry.name.rpartition("/")[2] for entry in scenes.train] == ["one", "train:a", "train:b"]
    assert [entry.name.rpartition("/")[2] for entry in scenes.held_out] == ["two"]
    folder, chunk = scenes.train[0].open(), scenes.train[1].open()
    expected = plane_views()
    for scene in (folder, chunk):
        assert (scene.near, scene.far) == (1.0, 4.0)
        for number in range(3):
            camera, views = scene.cameras[number], expected[number]
            assert np.abs(camera.world_to_camera - views.world_to_camera[0]).max() < 1e-6
            assert (camera.fx, camera.cy, camera.width) == pytest.approx((30.0, SIDE / 2, SIDE))
            assert np.abs(scene.read(number).astype(int) - plane_pixels(views)).mean() < 8  # JPEG
    both = read_scenes(place / "chunks")
    assert (len(both.train), len(both.held_out)) == (2, 1)


def test_what_is_no_list_of_scenes_is_refused(place: Path, tmp_path: Path):
    path = tmp_path / "scenes.json"
    refused = {
        "[]": "expected an object with lists",
        '{"train": []}': "no scene to train on",
        '{"train": [3]}': "'train' has 3",
        '{"train": [{"folder": "x", "nearest": 1}]}': "nearest",
        '{"train": [{"folder": "x", "near": 3, "far": 2}]}': "near 3 and far 2",
        '{"train": ["x"], "held_out": ["x"]}': "trained on and held out",
        "{": "is no JSON",
    }
    for text, message in refused.items():
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_scenes(path)
    with pytest.raises(DataError, match=r"neither scenes\.json nor index\.json"):
        read_scenes(place / "one")


def test_chunks_in_another_layout_are_refused(tmp_path: Path):
    folder = write_chunks(tmp_path / "train", ("a",))
    [scene] = torch.load(folder / "000000.torch", weights_only=True)  # noqa: TID251  # ours
    refused = {
        "two rows of 18 numbers": {**scene, "cameras": scene["cameras"][:, :12]},
        "bytes of 3 pictures": {**scene, "images": scene["images"][:2]},
        "first picture cannot be read": {**scene, "images": [torch.zeros(9, dtype=torch.uint8)] * 3},
        "not finite": {**scene, "cameras": scene["cameras"] * torch.nan},
        "has no scene 'a'": {**scene, "key": "b"},
    }
    for number, (message, changed) in enumerate(refused.items()):
        other = folder / f"{number}.torch"
        torch.save([changed], other)
        (folder / "index.json").write_text(json.dumps({"a": other.name}))
        with pytest.raises(DataError, match=message):
            read_scenes(folder).train[0].open()
    (folder / "bad.torch").write_bytes(b"no tensors")
    for name, message in {"bad.torch": "cannot be read", "none.torch": "does not exist"}.items():
        (folder / "index.json").write_text(json.dumps({"a": name}))
        with pytest.raises(DataError, match=message):
            read_scenes(folder).train[0].open()
    (folder / "index.json").write_text(json.dumps({"a": "../x.torch"}))
    with pytest.raises(DataError, match="names of files beside it"):
        read_scenes(folder)


def test_a_step_is_the_same_each_time_and_every_scene_has_its_turn(place: Path):
    entries = read_scenes(place).train
    batches, again = Batches(entries, OPTIONS), Batches(entries, OPTIONS)
    names = [batches.at(step).scene for step in range(6)]
    assert sorted(names[:3]) == sorted(names[3:]) == sorted(entry.name for entry in entries)
    one, two = batches.at(4), again.at(4)
    assert one.level == two.level and np.array_equal(one.photos, two.photos)
    assert one.photos.shape == (2, 3, SIDE, SIDE) and len(one.targets) == 2
    levels = {batches.at(step).level for step in range(40)}
    assert levels == set(range(6))


def test_targets_are_other_photos_where_there_are_some(place: Path):
    batch = Batches(read_scenes(place).train[:1], OPTIONS).at(0)
    given = [pose.tolist() for pose in batch.views.world_to_camera]
    assert all(camera.world_to_camera.tolist() not in given for _, camera in batch.targets)


def test_a_mirror_shows_the_mirrored_world():
    views = plane_views(2)
    both = Views(
        np.stack([one.world_to_camera[0] for one in views]),
        np.array([[30.0, 30.0, 13.0, 17.0]] * 2),
        SIDE,
        SIDE,
        1.0,
        4.0,
    )
    photos = np.random.default_rng(0).random((2, 3, SIDE, SIDE)).astype(np.float32)
    batch = Batch(photos, both, [], 0, "plane", photos[:, 0])
    tried = [_varied(batch, np.random.default_rng(seed)) for seed in range(9)]
    found = next(one for one in tried if not np.array_equal(np.sort(one.photos, axis=1), np.sort(photos, axis=1)))
    assert np.array_equal(np.sort(found.photos[..., ::-1], axis=1), np.sort(photos, axis=1))
    assert np.array_equal(found.depths[..., ::-1], photos[:, 0])
    depth = np.full((SIDE, SIDE), 0.5)
    columns, rows = both.places_in(0, 1, depth, 1)
    mirrored_columns, mirrored_rows = found.views.places_in(0, 1, depth, 1)
    assert np.abs(mirrored_columns[:, ::-1] - (SIDE - 1 - columns)).max() < 1e-4
    assert np.abs(mirrored_rows[:, ::-1] - rows).max() < 1e-4


def test_photos_are_cut_and_made_smaller_as_their_cameras_are():
    [views, _] = plane_views(2, 64, 48)
    camera = fitted_camera(Camera(views.world_to_camera[0], 30.0, 30.0, 32.0, 24.0, 64, 48), 32, 32)
    assert (camera.fx, camera.cx, camera.cy) == pytest.approx((20.0, 16.0, 16.0))
    found = fitted_photo(plane_pixels(views), 32, 32)
    lens = np.array([[camera.fx, camera.fy, camera.cx, camera.cy]] * 2)
    expected = plane_pixels(Views(views.world_to_camera, lens, 32, 32, 1.0, 4.0))
    assert np.abs(found.astype(int) - expected).mean() < 3
    assert size_for(270, 480, 256) == (144, 256) and size_for(64, 48, 256) == (64, 48)
    with pytest.raises(DataError, match="at least 16 along the other one"):
        size_for(600, 20, 128)


def test_depths_are_told_or_seen_or_guessed(tmp_path: Path):
    guessed = scene_of_folder(write_folder(tmp_path / "guessed", turn=0.1, near=None, far=None))
    assert 0 < guessed.near < guessed.far
    with pytest.raises(DataError, match="its cameras look at no common place; write 'near' and 'far'"):
        scene_of_folder(write_folder(tmp_path / "straight", turn=0.0, near=None, far=None))
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 1.8), (0.5, 0.5, 2.2), (400, 3))
    folder = write_folder(tmp_path / "seen", near=None, far=None, ply_file_path="points.ply")
    lines = ["ply", "format ascii 1.0", f"element vertex {len(points)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + ["end_header"]
    (folder / "points.ply").write_text("\n".join([*lines, *(" ".join(map(str, row)) for row in points), ""]))
    seen = scene_of_folder(folder)
    assert 1.3 < seen.near < 1.6 and 2.6 < seen.far < 3.0
    with pytest.raises(DataError, match=r"near 4.0 and far 4.0; expected two numbers, 0 < near < far"):
        scene_of_folder(write_folder(tmp_path / "told", near=4.0))


@pytest.mark.parametrize("wrong", [{"given": (1,)}, {"given": (13,)}, {"sizes": (100,)}, {"sizes": ()}, {"targets": 0}])
def test_options_that_cannot_work(place: Path, wrong: dict):
    with pytest.raises(ConfigError, match="expected"):
        Batches(read_scenes(place).train, BatchOptions(**wrong))
