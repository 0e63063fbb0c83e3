"""The first anchors: voxel size rule, one anchor per voxel, and clouds that cannot be used."""

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.scene.sfm_init import anchors_from_points, random_points, voxel_size_of


def lattice(edge: int, spacing: float) -> torch.Tensor:
    axis = torch.arange(edge, dtype=torch.float32) * spacing
    return torch.cartesian_prod(axis, axis, axis)


def test_voxel_size_is_a_quarter_of_the_median_spacing_and_ignores_duplicates():
    points = lattice(4, 0.25)
    doubled = torch.cat([points, points, points[:5]])
    assert voxel_size_of(doubled) == pytest.approx(0.0625)


def test_one_anchor_per_occupied_voxel():
    points = torch.tensor([[0.1, 0, 0], [0.2, 0, 0], [1.1, 0, 0], [5.0, 5.0, 5.0], [-0.9, 0, 0.1]])
    anchors = anchors_from_points(points, feature_dim=8, num_offsets=4, voxel_size=1.0)
    assert anchors.grid.tolist() == [[-1, 0, 0], [0, 0, 0], [1, 0, 0], [5, 5, 5]]
    assert torch.equal(anchors.position, anchors.grid.float())
    assert anchors.feature.shape == (4, 8) and anchors.offset.shape == (4, 4, 3)


def test_length_is_the_rms_distance_to_three_neighbours():
    anchors = anchors_from_points(lattice(4, 0.5), 4, 2)
    corner = torch.nonzero((anchors.grid == 0).all(dim=1))[0, 0]  # its three nearest are one voxel away
    assert anchors.scaling[corner].exp().tolist() == pytest.approx([0.5] * 6)


def test_a_scene_keeps_its_shape_under_scaling():
    points = torch.randn(500, 3)
    small, large = anchors_from_points(points, 4, 2), anchors_from_points(points * 100, 4, 2)
    assert len(small) == len(large)
    assert torch.allclose(large.scaling - small.scaling, torch.tensor(float(np.log(100))), atol=1e-3)


@pytest.mark.parametrize("points", [torch.zeros(0, 3), torch.ones(1, 3), torch.ones(500, 3)])
def test_a_cloud_without_extent_is_refused(points: torch.Tensor):
    with pytest.raises(DataError, match=r"at least 8 .*Re-run structure from motion"):
        anchors_from_points(points, 4, 2)


def test_non_finite_points_and_far_outliers_are_dropped():
    points = torch.cat([lattice(4, 1.0), torch.tensor([[float("nan"), 0, 0], [float("inf"), 0, 0], [1e9, 0, 0]])])
    anchors = anchors_from_points(points, 4, 2)
    assert len(anchors) == 64
    assert torch.isfinite(anchors.scaling).all()


def test_random_points_fill_the_cube_and_repeat():
    points = random_points(5000, half_extent=2.0, seed=7)
    assert torch.equal(points, random_points(5000, 2.0, 7))
    assert not torch.equal(points, random_points(5000, 2.0, 8))
    assert points.abs().max() <= 2
    assert points.mean(dim=0).abs().max() < 0.1
