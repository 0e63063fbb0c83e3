"""Scenes at the edges of what can be coded, export that is killed, and the documented refusals."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.core.errors import FormatError, QuantisationError
from csgaussian_ns.format.morton import MAX_BITS
from tests.codec.scenes import random_scene

ROOT = Path(__file__).resolve().parents[2]


def with_grid(scene: TrainedScene, rows: dict[int, tuple[int, int, int]]) -> TrainedScene:
    grid = scene.grid.clone()
    for row, voxel in rows.items():
        grid[row] = torch.tensor(voxel, dtype=grid.dtype)
    return replace(scene, grid=grid)


@pytest.mark.parametrize("low", [0, -(1 << 30), (1 << 30) - (1 << MAX_BITS)])
def test_the_largest_extent_and_far_origins(low: int):
    high = low + (1 << MAX_BITS) - 1
    scene = with_grid(random_scene(30, kept=1.1), {0: (low, low, low), 1: (high, low, high)})
    rest = {row: (low + 5 * row, high - row, low + 7) for row in range(2, len(scene.grid))}
    scene = with_grid(scene, rest)
    decoded = decode(encode(scene, chunk_anchors=7).data)
    assert sorted(decoded.grid.tolist()) == sorted(scene.grid.tolist())


def test_a_scene_too_wide_is_refused():
    scene = with_grid(random_scene(30, kept=1.1), {0: (0, 0, 0), 1: (1 << MAX_BITS, 0, 0)})
    with pytest.raises(QuantisationError, match="Use larger voxels"):
        encode(scene)


def test_anchors_that_share_a_voxel_are_refused_unless_dropped():
    scene = random_scene(30, kept=1.1)
    scene = with_grid(scene, {4: tuple(scene.grid[9].tolist())})
    with pytest.raises(QuantisationError, match="1 of 30 anchors share a voxel"):
        encode(scene)
    scene.anchors.mask[4] = 0  # an anchor without offsets is not stored
    assert len(decode(encode(scene).data).grid) == 29


def test_escapes_only():
    scene = random_scene(20, feature_dim=10, num_offsets=2, carm_dim=0, kept=1.1)
    far = torch.where(torch.rand(scene.anchors.feature.shape) < 0.5, -1.0, 1.0) * 60_000
    scene.anchors.feature.copy_(far)
    scene.anchors.scaling.copy_(far[:, :6] / 10)
    scene.anchors.offset.copy_(far[:, :6].reshape(-1, 2, 3) / 10)
    decoded = decode(encode(scene).data)
    row_of = {tuple(voxel): row for row, voxel in enumerate(scene.grid.tolist())}
    rows = torch.tensor([row_of[tuple(voxel)] for voxel in decoded.grid.tolist()])
    assert (decoded.anchors.feature - far[rows]).abs().max() <= 1.1
    assert (decoded.anchors.offset - scene.anchors.offset[rows]).abs().max() <= 0.22


def test_values_beyond_any_escape_are_refused():
    scene = random_scene(20)
    scene.anchors.mask[3], scene.anchors.feature[3, 7] = 1, 1e12
    with pytest.raises(QuantisationError):
        encode(scene)


def test_chunks_of_one_kind_missing_is_a_format_error():
    from csgaussian_ns.format.container import pack, read_container

    parts = [part for part in read_container(encode(random_scene(0)).data).sections()]
    with pytest.raises(FormatError, match="occurs 0 times"):
        decode(pack([part for part in parts if part.info.kind != "NETE"], 0))
