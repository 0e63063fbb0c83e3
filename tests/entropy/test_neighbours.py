"""Neighbours in waves: found alike everywhere, decoded exactly, and worth their bits."""

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.core.errors import FormatError, QuantisationError, UnsupportedVersion
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.factorised import FactorisedEncoding
from csgaussian_ns.entropy.neighbours import Neighbours
from csgaussian_ns.format.coded_file import open_coded
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.networks.near import Neighbourhood, find_near, seen
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.quant.coded_linear import CodedLinear
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages.quantise import preview
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.codec.scenes import context_of, random_scene, with_semantics
from tests.entropy.stages import paid_in_each_stage
from tests.format.variants import by_torch, networks_by


def clusters(count: int = 900, reach: int = 12, **parts: bool) -> TrainedScene:
    """Anchors close to each other, whose attributes are those of their cluster and not a function of the place."""
    scene, generator = random_scene(count, 10, 2, 6, encoding="neighbours", kept=0.6), torch.Generator().manual_seed(3)
    home = torch.randint(0, 40, (count,), generator=generator)
    middle = torch.randint(-200, 200, (40, 3), generator=generator)
    grid = (middle[home] + torch.randint(-4, 4, (count, 3), generator=generator)).int()
    grid, index = np.unique(grid.numpy(), axis=0, return_index=True)
    home, anchors = home[torch.from_numpy(index)], scene.anchors.at(torch.arange(len(index)))
    feature = torch.randn(40, 10, generator=generator)[home] * 4 + 0.5 * torch.randn(
        len(index), 10, generator=generator
    )
    scaling = 0.2 * feature[:, :6] + 0.1 * torch.randn(len(index), 6, generator=generator)
    voxels = torch.from_numpy(grid)
    anchors = Anchors(voxels * 0.25, feature, anchors.offset, scaling, anchors.mask)
    torch.manual_seed(0)
    model = Neighbours(scene.meta.layout, Widths(16, 12), FactorisedEncoding(), Neighbourhood(4, 6, reach), **parts)
    model.start(voxels, model.values(scene.meta.layout.flat(anchors)))
    return dataclasses.replace(scene, grid=voxels, anchors=anchors, entropy=model)


@lru_cache
def fitted(**parts: bool) -> TrainedScene:
    """The same, with networks that know it, and values as a file would have them."""
    scene = clusters(**parts)
    model, layout = scene.entropy, scene.meta.layout
    context = context_of(scene)._replace(kept=scene.anchors.mask.amax(dim=1) > 0)
    values = model.values(layout.flat(scene.anchors))
    coded = torch.from_numpy(layout.coded((scene.anchors.mask > 0).numpy()))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    place = model.place(context)
    for _ in range(40):
        optimizer.zero_grad()
        expected = model.expect(place)
        expected.bits(values + torch.rand_like(values) - 0.5)[coded].mean().backward()
        optimizer.step()
    with torch.no_grad():
        rounded = model.real(model.expect(model.place(context)).quantised(values)).split(layout.sizes, dim=-1)
    anchors = layout.anchors(scene.anchors.position, rounded, scene.anchors.mask)
    return dataclasses.replace(scene, anchors=anchors)


