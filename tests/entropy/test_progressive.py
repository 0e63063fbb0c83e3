"""Scaling and offsets that know the decoded feature: decoded exactly, and worth their bits."""

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.core.errors import FormatError, QuantisationError, UnsupportedVersion
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.factorised import FactorisedEncoding
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.progressive import Progressive, Spaced
from csgaussian_ns.format.coded_file import open_coded
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.networks import hyperprior
from csgaussian_ns.format.networks.progressive import IntegerProgressive
from csgaussian_ns.quant.coded_linear import CodedLinear
from csgaussian_ns.receiver import arrange
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.receiver.load import load
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages.quantise import preview
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.codec.scenes import context_of, random_scene, with_semantics
from tests.entropy.stages import paid_in_each_stage
from tests.format.variants import by_torch, networks_by


@lru_cache
def fitted(kind: type[HyperCarm] = Progressive) -> TrainedScene:
    """Anchors whose scaling and offsets follow from their features, values as a file would have them."""
    scene, generator = random_scene(600, 10, 2, 6, kept=0.6), torch.Generator().manual_seed(3)
    feature, layout = 4 * torch.randn(len(scene.grid), 10, generator=generator), scene.meta.layout
    scaling = 0.2 * feature[:, :6] + 0.1 * torch.randn(len(feature), 6, generator=generator)
    near = torch.cdist(scene.grid.float(), scene.grid.float()).fill_diagonal_(torch.inf).amin(dim=1)
    scaling = scaling + torch.log(near)[:, None]
    offset = scene.anchors.offset * torch.exp(0.2 * feature[:, :1, None])
    anchors = dataclasses.replace(scene.anchors, feature=feature, scaling=scaling, offset=offset)
    torch.manual_seed(0)
    model = kind(layout, Widths(16, 12), FactorisedEncoding())
    values = model.values(layout.flat(anchors))
    model.start(scene.grid, values)
    scene = dataclasses.replace(scene, anchors=anchors, entropy=model)
    place = model.place(context_of(scene)._replace(kept=anchors.mask.amax(dim=1) > 0))
    coded = torch.from_numpy(layout.coded((anchors.mask > 0).numpy()))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        model.expect(place).bits(values + torch.rand_like(values) - 0.5)[coded].mean().backward()
        optimizer.step()
    with torch.no_grad():
        rounded = model.real(model.expect(place).quantised(values)).split(layout.sizes, dim=-1)
    return dataclasses.replace(scene, anchors=layout.anchors(anchors.position, rounded, anchors.mask))


@pytest.mark.parametrize("kind", [Progressive, Spaced])
def test_a_file_decodes_to_what_training_previewed_and_costs_what_it_says(kind: type[HyperCarm]):
    scene = fitted(kind)
    layout, encoded = scene.meta.layout, encode(scene)
    decoded = decode(encoded.data)
    order, rows = (torch.from_numpy(np.lexsort(grid.numpy().T)) for grid in (decoded.grid, scene.grid))
    rows = rows[scene.anchors.mask[rows].amax(dim=1) > 0]
    coded = torch.from_numpy(layout.coded((scene.anchors.mask > 0).numpy()))
    away = (layout.flat(decoded.anchors)[order] - layout.flat(scene.anchors)[rows]).abs()[coded[rows]]
    assert away.numel() > 5000 and away.max() < 0.96  # half a step: the bins are the same, their middles move where
    assert (away > 0.2).float().mean() < 0.03  # integer networks clamp and round what they are told
    values = scene.entropy.values(layout.flat(scene.anchors))
    context = context_of(scene)._replace(kept=scene.anchors.mask.amax(dim=1) > 0)
    said = float(preview(values, scene.entropy, context).bits[rows][coded[rows]].sum())
    assert 0.98 * said < encoded.ideal_bits < 1.005 * said  # what lies far off costs more in training
    assert 8 * encoded.attribute_bytes == pytest.approx(encoded.ideal_bits, rel=0.005, abs=300)


def test_the_feature_and_distances_pay():
    apart, told, spaced = (encode(fitted(kind)).ideal_bits for kind in (HyperCarm, Progressive, Spaced))
    assert told < 0.94 * apart and spaced < 0.99 * told


