"""An entropy model that knows the weight of the rate and a decoded neighbour: one file, one line."""

import dataclasses
import hashlib
from functools import partial

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode, kept_in_order
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy import registry
from csgaussian_ns.entropy.base import Context, Widths
from csgaussian_ns.entropy.registry import new_model
from csgaussian_ns.format.attributes import semantic_layout
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.networks import models, shipped
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork
from csgaussian_ns.format.networks.network_bytes import to_bytes
from csgaussian_ns.quant.steps import step_from_raw
from csgaussian_ns.scene.sfm_init import anchors_from_points
from csgaussian_ns.stages.quantise import preview
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import LITE_PLAN
from csgaussian_ns.stages.settings import SceneSettings
from tests.codec.scenes import random_scene, with_semantics
from tests.entropy.stages import paid_in_each_stage
from tests.entropy.toy import HALF, UNIT, IntegerToy, Toy, raw_step

LAMBDA = 0.004


@pytest.fixture(autouse=True)
def digest(tmp_path, monkeypatch) -> bytes:
    """The network that is shipped, and the line."""
    one = np.ones(1, np.int64)
    factor = round(HALF * UNIT * 256)  # outputs are in 1/256 base step
    layer = IntegerLayer(np.full((1, 1), factor, np.int8), 0 * one, 2 * one, 1, -(1 << 20), 1 << 20)
    data = to_bytes(IntegerNetwork((layer,), 511))
    name = hashlib.sha256(data)
    (tmp_path / f"{name.hexdigest()}.bin").write_bytes(data)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    shipped.shipped_network.cache_clear()
    for home in (registry, models):  # the others of this process do not know the toy
        monkeypatch.setattr(home, "MODELS", dict(home.MODELS))
    registry.register("toy", lambda layout, widths, size: Toy(layout, name.digest()), IntegerToy)
    return name.digest()


def in_order(scene: TrainedScene) -> TrainedScene:
    """The anchors that a file keeps, in its order, with features that neighbours share."""
    order = kept_in_order(scene)
    anchors = scene.anchors.at(order)
    feature = anchors.feature.clone()
    feature[1::2] = feature[::2][: len(feature[1::2])] / 2 + 0.2 * torch.randn_like(feature[1::2])
    anchors = Anchors(anchors.position, feature, anchors.offset, anchors.scaling, anchors.mask)
    return dataclasses.replace(scene, grid=scene.grid[order], anchors=anchors)


def toy_scene(rate_weight: float = LAMBDA) -> tuple[TrainedScene, torch.Tensor, Context]:
    """A scene to code with the toy, its values, and what the model may know."""
    scene = in_order(random_scene(400))
    model = new_model("toy", scene.meta.layout, Widths(1))
    values = model.values(scene.meta.layout.flat(scene.anchors))
    model.start(scene.grid, values)
    scene = dataclasses.replace(scene, entropy=model, rate_weight=rate_weight)
    return scene, values, Context(scene.grid, rate_weight, lambda rows: values[rows])


@pytest.mark.parametrize("arithmetic", ["auto", "float32", "float64", "int64"])
def test_a_file_decodes_to_what_training_previewed(arithmetic):
    scene, values, context = toy_scene()
    decoded = decode(encode(scene).data, arithmetic=arithmetic)
    seen = preview(values, scene.entropy, context).values
    assert torch.equal(decoded.grid, scene.grid)
    found, layout = decoded.anchors, scene.meta.layout
    coded = torch.from_numpy(layout.coded((scene.anchors.mask > 0).numpy()))
    away = (scene.entropy.values(layout.flat(found)) - seen).abs()[coded]
    feature = away[: int(coded[:, :20].sum())]
    assert (away < 1e-3).float().mean() > 0.9 and feature.numel() > 1000  # a dropped neighbour counts as 0 in a file
    step = float(step_from_raw(torch.tensor(raw_step(LAMBDA) / 64)))
    assert ((found.feature - scene.anchors.feature).abs() <= step / 2 + 1e-3).all()


def test_it_is_the_same_in_chunks_and_threads():
    data = encode(toy_scene()[0], chunk_anchors=60).data
    assert decode(data, threads=1).digest() == decode(data, threads=3).digest()
    assert encode(toy_scene()[0], chunk_anchors=60, threads=1).data == data


def test_the_weight_of_the_rate_reaches_costs_and_files():
    _, values, context = toy_scene()
    model = toy_scene()[0].entropy
    cheap, dear = (model.expect(model.place(context._replace(rate_weight=w))) for w in (0.02, 0.002))
    assert cheap.bits(values).mean() < dear.bits(values).mean() - 0.5
    sizes = [encode(toy_scene(weight)[0]).bytes_by_kind["COLR"] for weight in (0.02, 0.002)]
    assert sizes[0] < 0.8 * sizes[1]


