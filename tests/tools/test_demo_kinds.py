"""Kinds of demo scenes: what stands on the table, masks against each object traced alone, and light through glass."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.demo_scene import make
from csgaussian_ns.tools.demo_scene import textures as tx
from csgaussian_ns.tools.demo_scene.command import DemoScene
from csgaussian_ns.tools.demo_scene.geometry import Surface, lathe, patch, round_profile
from csgaussian_ns.tools.demo_scene.kinds import KINDS
from csgaussian_ns.tools.demo_scene.layout import TABLE, Item, arrange, points_of
from csgaussian_ns.tools.demo_scene.light import Light
from csgaussian_ns.tools.demo_scene.mesh import Tracer, assemble
from csgaussian_ns.tools.demo_scene.options import KindName
from csgaussian_ns.tools.demo_scene.passing import STRAIGHT, radiance
from csgaussian_ns.tools.demo_scene.points import sparse_points
from csgaussian_ns.tools.demo_scene.render import draw, pixel_centres
from csgaussian_ns.tools.demo_scene.rings import DemoView, rings
from csgaussian_ns.tools.demo_scene.room import furnish, lamps
from csgaussian_ns.tools.demo_scene.shading import Stage, lit_stage
from csgaussian_ns.tools.demo_scene.silhouettes import shape_of

pytest.importorskip("embreex", reason="the demo scene needs embreex: pip install 'csgaussian-ns[demo]'")

HARD: list[KindName] = ["clutter", "glass", "pile", "thin"]
SIZE = (96, 72)
PLAIN_NAMES = [
    "orange vase",
    "globe",
    "cactus",
    "teal book",
    "pink book",
    "donut",
    "yellow gift box",
    "purple bowl",
    "apple",
    "red mug",
]
PLAIN_MIDDLES = [
    [-0.0241, 0.0018, 0.1484],
    [0.0792, 0.113, 0.1116],
    [-0.1823, 0.0403, 0.1108],
    [0.0832, -0.1209, 0.021],
    [0.0741, -0.1206, 0.063],
    [0.0895, -0.1248, 0.115],
    [-0.0913, 0.1904, 0.1098],
    [-0.1908, -0.1455, 0.0346],
    [-0.1907, -0.1454, 0.0674],
    [0.243, 0.077, 0.0519],
]
PLAIN_EYES = [[-0.2544, -0.8974, 0.2513], [0.7905, 0.1997, 0.4596], [-0.5143, 0.4564, 0.63]]


@lru_cache
def things(kind: KindName, seed: int = 5, count: int | None = None) -> list[Item]:
    return arrange(count or KINDS[kind].objects, np.random.default_rng([seed, 1]), KINDS[kind].mixture)


def in_the_dark(surfaces: list, owners: list[int]) -> Stage:
    """A stage without lamps' light: what shines does so by itself."""
    mesh = assemble(surfaces, owners)
    count, lights = len(mesh.vertices), lamps()
    dark = Light(np.zeros((count, 3), np.float32), np.zeros((count, len(lights)), np.float32))
    return lit_stage(mesh, Tracer(mesh), Tracer(mesh, mesh.matt_faces), lights, dark)


@pytest.fixture(scope="module", params=HARD)
def staged(request: pytest.FixtureRequest) -> tuple[str, list[Item], Stage, list[DemoView]]:
    kind: KindName = request.param
    items, room = things(kind), furnish(np.random.default_rng([5, 2]))
    owned = [(part, 0) for part in room] + [(part, i + 1) for i, item in enumerate(items) for part in item.surfaces]
    stage = in_the_dark([part for part, _ in owned], [owner for _, owner in owned])
    return kind, items, stage, rings(6, *SIZE, np.random.default_rng([5, 3]), KINDS[kind].cameras)


def test_the_plain_scene_is_the_one_that_it_was() -> None:
    """Before there were kinds, this was what seed 5 made: bytes of scenes that people have must not change."""
    items = things("plain")
    assert [item.name for item in items] == PLAIN_NAMES
    corners = np.stack([points_of(item.surfaces).mean(axis=0) for item in items])
    np.testing.assert_allclose(corners, PLAIN_MIDDLES, atol=2e-4)
    poses = np.stack([view.pose for view in rings(3, 320, 240, np.random.default_rng([5, 3]))])
    np.testing.assert_allclose(poses[:, :3, 3], PLAIN_EYES, atol=2e-4)
    stage = in_the_dark(furnish(np.random.default_rng([5, 2])), [0] * len(furnish(np.random.default_rng([5, 2]))))
    assert stage.mesh.plain and stage.mesh.matt_faces.all()


