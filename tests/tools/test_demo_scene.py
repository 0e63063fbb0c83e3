"""The demo scene, checked from its files only: nothing here calls the generator's cameras, rays or writers."""

import itertools
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import KDTree

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.tools.demo_scene import make
from csgaussian_ns.tools.demo_scene.command import DemoScene
from csgaussian_ns.tools.demo_scene.layout import MAX_OBJECTS, MIN_OBJECTS, TABLE, arrange, points_of

pytest.importorskip("embreex", reason="the demo scene needs embreex: pip install 'csgaussian-ns[demo]'")


KEYS = ("camera_model", "fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "k2", "p1", "p2", "ply_file_path", "frames")


@dataclass(frozen=True)
class Scene:
    """A scene folder read back with plain numpy: images (V H W 3), masks (V H W), the rest as in the files."""

    folder: Path
    meta: dict
    poses: np.ndarray
    images: np.ndarray
    masks: np.ndarray
    names: dict[int, str]
    sparse: np.ndarray
    surface: np.ndarray

    def project(self, view: int, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column, row (floats) and depth of points, from the definition: OpenCV camera = OpenGL with y, z flipped."""
        world_to_camera = np.linalg.inv(self.poses[view] @ np.diag([1.0, -1.0, -1.0, 1.0]))
        x, y, z = (np.c_[xyz, np.ones(len(xyz))] @ world_to_camera.T)[:, :3].T
        return self.meta["fl_x"] * x / z + self.meta["cx"], self.meta["fl_y"] * y / z + self.meta["cy"], z

    def pixels(self, view: int, xyz: np.ndarray, shift: tuple[int, int] = (0, 0)) -> tuple[np.ndarray, ...]:
        """Which points fall into the image, and their integer columns and rows, moved by ``shift``."""
        column, row, depth = self.project(view, xyz)
        column, row = np.floor(column).astype(int) + shift[0], np.floor(row).astype(int) + shift[1]
        inside = (depth > 0) & (column >= 0) & (row >= 0) & (column < self.meta["w"]) & (row < self.meta["h"])
        return inside, column[inside], row[inside]


def read_ply(path: Path) -> np.ndarray:
    header, body = path.read_bytes().split(b"end_header\n", 1)
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    kinds = {"float": "<f4", "uchar": "u1"}
    fields = [(name, kinds[kind]) for kind, name in re.findall(r"property (\w+) (\w+)", header.decode("ascii"))]
    count = int(lines[2].removeprefix("element vertex "))
    rows = np.frombuffer(body, dtype=fields)
    assert len(rows) == count
    return rows


def xyz_of(rows: np.ndarray) -> np.ndarray:
    return np.stack([rows["x"], rows["y"], rows["z"]], axis=-1).astype(np.float64)


def read_scene(folder: Path) -> Scene:
    meta = json.loads((folder / "transforms.json").read_text())
    frames = meta["frames"]
    return Scene(
        folder=folder,
        meta=meta,
        poses=np.array([f["transform_matrix"] for f in frames]),
        images=np.stack([np.asarray(Image.open(folder / f["file_path"])) for f in frames]),
        masks=np.stack([np.asarray(Image.open(folder / f["instance_mask_path"])) for f in frames]),
        names={int(k): v for k, v in json.loads((folder / "instances.json").read_text()).items()},
        sparse=read_ply(folder / meta["ply_file_path"]),
        surface=read_ply(folder / "instance_points.ply"),
    )


@pytest.fixture(scope="module")
def one_stage() -> Iterator[None]:
    """Scenes of one seed and number of objects share their lit stage: to light it takes longer than to draw it."""
    kept: dict = {}
    build = make.build_stage

    def stage(options: DemoScene, *more) -> tuple:
        key = options.seed, options.objects
        if key not in kept:
            kept[key] = build(options, *more)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "build_stage", stage)
        yield


@pytest.fixture(scope="module")
def scene(one_stage: None, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The default layout, smaller and with fewer views."""
    folder = tmp_path_factory.mktemp("demo") / "scene"
    DemoScene(out=folder, views=18, width=160, height=120, samples=4, points=3000).run()
    return read_scene(folder)


def test_layout_of_the_folder(scene: Scene) -> None:
    assert sorted(p.name for p in scene.folder.iterdir()) == [
        ".csgaussian-demo-scene", "images", "instance_masks",
        "instance_points.ply", "instances.json", "sparse_pc.ply", "transforms.json", "whole_masks",
    ]  # fmt: skip
    assert sorted(scene.meta) == sorted(KEYS)
    assert scene.meta["camera_model"] == "OPENCV"
    assert scene.images.shape == (18, 120, 160, 3) and scene.images.dtype == np.uint8
    assert scene.masks.shape == (18, 120, 160) and scene.masks.dtype == np.uint8
    assert scene.sparse.dtype.names == ("x", "y", "z", "red", "green", "blue")
    assert scene.surface.dtype.names == ("x", "y", "z", "instance")
    assert len(scene.sparse) == 3000
    assert not [p for p in scene.folder.parent.iterdir() if p != scene.folder], "left-overs next to the scene"


def test_names_ids_and_masks_agree(scene: Scene) -> None:
    assert sorted(scene.names) == list(range(11))
    assert scene.names[0] == "background"
    assert len(set(scene.names.values())) == 11
    assert set(np.unique(scene.masks)) == set(scene.names)
    assert set(np.unique(scene.surface["instance"])) == set(scene.names) - {0}


def test_every_object_is_visible_in_many_views(scene: Scene) -> None:
    for identity in range(1, 11):
        areas = (scene.masks == identity).sum(axis=(1, 2))
        assert (areas >= 40).sum() >= 9, (scene.names[identity], areas)


def test_objects_touch_and_hide_each_other(scene: Scene) -> None:
    neighbours = set()
    for a, b in ((scene.masks[:, :, 1:], scene.masks[:, :, :-1]), (scene.masks[:, 1:], scene.masks[:, :-1])):
        border = (a != b) & (a > 0) & (b > 0)
        neighbours |= {tuple(sorted(pair)) for pair in zip(a[border].tolist(), b[border].tolist(), strict=True)}
    assert len(neighbours) >= 8

    xyz = xyz_of(scene.surface)
    touching = 0
    for one, other in itertools.combinations(range(1, 11), 2):
        a, b = (xyz[scene.surface["instance"] == k] for k in (one, other))
        touching += np.linalg.norm(a[:, None] - b[None, ::2], axis=-1).min() < 0.012
    assert touching >= 4

    hidden = np.zeros(len(xyz), dtype=bool)
    for view in range(len(scene.poses)):
        inside, column, row = scene.pixels(view, xyz)
        seen = scene.masks[view, row, column]
        hidden[inside] |= (seen != scene.surface["instance"][inside]) & (seen > 0)
    assert hidden.mean() > 0.3


def test_instance_points_fall_into_their_masks(scene: Scene) -> None:
    xyz, owner = xyz_of(scene.surface), scene.surface["instance"]
    own, some, total = np.zeros(len(xyz)), 0, 0
    for view in range(len(scene.poses)):
        inside, column, row = scene.pixels(view, xyz)
        seen = scene.masks[view, row, column]
        own[inside] += seen == owner[inside]
        some, total = some + (seen > 0).sum(), total + len(seen)
    # Every point is on some object in every view (its own or one in front), and on its own in at least one.
    assert some / total > 0.97
    assert (own > 0).mean() > 0.99


def test_masks_are_covered_by_their_points(scene: Scene) -> None:
    xyz, owner = xyz_of(scene.surface), scene.surface["instance"]
    for view in range(0, len(scene.poses), 6):
        for identity in range(1, 11):
            _, column, row = scene.pixels(view, xyz[owner == identity])
            near = np.zeros(scene.masks[view].shape, dtype=bool)
            for dx, dy in itertools.product((-1, 0, 1), repeat=2):
                near[np.clip(row + dy, 0, 119), np.clip(column + dx, 0, 159)] = True
            mask = scene.masks[view] == identity
            assert (mask & ~near).sum() <= 0.05 * mask.sum(), (view, scene.names[identity])


def color_error(scene: Scene, shift: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Per sparse point: mean colour difference of its three best views (0-255), number of views within 30."""
    xyz = xyz_of(scene.sparse)
    rgb = np.stack([scene.sparse[c] for c in ("red", "green", "blue")], axis=-1).astype(float)
    error = np.full((len(scene.poses), len(xyz)), 255.0)
    for view in range(len(scene.poses)):
        inside, column, row = scene.pixels(view, xyz, shift)
        error[view, inside] = np.abs(scene.images[view, row, column] - rgb[inside]).mean(axis=-1)
    return np.sort(error, axis=0)[:3].mean(axis=0), (error < 30).sum(axis=0)


def test_sparse_points_have_the_colour_of_the_images(scene: Scene) -> None:
    best, agreeing = color_error(scene, (0, 0))
    assert np.median(best) < 6.0
    assert (agreeing >= 3).mean() > 0.95


def test_poses_are_exact_to_the_pixel(scene: Scene) -> None:
    """Any shift of the projection makes the colours worse, so axes, principal point and pixel centres are right."""
    right = color_error(scene, (0, 0))[0].mean()
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert color_error(scene, shift)[0].mean() > 1.1 * right, shift


def test_cameras_look_at_the_table_the_right_way_up(scene: Scene) -> None:
    for pose in scene.poses:
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose[:3, :3]) > 0.999
        assert pose[2, 1] > 0.5, "the camera's y axis points up"
        to_table = np.array([0, 0, 0.07]) - pose[:3, 3]
        assert -pose[:3, 2] @ to_table / np.linalg.norm(to_table) > 0.98, "the camera looks along its -z"


def test_images_are_lit_and_textured(scene: Scene) -> None:
    assert 50 < scene.images.mean() < 180
    assert (scene.images > 252).all(axis=-1).mean() < 0.03, "burnt out"
    assert (scene.images < 4).all(axis=-1).mean() < 0.03, "black holes"
    assert scene.images.std(axis=(1, 2)).min() > 20


def test_same_seed_gives_the_same_bytes_in_another_process(
    one_stage: None, scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert DemoScene(tmp_path / "a", views=16, width=80, height=60).run() is None
    line = r"Made \S+a: 16 views of 80x60, 10 objects, \d+ points, [\d.]+ MB in [\d.]+ s\n"
    assert re.fullmatch(line, capsys.readouterr().out)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == 16 + 16 + 16 + 5
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (scene_folder / name).read_bytes(), name


def test_seeds_change_objects_and_places_and_nothing_leaves_the_table() -> None:
    names, places = set(), set()
    for seed in range(3):
        items = arrange(6, np.random.default_rng(seed))
        cloud = np.concatenate([points_of(item.surfaces) for item in items])
        assert len({item.name for item in items}) == len(items) == 6
        assert (np.abs(cloud[:, :2]) < np.asarray(TABLE) / 2).all()
        assert -1e-6 < cloud[:, 2].min() < 1e-6
        names.add(tuple(item.name for item in items))
        places.add(cloud[0].tobytes())
    assert len(names) == len(places) == 3


def test_nothing_floats() -> None:
    """Every object has its lowest point on the table or within a hair of another object below it."""
    items = arrange(10, np.random.default_rng(5))
    clouds = [points_of(item.surfaces) for item in items]
    for index, cloud in enumerate(clouds):
        foot = cloud[cloud[:, 2] < cloud[:, 2].min() + 1e-6]
        if foot[0, 2] < 1e-6:
            continue
        others = np.concatenate([c for k, c in enumerate(clouds) if k != index])
        assert KDTree(others).query(foot)[0].min() < 0.006, items[index].name


@pytest.mark.parametrize("count", [MIN_OBJECTS - 1, MAX_OBJECTS + 1])
def test_impossible_number_of_objects(count: int) -> None:
    with pytest.raises(ConfigError, match=f"got {count}"):
        arrange(count, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("option", "value"), [("views", 2), ("width", 8), ("objects", 17), ("samples", 0), ("seed", -1), ("points", 0)]
)
def test_options_out_of_range(option: str, value: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"--{option} .* got {value}"):
        DemoScene(**{"out": tmp_path / "x", option: value}).run()
    assert not (tmp_path / "x").exists()


def test_missing_extra_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.rtcore_scene", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'csgaussian-ns\[demo\]'"):
        DemoScene(out=tmp_path / "x").run()
    assert list(tmp_path.iterdir()) == []


def test_nerfstudio_reads_it(scene: Scene) -> None:
    pytest.importorskip("nerfstudio", reason="nerfstudio is not installed")
    from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig

    parser = NerfstudioDataParserConfig(
        data=scene.folder, load_3D_points=True, eval_mode="all", orientation_method="none", center_method="none",
        auto_scale_poses=False,
    ).setup()  # fmt: skip
    outputs = parser.get_dataparser_outputs(split="train")
    assert len(outputs.image_filenames) == 18 and all(p.exists() for p in outputs.image_filenames)
    assert outputs.mask_filenames is None, "instance masks must not become training masks"
    np.testing.assert_allclose(outputs.cameras.camera_to_worlds.numpy(), scene.poses[:, :3], atol=1e-6)
    assert outputs.metadata["points3D_xyz"].shape == outputs.metadata["points3D_rgb"].shape == (3000, 3)
    np.testing.assert_allclose(outputs.metadata["points3D_xyz"].numpy(), xyz_of(scene.sparse), atol=1e-6)


def test_whole_masks_are_what_objects_cover_alone(scene: Scene) -> None:
    """They hold all that is seen of an object, and all points of its surface, seen or not."""
    hidden = 0
    for view, frame in enumerate(scene.meta["frames"]):
        with np.load(scene.folder / frame["whole_mask_path"]) as arrays:  # noqa: TID251  # a file of our own
            width, ids = int(arrays["width"]), arrays["ids"].tolist()
            masks = np.unpackbits(arrays["masks"], axis=-1, count=width).astype(bool)
        assert ids == sorted(scene.names.keys() - {0})
        for number, whole in zip(ids, masks, strict=True):
            seen = scene.masks[view] == number
            assert not (seen & ~whole).any()
            hidden += int((whole & ~seen).sum())
            own = scene.surface[scene.surface["instance"] == number]
            _, column, row = scene.pixels(view, np.stack([own[axis] for axis in "xyz"], axis=-1))
            assert whole[row, column].sum() >= 0.85 * len(column)  # points on outlines fall into the next pixel
    assert hidden > 1000