def test_the_neighbour_pays_and_the_stream_costs_what_training_says():
    scene, values, context = toy_scene()
    seen = preview(values, scene.entropy, context)
    coded = torch.from_numpy(scene.meta.layout.coded((scene.anchors.mask > 0).numpy()))
    estimate = float(seen.bits[coded].sum())
    assert encode(scene).ideal_bits == pytest.approx(estimate, rel=0.02)
    alone = scene.entropy.expect(scene.entropy.place(context._replace(values_of=lambda rows: 0 * values[rows])))
    assert seen.bits[1::2, :20].sum() < alone.bits(seen.values)[1::2, :20].sum()


def test_semantics_take_it_too():
    scene = with_semantics(toy_scene()[0], encoding="toy")
    data = encode(scene).data
    layer = decode(data).semantics
    assert layer is not None and layer.feature[layer.label > 0].std() > 1
    step = float(step_from_raw(torch.tensor(raw_step(0.0) / 64)))
    inside = layer.label > 0
    assert ((layer.feature - scene.semantics.feature)[inside].abs() <= step / 2 + 1e-3).all()
    codecs = {entry.info.kind: entry.info.codec // 2 for entry in read_container(data).entries}
    assert (codecs["NETE"], codecs["NETS"]) == (100, 101)


def test_readers_that_do_not_know_it_say_so(monkeypatch):
    plain = encode(with_semantics(random_scene(100), encoding="toy")).data
    whole = encode(toy_scene()[0]).data
    monkeypatch.delitem(models.MODELS, IntegerToy.NUMBER)
    with pytest.raises(UnsupportedVersion, match="NETE: entropy model 100 is unknown"):
        decode(whole)
    with pytest.raises(UnsupportedVersion, match="NETS: entropy model 100 is unknown"):
        decode(plain)
    assert len(decode(plain, semantics=False).grid) > 20


def test_a_network_that_is_not_shipped_or_another(digest, tmp_path):
    data = encode(toy_scene()[0]).data
    file = tmp_path / f"{digest.hex()}.bin"
    content = file.read_bytes()
    shipped.shipped_network.cache_clear()
    file.write_bytes(content[:-1] + b"\x07")
    other = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    with pytest.raises(FormatError, match=rf"is network {other}[.]{{2}}, not {digest.hex()[:16]}[.]{{2}}, the network"):
        decode(data)
    file.unlink()
    with pytest.raises(UnsupportedVersion, match="needs network"):
        decode(data)


def test_it_trains_in_every_stage():
    points = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    plan = LITE_PLAN.scaled_to(100)
    settings = SceneSettings()
    settings.hyperprior = "toy"  # type: ignore[assignment]
    scene = TrainableScene(anchors_from_points(points, 20, 4, None), plan, settings, LAMBDA)
    assert [id(p) for p in scene.param_groups()["entropy"]] == [id(p) for p in scene.entropy.parameters()]
    for _ in paid_in_each_stage(scene):
        assert scene.entropy.log_scale.grad is not None and scene.entropy.log_scale.grad != 0
        assert scene.anchors.feature.grad is not None
    assert scene.decoded().bits.sum() > 0


def test_names_and_numbers_belong_to_one_model():
    class Other(IntegerToy):
        """Of the same number."""

    make = registry.MODELS["toy"]
    registry.register("toy", make, IntegerToy)
    with pytest.raises(ConfigError, match="entropy model 'toy' is registered already"):
        registry.register("toy", registry.MODELS["inr"], IntegerToy)
    with pytest.raises(ConfigError, match="entropy model 100 is IntegerToy; Other needs a number of its own"):
        registry.register("other", make, Other)
    assert "other" not in registry.MODELS and models.MODELS[100] is IntegerToy


def test_channel_networks_code_semantics():
    """The same class as colour's, with what it can do there."""
    scene = random_scene(300)
    plain, wide = (with_semantics(scene, carm_dim=width, encoding="triplane") for width in (0, 8))
    for semantics, number in ((plain, 0), (wide, 1)):
        data = encode(semantics, chunk_anchors=100).data
        assert read_container(data).of_kind("NETS")[0].info.codec // 2 == number
        found = {decode(data, arithmetic=kind).digest() for kind in ("auto", "float64", "int64")}
        layer = decode(data).semantics
        assert len(found) == 1 and layer is not None
        wanted = semantics.semantics.feature[kept_in_order(scene)]
        assert ((layer.feature - wanted)[layer.label > 0].abs() <= 1.06).all()


def test_a_layout_is_all_that_tells_semantics_from_colour():
    layout = semantic_layout(6, 0.5)
    assert layout.runs == [(slice(0, 6), 0)] and layout.channels == 6
    build = partial(new_model, "inr", widths=Widths(8, 4))
    assert type(build(layout=layout)) is type(build(layout=random_scene(3).meta.layout))