def test_masks_are_what_each_object_traced_alone_says(staged: tuple) -> None:
    """The nearest of all objects, each traced by itself, and of the room: glass counts as the object that it is."""
    kind, items, stage, views = staged
    alone = [shape_of(item.surfaces).tracer for item in items]
    around = Tracer(stage.mesh, stage.mesh.instance == 0)
    seen = np.zeros(len(items) + 1, np.int64)
    for view in views:
        rays = view.rays(pixel_centres(view))
        eye = np.broadcast_to(view.centre, rays.shape)
        hits = [around.first(eye, rays), *(tracer.first(eye, rays) for tracer in alone)]
        far = np.stack([np.where(hit.face >= 0, hit.distance, np.inf) for hit in hits])
        near = np.sort(far, axis=0)
        told = draw(stage, view, 1)[1].ravel()
        clear_cut = near[1] - near[0] > 1e-4  # two that touch are equally near
        assert (told == far.argmin(axis=0))[clear_cut].all() and clear_cut.mean() > 0.99
        seen += np.bincount(told, minlength=len(items) + 1)
    assert (seen[1:] >= 40).all(), (kind, seen)


@pytest.mark.parametrize("kind", HARD)
def test_things_have_names_of_their_own_and_stand_on_the_table(kind: KindName) -> None:
    for seed, count in ((5, None), (1, KINDS[kind].mixture.most), (2, 4)):
        items = things(kind, seed, count)
        assert len(items) == (count or KINDS[kind].objects)
        assert len({item.name for item in items}) == len(items)
        cloud = np.concatenate([points_of(item.surfaces) for item in items])
        assert (np.abs(cloud[:, :2]) < np.asarray(TABLE) / 2).all() and -1e-3 < cloud[:, 2].min() < 1e-3
        assert len(cloud) < 300_000, "light is baked for each"


@pytest.mark.parametrize("kind", HARD)
def test_the_same_seed_gives_the_same_things_and_another_others(kind: KindName) -> None:
    def digest(seed: int) -> str:
        items = things.__wrapped__(kind, seed, 6)
        return hashlib.sha256(b"".join(points_of(item.surfaces).tobytes() for item in items)).hexdigest()

    assert digest(5) == digest(5) != digest(6)


def test_kinds_have_what_they_are_called_after() -> None:
    passing = {kind: [_passing(item) for item in things(kind)] for kind in KINDS}
    assert sum(clear > 0 for clear, _ in passing["glass"]) >= 5 and sum(m > 0 for _, m in passing["glass"]) == 1
    assert all(clear == mirror == 0 for kind in KINDS if kind != "glass" for clear, mirror in passing[kind])
    piled = [item.name.rsplit(" ", 1)[0] for item in things("pile")]
    assert max(Counter(piled).values()) >= 3
    colours = {name.split(" ")[0] for name in piled if name != "donut"}
    assert len(colours) == 1, "one colour"
    assert len(things("clutter")) == 24


def _passing(item: Item) -> tuple[float, float]:
    return max(s.material.clear for s in item.surfaces), max(s.material.mirror for s in item.surfaces)


def test_cameras_in_clutter_see_a_part() -> None:
    items = things("clutter")
    tracer = shape_of([part for item in items for part in item.surfaces])
    inside = []
    for view in rings(12, *SIZE, np.random.default_rng([5, 3]), KINDS["clutter"].cameras):
        place, depth = view.project(tracer.vertices)
        inside.append(((depth > 0) & (place >= 0).all(axis=1) & (place < SIZE).all(axis=1)).mean())
    assert min(inside) < 0.5 and max(inside) < 0.999


def test_number_of_objects_by_kind(tmp_path: Path) -> None:
    DemoScene(tmp_path / "x", kind="clutter", objects=32).check()
    with pytest.raises(ConfigError, match="--objects must be 4 to 32, got 33"):
        DemoScene(tmp_path / "x", kind="clutter", objects=33).run()
    with pytest.raises(ConfigError, match="--objects must be 4 to 16, got 17"):
        DemoScene(tmp_path / "x", kind="pile", objects=17).run()


GLOW = tx.material(tx.flat(4, 4, (1.0, 0.0, 0.0)), emission=0.5)
OTHER = tx.material(tx.flat(4, 4, (0.0, 0.0, 1.0)), emission=0.5)


def wall(y: float, material: tx.Material, size: float = 24.0) -> Surface:
    """A square across the y axis."""
    return patch([(-size, y, -size), (size, y, -size), (size, y, size), (-size, y, size)], material, edge=size)


def look(stage: Stage, direction: tuple[float, float, float]) -> np.ndarray:
    return radiance(stage, np.zeros((1, 3), np.float32), np.array([direction], np.float32))[0]


