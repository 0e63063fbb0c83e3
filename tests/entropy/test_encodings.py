"""Learned encodings in training: they find structure, their own bits are estimated, and nothing unseen is paid for."""

from functools import cache

import pytest
import torch

from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context
from csgaussian_ns.entropy.encoding import SpatialEncoding
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.interpolated import InterpolatedEncoding
from csgaussian_ns.entropy.registry import MODELS
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.networks.lattice_tables import write_lattices
from tests.codec.scenes import hyper_carm
from tests.sampled_types import types_sampled

LAYOUT = AttributeLayout(8, 2, (1.0, 0.2, 0.2))
LEARNED = ["triplane", "hashgrid"]


def some_scene(count: int = 1500) -> tuple[torch.Tensor, Anchors]:
    """Features that depend on the place."""
    grid = torch.unique(torch.randint(-60, 60, (count, 3), dtype=torch.int32), dim=0)
    count, wave = len(grid), torch.sin(grid[:, :1].float() * 0.08) * torch.cos(grid[:, 1:2].float() * 0.08)
    feature, offset = wave * 12 + torch.randn(count, 8), torch.randn(count, 2, 3)
    return grid, Anchors(grid * 0.1, feature, offset, torch.randn(count, 6) * 0.2, torch.ones(count, 2))


def encoding_called(name: str, size: int) -> SpatialEncoding:
    return hyper_carm(name, LAYOUT, 16, size).encoding


@cache
def trained(name: str) -> tuple[HyperCarm, torch.Tensor, float, float]:
    """A model after some steps; bits of a channel at first and at last, its tables shared out among all."""
    torch.manual_seed(0)
    grid, anchors = some_scene()
    model = hyper_carm(name, LAYOUT, 32, 10)
    values = model.values(LAYOUT.flat(anchors))
    model.start(grid, values)
    context = Context(grid, 0.0, lambda rows: values[rows])
    groups = [{"params": [p for p in model.parameters()], "lr": 0.01}]
    optimizer, costs = torch.optim.Adam(groups), []
    steps_ = torch.ones(len(grid), 3)
    for number in range(80):
        with types_sampled(number):
            bits = model.expect(model.place(context), steps_).bits(values).sum() + model.own_bits()
        costs.append(float(bits.detach()) / values.numel())
        optimizer.zero_grad()
        bits.backward()
        optimizer.step()
    return model, grid, costs[0], costs[-1]


def test_every_encoding_learns_and_those_that_know_the_place_learn_more():
    results = {name: trained(name)[2:] for name in MODELS}
    assert results["factorised"][1] < results["factorised"][0] - 0.005
    for name in ("inr", *LEARNED):
        first, last = results[name]
        assert last < first - 0.1 and last < results["factorised"][1] - 0.05, name


@pytest.mark.parametrize("name", LEARNED)
def test_tables_cost_about_what_training_estimates(name: str):
    model, grid, _, _ = trained(name)
    encoding = model.encoding
    assert isinstance(encoding, InterpolatedEncoding)
    estimate = float(encoding.table_bits().detach()) / 8
    stored = len(write_lattices(encoding.integers(grid.numpy())))
    assert 0.3 * estimate < stored < 1.15 * estimate + 100


@pytest.mark.parametrize("name", LEARNED)
def test_only_what_anchors_ask_for_is_stored(name: str):
    encoding, (grid, _) = encoding_called(name, 13), some_scene()
    encoding.fit(grid)
    assert isinstance(encoding, InterpolatedEncoding)
    few, many = (len(write_lattices(encoding.integers(voxels))) for voxels in (grid.numpy()[:3], grid.numpy()))
    assert few < 0.6 * many
    voxels = grid.numpy()
    part = encoding.integers(voxels[:3])
    assert (part(voxels[:3]) == encoding.integers(voxels)(voxels[:3])).all()


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_reach_tables_and_an_optimiser_moves_them(name: str):
    encoding, (grid, _) = encoding_called(name, 9), some_scene(200)
    encoding.fit(grid)
    assert isinstance(encoding, InterpolatedEncoding)
    before = encoding.integers(voxels := grid.numpy())(voxels)
    optimizer = torch.optim.Adam(encoding.parameters(), 0.1)
    for _ in range(5):
        optimizer.zero_grad()
        (encoding(grid) - 0.4).square().sum().backward()
        assert all(table.grad is not None and table.grad.abs().sum() > 0 for table in encoding.tables)
        optimizer.step()
    after = encoding.integers(voxels)(voxels)
    assert abs(after * encoding.UNIT - 0.4).mean() < abs(before * encoding.UNIT - 0.4).mean()


def test_sizes_follow_the_scene():
    small, large = (encoding_called("hashgrid", size) for size in (15, 19))
    assert isinstance(large, InterpolatedEncoding) and isinstance(small, InterpolatedEncoding)
    space, planes = large.lattices
    assert (space.log2_rows, planes.log2_rows) == (13, 15) and space.resolutions[-1] == 514
    assert [one.log2_rows for one in small.lattices] == [9, 11]
    planes = encoding_called("triplane", 15)
    assert isinstance(planes, InterpolatedEncoding) and planes.lattices[0].resolutions == (30, 60)
