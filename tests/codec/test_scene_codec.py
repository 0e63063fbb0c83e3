"""A whole scene through the codec: what comes out, that it is the same everywhere, and what damage does."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import Encoded, TrainedScene, encode
from csgaussian_ns.core.errors import LimitExceeded, QuantisationError
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.quant.int8_rows import on_int8_grid
from csgaussian_ns.stages.quantise import preview
from tests.codec.scenes import context_of, random_scene

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def coded() -> tuple[TrainedScene, Encoded]:
    scene = random_scene(3000)
    return scene, encode(scene, chunk_anchors=1024)


def test_every_kept_attribute_comes_back_within_half_a_step(coded):
    scene, encoded = coded
    decoded = decode(encoded.data)
    kept = scene.anchors.mask.amax(dim=1) > 0
    assert len(decoded.grid) == encoded.anchors == int(kept.sum())
    row_of = {tuple(voxel): row for row, voxel in enumerate(scene.grid.tolist())}
    rows = torch.tensor([row_of[tuple(voxel)] for voxel in decoded.grid.tolist()])
    original = scene.anchors.at(rows)
    assert torch.equal(decoded.anchors.mask, original.mask)
    assert torch.equal(decoded.anchors.position, original.position)
    for name, base in (("feature", 1.0), ("scaling", 0.2), ("offset", 0.2)):
        error = (getattr(decoded.anchors, name) - getattr(original, name)).abs()
        if name == "offset":
            error = error[original.mask > 0]
            assert decoded.anchors.offset[original.mask == 0].abs().sum() == 0
        assert error.max() <= base * 2.1 / 2 + 1e-4
        assert error.mean() < base * 0.4


def test_the_stream_costs_what_its_tables_say(coded):
    _, encoded = coded
    assert encoded.attribute_bytes * 8 <= encoded.ideal_bits * 1.005 + 3 * 8 * 40
    assert sum(encoded.bytes_by_kind.values()) == len(encoded.data)


def test_the_integer_model_costs_what_the_float_model_estimates(coded):
    scene, encoded = coded
    model, anchors = scene.entropy, scene.anchors
    bits = preview(model.values(scene.meta.layout.flat(anchors)), model, context_of(scene)).bits
    feature, scaling, offset = bits.split(model.layout.sizes, dim=-1)
    kept = anchors.mask.amax(dim=1) > 0
    slots = anchors.mask[:, :, None].expand(-1, -1, 3).reshape(len(offset), -1)
    estimate = float((feature[kept].sum() + scaling[kept].sum() + (offset * slots)[kept].sum()).detach())
    assert encoded.ideal_bits == pytest.approx(estimate, rel=0.01)


def test_sources_and_single_chunks(coded, tmp_path: Path):
    _, encoded = coded
    file = tmp_path / "scene.csg"
    file.write_bytes(encoded.data)
    whole = csgaussian_ns.load(file)
    assert csgaussian_ns.load(io.BytesIO(encoded.data)).digest() == whole.digest()
    second = csgaussian_ns.load(file, chunks=[1])
    assert np.array_equal(second.grid, whole.grid[1024:2048])
    assert np.array_equal(second.anchors.feature, whole.anchors.feature[1024:2048])
    with pytest.raises(ValueError, match="chunk 7 does not exist"):
        csgaussian_ns.load(file, chunks=[7])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_scenes(count: int):
    scene = random_scene(count, kept=1.1)
    decoded = decode(encode(scene).data)
    assert sorted(decoded.grid.tolist()) == sorted(scene.grid.tolist())


def test_a_scene_without_any_kept_offset_is_empty():
    decoded = decode(encode(random_scene(50, kept=-1.0)).data)
    assert len(decoded.grid) == 0 and decoded.anchors.offset.shape == (0, 4, 3)


def test_without_carm_and_with_finer_networks():
    scene = random_scene(300, carm_dim=0)
    coarse, fine = (encode(dataclasses.replace(scene, network_bits=bits)) for bits in (8, 16))
    assert decode(coarse.data).digest() == decode(fine.data).digest()
    exact = scene.decoders.color[0].weight
    errors = [(decode(e.data).decoders.color[0].weight - exact).abs().max() for e in (coarse, fine)]
    assert errors[1] < errors[0] < 0.01


def test_networks_of_fewer_bits_are_smaller_and_read_by_the_same_reader():
    scene = random_scene(300, feature_dim=50, num_offsets=10)
    files = {bits: encode(dataclasses.replace(scene, network_bits=bits)) for bits in (4, 6, 8)}
    for kind in ("NETE", "NETR"):
        sizes = [encoded.bytes_by_kind[kind] for encoded in files.values()]
        assert sizes[0] < 0.9 * sizes[1] < 0.85 * sizes[2]
    for bits, encoded in files.items():
        for layer, exact in zip(decode(encoded.data).decoders.color, scene.decoders.color, strict=True):
            if isinstance(layer, torch.nn.Linear):
                assert torch.allclose(layer.weight, on_int8_grid(exact.weight, bits).detach(), atol=1e-6)


def test_far_outliers_are_escaped_not_clipped():
    scene = random_scene(200)
    scene.anchors.feature[3, 7] = 40_000.0
    scene.anchors.mask[3] = 1
    decoded = decode(encode(scene).data)
    row = decoded.grid.tolist().index(scene.grid[3].tolist())
    assert abs(float(decoded.anchors.feature[row, 7]) - 40_000) < 1.1


@pytest.mark.parametrize("name", ["feature", "offset", "scaling"])
def test_nan_is_refused_by_name(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("csgaussian_ns.codec.finite.FINITE_BLOCK", 7)
    scene = random_scene(100)
    getattr(scene.anchors, name)[5] = float("nan")
    with pytest.raises(QuantisationError, match=f"anchors.{name} holds .* NaN"):
        encode(scene)
    broken = dataclasses.replace(scene, anchors=random_scene(100).anchors)
    broken.decoders.color[0].weight.data[0, 0] = float("inf")
    with pytest.raises(QuantisationError, match=r"decoders\.color\.0\.weight"):
        encode(broken)


def test_limits_hold_before_memory_is_taken(coded):
    _, encoded = coded
    with pytest.raises(LimitExceeded, match="max_rows"):
        decode(encoded.data, DecodeLimits(max_rows=100))
    with pytest.raises(LimitExceeded, match="max_symbols_per_chunk"):
        decode(encoded.data, DecodeLimits(max_symbols_per_chunk=1000))


def test_gaussians_of_the_decoded_scene_can_be_drawn(coded):
    from csgaussian_ns.render.backend import choose_rasterizer
    from csgaussian_ns.scene.anchor_scene import AnchorScene
    from tests.scene.scenes import camera_at

    decoded = decode(coded[1].data)
    assert isinstance(decoded.anchors, Anchors)
    seen = AnchorScene(decoded.anchors, decoded.decoders).seen(camera_at(40.0))
    rendering = choose_rasterizer("cpu", "cpu")(seen.gaussians, seen.camera)
    assert rendering.alpha.max() > 0.2 and torch.isfinite(rendering.image).all()