def test_neighbours_are_those_of_earlier_waves_inside_the_cube_the_nearest_first():
    grid = np.unique(np.random.default_rng(0).integers(-20, 20, (300, 3)), axis=0)[::-1]
    selection = Neighbourhood(waves=4, most=5, reach=6)
    near, wave = find_near(grid, selection), selection.waves_of(grid)
    assert np.bincount(wave, minlength=4).tolist() == pytest.approx(
        [len(grid) * s for s in (0.125, 0.125, 0.25, 0.5)], rel=0.3
    )
    for row in range(len(grid)):
        away = np.abs(grid - grid[row])
        found = np.flatnonzero((away.max(axis=1) <= 6) & (wave < wave[row]))
        squared = (away[found] ** 2).sum(axis=1)
        found = found[np.lexsort((found, squared))][:5]
        assert near.rows[row, : len(found)].tolist() == found.tolist()
        assert (near.rows[row, len(found) :] == -1).all() and near.facts[row, 0] == 511 * len(found) // 5
    known = np.random.default_rng(1).integers(-511, 512, (len(grid), 2))
    means = seen(near, np.array([7, 30]), known)[:, :2]
    weights = np.where(near.rows >= 0, 65536 // (1 + ((grid[near.rows] - grid[:, None]) ** 2).sum(axis=2)), 0)
    for mean, row in zip(means, (7, 30), strict=True):
        assert mean.tolist() == (weights[row] @ known[near.rows[row]] // max(weights[row].sum(), 1)).tolist()


def test_a_file_decodes_to_what_training_previewed():
    scene = fitted()
    layout, encoded = scene.meta.layout, encode(scene)
    decoded = decode(encoded.data)
    order = np.lexsort(decoded.grid.numpy().T)
    rows = torch.from_numpy(np.lexsort(scene.grid.numpy().T))
    rows = rows[scene.anchors.mask[rows].amax(dim=1) > 0]
    away = (layout.flat(decoded.anchors)[order] - layout.flat(scene.anchors)[rows]).abs()
    away = away[torch.from_numpy(layout.coded((scene.anchors.mask[rows] > 0).numpy()))]
    assert away.numel() > 5000 and away.max() < 0.96  # half a step: the bins are the same, their middles move where
    assert (away > 0.2).float().mean() < 0.03  # integer networks clamp and round what they are told


@pytest.mark.parametrize("parts", [{}, {"details": False}, {"across": False}])
def test_the_stream_costs_what_training_says(parts: dict[str, bool]):
    scene = fitted(**parts)
    context = context_of(scene)._replace(kept=scene.anchors.mask.amax(dim=1) > 0)
    coded = torch.from_numpy(scene.meta.layout.coded((scene.anchors.mask > 0).numpy())) & context.kept[:, None]
    said = float(
        preview(scene.entropy.values(scene.meta.layout.flat(scene.anchors)), scene.entropy, context).bits[coded].sum()
    )
    encoded = encode(scene)
    assert 0.98 * said < encoded.ideal_bits < 1.005 * said  # what lies far off costs more in training
    assert 8 * encoded.attribute_bytes == pytest.approx(
        encoded.ideal_bits, rel=0.005, abs=300
    )  # a stream ends with 32 bytes


def test_neighbours_and_the_feature_pay():
    whole, alone, apart = (encode(fitted(**parts)).ideal_bits for parts in ({}, {"across": False}, {"details": False}))
    assert whole < 0.9 * alone and whole < 0.95 * apart


def test_it_is_the_same_on_every_machine():
    scene = fitted()
    data = encode(scene, chunk_anchors=200).data
    assert encode(scene, chunk_anchors=200, threads=1).data == data
    digests = {decode(data, arithmetic=kind, threads=n).digest() for kind in ("auto", "float64") for n in (1, 2)}
    with networks_by(by_torch):
        digests.add(decode(data).digest())
    assert len(digests) == 1


def test_semantics_take_it_too():
    scene = with_semantics(clusters(200), encoding="neighbours")
    data = encode(scene).data
    layer = decode(data).semantics
    assert layer is not None and layer.feature[layer.label > 0].std() > 1
    codecs = {entry.info.kind: entry.info.codec // 2 for entry in read_container(data).entries}
    assert (codecs["NETE"], codecs["NETS"]) == (1, 2)


def test_damaged_networks_are_refused():
    model = open_coded(read_container(encode(clusters(60)).data)).model
    assert isinstance(model, IntegerNeighbours)
    data, layout = model.to_bytes(), model.layout
    again = IntegerNeighbours.from_bytes(data, layout)
    assert again.to_bytes() == data and again.operations > model.selection.candidates
    for at, value, words in (
        (0, 0, "0 waves"),
        (0, 17, "17 waves"),
        (1, 0, "0 neighbours"),
        (2, 64, "within 64 voxels"),
        (3, 4, "flags 4"),
        (3, 1, "nobody took|left|bytes"),
        (6, 41, "requantisers"),
    ):
        damaged = bytearray(data)
        damaged[at] = value
        with pytest.raises(FormatError, match=words):
            IntegerNeighbours.from_bytes(bytes(damaged), layout)
    across = dataclasses.replace(model, across=model.details)
    with pytest.raises(FormatError, match="a network of corrections has inputs"):
        IntegerNeighbours.from_bytes(across.to_bytes(), layout)
    with pytest.raises(QuantisationError, match=r"reach must lie in 1\.\.63"):
        Neighbourhood(reach=64)


def test_a_file_of_it_is_not_rearranged():
    """Values are on grids around means that neighbours shift: with others they could not be coded exactly."""
    with pytest.raises(UnsupportedVersion, match="other anchors"):
        by_importance(encode(fitted()).data)


def test_it_trains_in_every_stage():
    points = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    plan, settings = LITE_PLAN.scaled_to(100), SceneSettings(hyperprior="neighbours")
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, settings, 0.004)
    for _ in paid_in_each_stage(scene):
        assert isinstance(scene.entropy, Neighbours)
        for last in (layers[-1] for layers in (scene.entropy.across, scene.entropy.details) if layers is not None):
            assert isinstance(last, CodedLinear) and last.bias.grad is not None
            assert float(last.bias.grad.abs().sum()) > 0
    assert scene.decoded().bits.sum() > 0
    other = TrainableScene(anchors_from_points(points[:50], 20, 4, None), plan, settings, 0.004)
    checkpoint = scene.state_dict()
    other.resize_for(checkpoint)
    other.load_state_dict(checkpoint)
    other.begin_step(plan.round_from)
    assert torch.equal(other.decoded().bits, scene.decoded().bits)
