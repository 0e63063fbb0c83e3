"""Plain Gaussians made a file, looked at, asked, edited and streamed like any other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.edits import Move, Recolour, Remove, Rename, Rotate, Scale, Target
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.format.gaussians.read import CodedGaussians
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import read_ply
from csgaussian_ns.scene.splats import Splats
from tests.export.scenes import random_gaussians, ring
from tests.format.surgery import with_embeddings


@pytest.fixture(scope="module")
def splats() -> Splats:
    """Four objects side by side, 30 Gaussians each, and some of none."""
    scene, objects = random_gaussians(150, spread=0.3), np.repeat([0, 2, 3, 5, 9], 30)
    scene.means[:, 0] += objects / 2 - 2
    return Splats(scene, objects)


@pytest.fixture(scope="module")
def data(splats: Splats) -> bytes:
    return import_gaussians(splats, Settings(name="four")).data


def test_it_looks_like_what_was_given(splats: Splats, data: bytes):
    scene, cameras = csgaussian_ns.load(data), ring(3)
    assert likeness(scene, splats.scene, cameras) > 42
    finer = csgaussian_ns.load(import_gaussians(splats, Settings(step=0.25)).data)
    assert likeness(finer, splats.scene, cameras) > likeness(scene, splats.scene, cameras) + 8
    plain = csgaussian_ns.load(import_gaussians(splats, Settings(degree=0)).data)
    assert isinstance(plain.scene, GaussianScene) and plain.scene.degree == 0 and len(plain.data) < len(data) / 2
    assert repr(scene) == f"<LoadedScene of 150 Gaussians, 4 objects, {len(data) / 1e6:.3f} MB>"
    with pytest.raises(ConfigError, match="of Gaussians: it has no anchors"):
        _ = scene.anchors


def test_objects_come_along(splats: Splats, data: bytes):
    made, scene = import_gaussians(splats, Settings()), csgaussian_ns.load(data)
    assert made.objects == (2, 3, 5, 9) and [thing.anchors for thing in scene.objects] == [30] * 4
    assert scene.semantics is not None
    third = scene.position[scene.semantics.label == 3]
    assert np.allclose(np.mean(third, axis=0), scene.objects[3].centre, atol=0.05)
    camera = ring(1)[0]
    lit = next(one for one in ((c, r) for c in range(0, 120, 5) for r in range(0, 90, 5)) if scene.select(camera, *one))
    assert scene.select(camera, *lit) in tuple(scene.objects)


def test_edits_hold_and_flattening_removes(data: bytes, tmp_path: Path):
    scene = csgaussian_ns.load(data)
    edited = scene.edited(Remove(Target((2,))), Rename(Target((3,)), "cup"))
    edited.save(tmp_path / "edited.csg")
    again = csgaussian_ns.load(tmp_path / "edited.csg")
    assert [thing.name for thing in again.objects] == ["", "cup", ""] and len(again.position[~again.hidden]) == 120
    flat = flattened(again.data)
    assert (flat.anchors, flat.objects, flat.row, flat.edits) == (30, 1, "Gaussian", ())
    left = csgaussian_ns.load(flat.data)
    assert [(thing.id, thing.name) for thing in left.objects] == [(1, ""), (2, "cup"), (3, "")]
    kept = scene.semantics.label != 2  # type: ignore[union-attr]
    assert sorted(map(tuple, left.position)) == sorted(map(tuple, scene.position[kept]))
    cameras = ring(2)
    assert likeness(left, again, cameras) > 80
    assert len(flat.data) < 0.85 * len(again.data)


def test_flattening_puts_motions_and_colours_into_gaussians():
    """What edits showed is what the Gaussians are then, harmonics turned along; those that stay keep their integers."""
    scene, label = random_gaussians(200, spread=0.3), np.repeat(np.arange(4), 50)
    scene.means[:, 0] += label
    scene.harmonics[:, 0] = 0.3 * scene.harmonics[:, 0].clip(-3, 3)
    data = with_embeddings(import_gaussians(Splats(scene, label), Settings(step=0.2)).data, ("left", "middle", "right"))
    loaded = csgaussian_ns.load(data)
    edited = loaded.edited(
        Move(Target((1,)), (0.0, 1.0, 0.5)),
        Rotate(Target((1, 2)), (1.0, 0.3, 0.0), 70.0),
        Scale(Target((2,)), 1.7),
        Recolour(Target((2,)), (0.9, 0.4, 0.1)),
        Remove(Target((3,))),
        Rename(Target((2,)), "cup"),
    )
    flat = flattened(edited.data)
    assert (flat.anchors, flat.objects, flat.left, flat.edits, flat.chunks) == (50, 1, (1, 2), (), (1, 1))
    left = csgaussian_ns.load(flat.data)
    assert [thing.name for thing in left.objects] == ["left", "cup"] and left.edits == ()
    assert [thing.embedding for thing in left.objects] == [thing.embedding for thing in loaded.objects][:2]
    assert likeness(left, edited, ring(3)) > 40 > likeness(left, loaded, ring(3)) + 10
    before, after = loaded.coded, left.coded
    assert isinstance(before, CodedGaussians) and isinstance(after, CodedGaussians)
    still = np.concatenate([before.rows.grid, before.rows.values], axis=1)[loaded.semantics.label == 0]  # type: ignore
    now = np.concatenate([after.rows.grid, after.rows.values], axis=1)[left.semantics.label == 0]  # type: ignore
    assert sorted(map(tuple, still)) == sorted(map(tuple, now))
    with pytest.raises(ConfigError, match=r"only edits do: .* lies 1e\+09 from the origin"):
        flattened(loaded.edited(Move(Target((1,)), (1e9, 0.0, 0.0))).data)


def test_facts_change_without_the_rest(data: bytes):
    scene = csgaussian_ns.load(data).with_meta(name="five", background=[1.0, 0.5, 0.0])
    again = csgaussian_ns.load(scene.data)
    assert again.meta.name == "five" and again.digest() == csgaussian_ns.load(data).digest()  # type: ignore[attr-defined]
    corner = again.render(ring(1, radius=90.0)[0])[0, 0]
    assert corner.tolist() == [255, 128, 0]
    with pytest.raises(ConfigError, match="degree: expected some of"):
        scene.with_meta(degree=1)


def test_it_grows_while_it_arrives():
    many = import_gaussians(Splats(random_gaussians(40_000, degree=0)), Settings()).data
    steps = list(csgaussian_ns.stream(many))
    assert [len(step) for step in steps][:2] == [16384, 32768] and len(steps[-1]) == 40_000
    whole = csgaussian_ns.load(many)
    assert np.array_equal(steps[-1].position, whole.position) and steps[-1].digest() == whole.digest()
    middle = np.median(whole.position, axis=0)
    near = list(csgaussian_ns.stream(many, box=[whole.position.min(axis=0), middle]))
    assert 0 < len(near[-1]) < 40_000
    inside = (whole.position <= middle).all(axis=1)
    assert inside.sum() == (near[-1].position <= middle).all(axis=1).sum()


def test_what_no_renderer_draws_is_left_out(splats: Splats):
    scene = splats.scene
    means, opacities, quats = scene.means.copy(), scene.opacities.copy(), scene.quats.copy()
    means[3, 1], opacities[5], quats[7] = np.nan, 0.001, 0
    made = import_gaussians(Splats(replace(scene, means=means, opacities=opacities, quats=quats)), Settings())
    assert np.flatnonzero(~made.kept).tolist() == [3, 5, 7] and len(csgaussian_ns.load(made.data)) == 147
    with pytest.raises(ConfigError, match="none of 150 Gaussians"):
        import_gaussians(Splats(replace(scene, opacities=0 * opacities)), Settings())
    with pytest.raises(ConfigError, match=r"expected 0\.001 to 16"):
        import_gaussians(splats, Settings(step=0.0))


def test_one_far_away_makes_steps_wider_and_that_is_told(splats: Splats):
    means = splats.scene.means.copy()
    means[0] = 1e6
    made = import_gaussians(Splats(replace(splats.scene, means=means)), Settings())
    assert made.widened > 5 and np.abs(csgaussian_ns.load(made.data).position.max() - 1e6) < 2


def test_a_trained_scene(shared_data: Path):
    file = shared_data / "splats" / "inria_sh3_iter7000.ply"
    with file.open("rb") as stream:
        scene = read_ply(stream)
    made = import_gaussians(Splats(scene), Settings(up=(0.0, -1.0, 0.0)))
    assert file.stat().st_size / len(made.data) > 18  # 20.9
    found = csgaussian_ns.load(made.data)
    assert likeness(found, scene, found.orbit(views=3).values()) > 43  # 44.6 over 8 views
