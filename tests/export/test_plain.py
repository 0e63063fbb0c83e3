"""Plain Gaussians for scenes whose views differ."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.export import fit
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.export.part import ScenePart
from csgaussian_ns.export.plain import Effort, plain
from csgaussian_ns.render.cpu_fitting import SHAPE_SUMS, solve_harmonics, sums_of
from tests.export.scenes import Fickle, random_gaussians, ring


def in_order(scene, means: np.ndarray) -> np.ndarray:
    """Row of ``scene`` of each place."""
    distance = np.linalg.norm(means[:, None] - scene.means[None], axis=2)
    assert distance.min(axis=1).max() < 1e-6
    return distance.argmin(axis=1)


class Wrapped:
    """Plain Gaussians that do not say so."""

    def __init__(self, scene) -> None:
        self.position, self.background, self.seen = scene.means, None, scene.seen
        self.hidden, self.plain = scene.hidden, None


def test_what_is_plain_already_is_found_again():
    scene = random_gaussians(150, 1)
    splats = plain(Wrapped(scene), ring(24), Effort(1), objects=np.arange(150) % 4)
    rows = in_order(scene, splats.scene.means)
    assert len(splats) == 150 and (splats.objects == rows % 4).all()
    assert np.allclose(splats.scene.scales, scene.scales[rows], rtol=1e-4)
    assert np.allclose(splats.scene.opacities, scene.opacities[rows], atol=1e-3)
    assert likeness(splats.scene, scene, ring(5, 5.5)) > 45


def test_descent_makes_up_for_what_views_differ_in():
    scene, cameras = Fickle(random_gaussians(400)), ring(24)
    alone = plain(scene, cameras, Effort(3))
    together = plain(scene, cameras, Effort(3, steps=80))
    before, after = (likeness(s.scene, scene, ring(7, 5.7)) for s in (alone, together))
    assert before > 20 and after > before + 1.5
    again = plain(scene, cameras, Effort(3, steps=80))
    assert np.array_equal(again.scene.harmonics, together.scene.harmonics), "the same call gives the same file"


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch):
    scene = Fickle(random_gaussians(200))
    whole = plain(scene, ring(8), Effort(2))
    monkeypatch.setattr(fit, "BLOCK", 37)
    parts = plain(scene, ring(8), Effort(2))
    order = [np.lexsort(s.scene.means.T) for s in (whole, parts)]
    for name in ("means", "scales", "opacities", "harmonics"):
        left, right = (getattr(s.scene, name)[o] for s, o in zip((whole, parts), order, strict=True))
        assert np.allclose(left, right, atol=1e-5)


def test_only_a_part_is_exported():
    scene = Fickle(random_gaussians(200))
    rows = np.arange(200) < 50
    low, high = (-0.5, -5.0, -5.0), (5.0, 5.0, 5.0)
    splats = plain(ScenePart(scene, rows, (low, high)), ring(8), Effort(0))
    found = in_order(scene.scene, splats.scene.means)
    assert rows[found].all() and (splats.scene.means[:, 0] >= -0.5).all()
    assert 20 < len(splats) < 50 and splats.scene.degree == 0


def test_nothing_is_refused():
    scene = Fickle(random_gaussians(20))
    with pytest.raises(ConfigError, match="nothing to export"):
        plain(ScenePart(scene, np.zeros(20, np.bool_)), ring(4), Effort())
    with pytest.raises(ConfigError, match="nothing to export"):
        plain(random_gaussians(0), ring(4), Effort())


def test_the_solver_solves():
    generator, count = np.random.default_rng(0), 9
    factor = generator.normal(size=(3, 20, count))
    matrix = factor.transpose(0, 2, 1) @ factor
    sides = generator.normal(size=(3, count, 3))
    sums = np.zeros((3, sums_of(count)), np.float32)
    sums[:, : count * (count + 1) // 2] = matrix[(slice(None), *np.tril_indices(count))]
    sums[:, count * (count + 1) // 2 : -SHAPE_SUMS] = sides.reshape(3, -1)
    sums[:, -SHAPE_SUMS] = 2.0
    found = np.zeros((3, count, 3), np.float32)
    solve_harmonics(0, 3, count, np.float32(0.5), sums, found)
    ridge = 2 * np.diag([1e-6, *[0.5] * (count - 1)])
    assert np.allclose(found, np.linalg.solve(matrix + ridge, sides), rtol=1e-3, atol=1e-4)
