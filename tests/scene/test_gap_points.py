"""Points behind gaps: where they come to lie, and that they do not where the cloud is dense."""

import pytest
import torch

from csgaussian_ns.core.types import Camera
from csgaussian_ns.scene.gap_points import COLUMNS, points_behind_gaps
from tests.scene.scenes import camera_at


def wall(depth: float, count: int = 40, half: float = 3.0) -> torch.Tensor:
    """A lattice of points in the plane z = ``depth``."""
    axis = torch.linspace(-half, half, count)
    x, y = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x.flatten(), y.flatten(), torch.full((count**2,), depth)], dim=1)


def pixels(points: torch.Tensor, camera: Camera) -> torch.Tensor:
    local = points @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    return torch.stack(
        [camera.fx * local[:, 0] / local[:, 2] + camera.cx, camera.fy * local[:, 1] / local[:, 2] + camera.cy], dim=1
    )


def test_a_dense_cloud_has_no_gaps():
    assert len(points_behind_gaps(wall(0.0, 200), [camera_at(5.0)])) == 0


def test_a_hole_in_a_wall_is_closed_at_the_wall():
    points = wall(0.0, 200)
    hole = (points[:, 0] > 0.5) & (points[:, 0] < 1.5) & (points[:, 1].abs() < 0.5)
    found = points_behind_gaps(points[~hole], [camera_at(5.0)])
    assert 8 <= len(found) <= 24  # the hole is 12 x 12 pixels, a cell 2.7
    assert torch.allclose(found[:, 2], torch.zeros(len(found)), atol=1e-4)
    assert ((found[:, 0] > 0.4) & (found[:, 0] < 1.6) & (found[:, 1].abs() < 0.6)).all()


def test_beside_something_near_the_depth_is_that_of_what_is_far():
    near, far = wall(-3.0, 60, 0.4), wall(2.0, 12, 4.0)
    found = points_behind_gaps(torch.cat([near, far]), [camera_at(5.0)])
    assert len(found) > 50
    assert torch.allclose(found[:, 2], torch.full((len(found),), 2.0), atol=1e-3)


def test_views_share_one_background_and_the_seed_decides():
    points = wall(0.0, 12)
    alone = points_behind_gaps(points, [camera_at(5.0)])
    twice = points_behind_gaps(points, [camera_at(5.0), camera_at(5.0)])
    assert len(twice) == len(alone)  # the second view finds no gap that the first has not closed
    assert torch.equal(points_behind_gaps(points, [camera_at(5.0)]), alone)
    assert not torch.equal(points_behind_gaps(points, [camera_at(5.0)], seed=1), alone)


def test_every_cell_gets_its_point_wherever_the_camera_stands():
    turn = torch.tensor(0.7)
    pose = torch.eye(4)
    pose[0, 0] = pose[2, 2] = turn.cos()
    pose[0, 2], pose[2, 0] = turn.sin(), -turn.sin()
    pose[:3, 3] = torch.tensor([0.3, -0.2, 6.0])
    camera = Camera(pose, 60.0, 66.0, 30.0, 26.0, 64, 48)
    points = torch.rand(30, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    both = torch.cat([points, points_behind_gaps(points, [camera])])
    cells = (pixels(both, camera) / torch.tensor([64.0, 48.0]) * torch.tensor([COLUMNS, 18])).floor()
    inside = ((cells >= 0) & (cells < torch.tensor([COLUMNS, 18]))).all(dim=1)
    assert len(torch.unique(cells[inside], dim=0)) == COLUMNS * 18


@pytest.mark.parametrize("count", [0, 5])
def test_too_few_points_tell_no_depth(count: int):
    assert points_behind_gaps(torch.rand(count, 3), [camera_at(5.0)]).shape == (0, 3)


def test_points_that_are_not_finite_are_left_out():
    points = wall(0.0, 12)
    broken = torch.cat([points, torch.full((3, 3), torch.nan)])
    assert torch.equal(points_behind_gaps(broken, [camera_at(5.0)]), points_behind_gaps(points, [camera_at(5.0)]))