def test_a_clear_wall_passes_its_share_in_its_tint_and_reflects_the_more_the_flatter() -> None:
    grey = tx.material(tx.flat(4, 4, (0.5, 0.5, 0.5)))
    pane = replace(grey, clear=0.8)
    stage = in_the_dark([wall(-3, OTHER), wall(1, pane), wall(2, GLOW)], [0, 1, 0])
    tint = float(tx.to_linear(np.array(0.5)))
    straight = look(stage, (0, 1, 0))
    np.testing.assert_allclose(straight, [0.5 * 0.8 * (1 - STRAIGHT) * tint, 0, 0.5 * STRAIGHT], atol=1e-5)
    slanted = look(stage, (2.5, 1, 0))
    assert slanted[2] > 2.5 * straight[2] and slanted[0] < straight[0]


def test_a_mirror_shows_what_is_behind_the_camera() -> None:
    silver = replace(tx.material(tx.flat(4, 4, (1.0, 1.0, 1.0))), mirror=0.9)
    stage = in_the_dark([wall(-3, OTHER), wall(1, silver), wall(2, GLOW)], [0, 1, 0])
    np.testing.assert_allclose(look(stage, (0.3, 2, 0.1)), [0, 0, 0.45], atol=1e-5)


def test_a_ball_of_glass_turns_things_upside_down() -> None:
    solid = replace(tx.material(tx.flat(4, 4, (1.0, 1.0, 1.0))), clear=1.0, bend=1.5)
    ball = lathe(round_profile(0.5, 0.0), solid, edge=0.02)
    ball = [replace(part, vertices=part.vertices + np.array([0, 2, 0], np.float32)) for part in ball]
    upper = patch([(-4, 8, 0), (4, 8, 0), (4, 8, 4), (-4, 8, 4)], GLOW, edge=4)
    lower = patch([(-4, 8, -4), (4, 8, -4), (4, 8, 0), (-4, 8, 0)], OTHER, edge=4)
    stage = in_the_dark([upper, lower, *ball], [0, 0, *[1] * len(ball)])
    above, below = look(stage, (0, 2, 0.2)), look(stage, (0, 2, -0.2))
    assert above[2] > 0.4 > 0.05 > above[0] and below[0] > 0.4 > 0.05 > below[2]
    assert look(stage, (0, 2, 0.9))[0] == pytest.approx(0.5), "past the ball it is as it is"


def test_matching_finds_what_shines_through_glass_and_nothing_in_mirrors() -> None:
    grey = tx.material(tx.flat(4, 4, (0.5, 0.5, 0.5)))
    pane, silver = replace(grey, clear=0.8), replace(grey, mirror=0.9)
    right = patch([(0, 1, -2), (2, 1, -2), (2, 1, 2), (0, 1, 2)], silver, edge=2)
    left = patch([(-2, 1, -2), (0, 1, -2), (0, 1, 2), (-2, 1, 2)], pane, edge=2)
    stage = in_the_dark([wall(2, grey), left, right], [0, 1, 2])
    pose = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])  # looks along +y, z up
    views = [DemoView(pose, 40.0, *SIZE) for _ in range(3)]
    noise = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    cloud = sparse_points(stage, views, [noise] * 3, 500, np.random.default_rng(0))
    behind, on_glass = (np.abs(cloud.xyz[:, 1] - y) < 0.25 for y in (2.0, 1.0))
    assert (behind | on_glass).all() and 0.02 < on_glass.mean() < 0.25
    assert (cloud.xyz[on_glass, 0] < 0.05).all() and (cloud.xyz[behind, 0] < 0.1).all()


def test_a_scene_of_glass_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the command to the folder: masks of files are those of the stage, and the names are there."""

    def dark(options: DemoScene, pool: object, step: object) -> tuple[Stage, list[Item]]:
        items = things("glass", options.seed, options.objects)
        owned = [(part, i + 1) for i, item in enumerate(items) for part in item.surfaces]
        owned += [(part, 0) for part in furnish(np.random.default_rng([options.seed, 2]))]
        return in_the_dark([part for part, _ in owned], [owner for _, owner in owned]), items

    monkeypatch.setattr(make, "build_stage", dark)
    DemoScene(tmp_path / "s", kind="glass", views=3, width=64, height=48, samples=1, points=60).run()
    items = things("glass")
    named = json.loads((tmp_path / "s" / "instances.json").read_text())
    assert named == {"0": "background", **{str(i + 1): item.name for i, item in enumerate(items)}}
    stage, view = dark(DemoScene(tmp_path / "s"), None, None)[0], rings(3, 64, 48, np.random.default_rng([5, 3]))[1]
    stored = np.asarray(Image.open(tmp_path / "s" / "instance_masks" / "frame_00002.png"))
    np.testing.assert_array_equal(stored, draw(stage, view, 1)[1])