def test_it_is_the_same_on_every_machine(monkeypatch: pytest.MonkeyPatch):
    scene = fitted(Spaced)
    data = encode(scene, chunk_anchors=200).data
    assert encode(scene, chunk_anchors=200, threads=1).data == data
    digests = {decode(data, arithmetic=kind, threads=n).digest() for kind in ("auto", "float64") for n in (1, 2)}
    with networks_by(by_torch):
        digests.add(decode(data).digest())
    monkeypatch.setattr(hyperprior, "BLOCK_ROWS", 64)
    digests.add(decode(data).digest())
    assert len(digests) == 1
    model, grid = open_coded(read_container(data)).model, scene.grid.numpy()
    assert isinstance(model, IntegerProgressive)
    with pytest.raises(QuantisationError, match="takes 4 inputs behind the encoding, got 0"):
        model.alone.hyperprior.prior(grid)


@pytest.mark.parametrize("name", ["progressive", "spaced"])
def test_semantics_take_it_too(name: str):
    data = encode(with_semantics(random_scene(100, encoding=name), encoding=name)).data
    layer = decode(data).semantics
    assert layer is not None and layer.feature[layer.label > 0].std() > 1
    codecs = {entry.info.kind: entry.info.codec // 2 for entry in read_container(data).entries}
    assert (codecs["NETE"], codecs["NETS"]) == (2, 3)


def test_a_file_of_it_is_arranged_by_importance(monkeypatch: pytest.MonkeyPatch):
    """No value depends on another anchor, so the same values are coded in any order; with distances they do."""
    monkeypatch.setattr(arrange, "LEAST", 60)  # anchors of a chunk
    with pytest.raises(UnsupportedVersion, match="other anchors"):
        by_importance(encode(fitted(Spaced)).data)
    data = encode(fitted()).data
    arranged = by_importance(data)
    assert len(read_container(arranged).chunks("COLR")) > 1
    before, after = (load(content).anchors for content in (data, arranged))
    rows = (np.lexsort(anchors.position.T) for anchors in (before, after))
    first, second = (anchors.scaling[order] for anchors, order in zip((before, after), rows, strict=True))
    assert np.array_equal(first, second)


def test_damaged_networks_are_refused():
    model = open_coded(read_container(encode(fitted(Spaced)).data)).model
    assert isinstance(model, IntegerProgressive) and model.details is not None
    data, layout = model.to_bytes(), model.layout
    again = IntegerProgressive.from_bytes(data, layout)
    assert again.to_bytes() == data and again.operations > model.alone.operations
    for at, value, words in (
        (2, 41, "shift 41"),
        (3, 4, "flags 4"),
        (3, 2, "bytes too many"),
        (3, 1, "hyperprior: 5 inputs"),
    ):
        damaged = bytearray(data)
        damaged[at] = value
        with pytest.raises(FormatError, match=words):
            IntegerProgressive.from_bytes(bytes(damaged), layout)
    with pytest.raises(FormatError, match="a network of corrections has inputs"):
        IntegerProgressive.from_bytes(dataclasses.replace(model, details=model.alone.carm[0]).to_bytes(), layout)


def test_it_trains_in_every_stage():
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    plan, settings = LITE_PLAN.scaled_to(100), SceneSettings(hyperprior="spaced")
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, settings, 0.004)
    for _ in paid_in_each_stage(scene):
        assert isinstance(scene.entropy, Progressive) and scene.entropy.details is not None
        last = scene.entropy.details[-1]
        assert isinstance(last, CodedLinear) and last.bias.grad is not None
        assert float(last.bias.grad.abs().sum()) > 0
    other = TrainableScene(anchors_from_points(points[:50], 20, 4, None), plan, settings, 0.004)
    checkpoint = scene.state_dict()
    other.resize_for(checkpoint)
    other.load_state_dict(checkpoint)
    other.begin_step(plan.round_from)
    assert torch.equal(other.decoded().bits, scene.decoded().bits) and scene.decoded().bits.sum() > 0
