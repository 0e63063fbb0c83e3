"""The knob of scenes that are trained: coarser steps and fewer anchors."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.coarser import DROPPED, EXPONENTS, StepScale, worth_of
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode, kept_in_order
from csgaussian_ns.core.asked import COARSEST
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.base_steps import on_base_steps
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from tests.codec.scenes import context_of, random_scene, with_semantics
from tests.entropy.toy import Toy
from tests.semantic.scenes import camera, scene_of_balls

NAMES = ("feature", "scaling", "offset")


def knob_of(scene, worth=None) -> StepScale:
    worth = torch.arange(len(scene.grid)).float() if worth is None else worth
    return StepScale(scene, scene.anchors, worth)


@pytest.mark.parametrize("encoding", ["inr", "factorised", "triplane", "neighbours", "progressive", "spaced"])
def test_a_model_on_other_base_steps_says_the_same(encoding: str):
    """Means, spreads and bits in the unit of the attributes; with factors of one the very same numbers."""
    scene = random_scene(200, encoding=encoding)
    old, factors = scene.entropy, (2.0, 0.5, 3.0)
    steps = tuple(b * f for b, f in zip(scene.meta.base_steps, factors, strict=True))
    new = on_base_steps(old, AttributeLayout(scene.meta.feature_dim, scene.meta.num_offsets, steps))
    real = scene.meta.layout.flat(scene.anchors)
    context, flat = context_of(scene), context_of(replace(scene, entropy=new))
    before, after = old.expect(old.place(context)), new.expect(new.place(flat))
    assert torch.allclose(after.steps, before.steps, atol=1e-5)  # raw steps stay, base steps grow
    after = after.at(torch.arange(len(scene.grid)))  # neighbours are as trained then, on both sides
    narrow = before.at(torch.arange(len(scene.grid)), before.steps * torch.tensor(factors))
    assert torch.allclose(
        new.real(after.quantised(new.values(real))), old.real(narrow.quantised(old.values(real))), atol=1e-4
    )
    wide_bits = narrow.bits(narrow.quantised(old.values(real)))
    assert torch.allclose(after.bits(after.quantised(new.values(real))), wide_bits, rtol=1e-2, atol=1e-2)
    same = on_base_steps(old, scene.meta.layout)
    assert all(torch.equal(a, b) for a, b in zip(old.state_dict().values(), same.state_dict().values(), strict=True))


def test_other_models_are_refused():
    scene = random_scene(30)
    with pytest.raises(ConfigError, match="model Toy cannot be scaled after training"):
        on_base_steps(Toy(scene.meta.layout, bytes(32)), scene.meta.layout)


def test_larger_scales_make_smaller_files_whose_values_are_within_their_steps():
    scene = random_scene(900)
    knob = knob_of(scene)
    assert encode(knob.at(1.0)).data == encode(scene).data
    sizes = []
    for scale in (1.0, 1.3, 2.0, COARSEST):
        coarse = knob.at(scale)
        data = encode(coarse).data
        decoded, order = decode(data), kept_in_order(coarse)
        sizes.append(len(data))
        for name, power, base in zip(NAMES, EXPONENTS, scene.meta.base_steps, strict=True):
            found, given = getattr(decoded.anchors, name), getattr(scene.anchors, name)[order]
            error = (found - given)[found != 0].abs()
            assert float(error.max()) <= 2.1 / 2 * base * scale**power * 1.01
    assert all(after < before for before, after in itertools.pairwise(sizes)) and sizes[-1] < 0.4 * sizes[0]


def test_the_file_says_how_coarse_it_is():
    knob = replace(knob_of(random_scene(60)), asked={"target_bytes": 5000})
    meta = decode(encode(knob.at(1.75)).data).meta
    assert meta.extra == {"coarsened": {"step_scale": 1.75, "target_bytes": 5000}}
    assert decode(encode(knob.at(1.0)).data).meta.extra == {}


def test_anchors_of_least_worth_go_first_and_each_object_keeps_its_best():
    scene = with_semantics(random_scene(400, kept=0.6), objects=3)
    assert scene.semantics is not None and scene.semantics.label is not None
    worth, label = torch.rand(len(scene.grid)), scene.semantics.label
    worth[label == 2] *= 1e-3  # all of an object is worth least
    coarse = knob_of(scene, worth).at(COARSEST)
    before, after = (s.anchors.mask.amax(dim=-1) > 0 for s in (scene, coarse))
    assert not (after & ~before).any()
    gone, count = before & ~after, int(before.sum())
    share = DROPPED * (COARSEST - 1)
    assert count * share - 4 <= int(gone.sum()) <= count * share
    assert worth[gone].max() <= worth[after & (label != 2)].min()
    kept = worth[after & (label == 2)]
    assert len(kept) == 1 and kept[0] == worth[before & (label == 2)].max()
    layer = decode(encode(coarse).data).semantics
    assert layer is not None and [thing.anchors > 0 for thing in layer.objects] == [True] * 3
    assert layer.objects[1].anchors == 1


@pytest.mark.parametrize("scale", [0.99, 4.01, float("nan"), float("inf"), -1.0])
def test_scales_out_of_range_are_refused(scale: float):
    with pytest.raises(ConfigError, match=r"the step scale is .*; expected 1 .* to 4"):
        knob_of(random_scene(20)).at(scale)


def test_a_scene_without_anchors_stays_one():
    assert len(decode(encode(knob_of(random_scene(0)).at(2.0)).data).grid) == 0


def test_worth_is_what_cameras_see():
    """What none sees is worth nothing; large views count as much as the same ones made small."""
    scene, views = scene_of_balls(), [camera(angle) for angle in (0.0, 2.1)]
    drawn, rasterizer = AnchorScene(scene.anchors, scene.decoders), choose_rasterizer("cpu", "cpu")
    worth = worth_of(drawn, scene.anchors.mask, views, rasterizer)
    covered = sum(float(rasterizer(drawn.seen(view).gaussians, view).alpha.sum()) for view in views)
    kept = scene.anchors.mask.sum(dim=-1)
    assert float((worth / kept.clamp(min=1)).sum()) == pytest.approx(covered, rel=1e-3)
    hidden = replace(scene.anchors, mask=scene.anchors.mask * 0)
    assert not worth_of(AnchorScene(hidden, scene.decoders), hidden.mask, views, rasterizer).any()
    assert np.isfinite(worth.numpy()).all() and float(worth.max()) > 0
