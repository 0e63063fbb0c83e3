"""Stage 1 between parameters and renderer: noise, rounding, masks, and the gradients each of them must have."""

import pytest
import torch

from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context, per_channel
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.stages.colour import InView, decoded_view, masked_bits, quantise_anchors
from csgaussian_ns.stages.quantise import Preview
from tests.codec.scenes import hyper_carm

LAYOUT = AttributeLayout(20, 4, (1.0, 0.2, 0.5))


def some_anchors(count: int = 500) -> tuple[torch.Tensor, Anchors]:
    grid = torch.unique(torch.randint(-50, 50, (count, 3), dtype=torch.int32), dim=0)
    count = len(grid)
    values = [torch.randn(count, 20) * 3, torch.randn(count, 4, 3), torch.randn(count, 6)]
    feature, offset, scaling = (value.requires_grad_() for value in values)
    return grid, Anchors(grid * 0.1, feature, offset, scaling, torch.ones(count, 4))


@pytest.fixture
def scene() -> tuple[HyperCarm, Context, Anchors]:
    grid, anchors = some_anchors()
    model = hyper_carm("inr", LAYOUT, 16, 15, correction=8)
    values = model.values(LAYOUT.flat(anchors)).detach()
    model.start(grid, values)
    return model, Context(grid, 0.0, lambda rows: values[rows]), anchors


def run(scene, how, logit=None, seed=0):
    model, context, anchors = scene
    logit = torch.zeros(len(anchors), 4) if logit is None else logit
    return quantise_anchors(InView(anchors, logit), LAYOUT, model, context, how, torch.Generator().manual_seed(seed))


def seen(scene) -> Preview:
    model, context, anchors = scene
    return decoded_view(anchors, LAYOUT, model, context)[1]


def test_nothing_happens_without_quantisation(scene):
    result = run(scene, "none")
    assert result.anchors is scene[2] and result.rate is None


@pytest.mark.parametrize(("how", "reach"), [("fixed noise", 0.55), ("learned noise", 1.05)])
def test_noise_stays_within_half_a_step(scene, how, reach):
    _, _, anchors = scene
    noisy = run(scene, how).anchors
    for name, step in zip(("feature", "scaling", "offset"), LAYOUT.base_steps, strict=True):
        change = (getattr(noisy, name) - getattr(anchors, name)).abs() / step
        assert 0.2 < change.max() <= reach + 1e-5


def test_the_same_generator_gives_the_same_noise(scene):
    first, again, other = (run(scene, "learned noise", seed=seed).anchors.feature for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_distortion_reaches_attributes_whole_and_steps_through_the_noise(scene):
    """The gradient of value + u * step with respect to the step is u: no more, for every anchor in view."""
    model, _, anchors = scene
    noisy = run(scene, "learned noise").anchors
    noisy.feature.sum().backward()
    assert torch.allclose(anchors.feature.grad, torch.ones_like(anchors.feature))
    drawn = (noisy.feature - anchors.feature).detach()
    steps = seen(scene).steps[:, 0]
    raw = torch.atanh((steps - 1.1).clamp(-0.999, 0.999))
    expected = (drawn.sum(dim=1) / steps * (1 - torch.tanh(raw) ** 2)).sum()
    assert float(model.hyperprior.head.bias.grad[-3]) == pytest.approx(float(expected), rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("how", ["mixed", "rounding"])
def test_rounding_gives_the_decoders_values_and_passes_the_gradient(scene, how):
    model, context, anchors = scene
    rounded = run(scene, how).anchors
    decoded, _ = decoded_view(anchors, LAYOUT, model, context)
    assert torch.allclose(rounded.feature, decoded.feature, atol=1e-5)
    assert torch.allclose(rounded.offset, decoded.offset, atol=1e-5)
    rounded.feature.sum().backward()
    assert torch.allclose(anchors.feature.grad, torch.ones_like(anchors.feature))
    assert (model.hyperprior.head.bias.grad is not None) == (how == "mixed")  # steps are still learned, or stay


def test_mixed_rounding_moves_steps_by_the_error_of_rounding(scene):
    model, _, anchors = scene
    rounded = run(scene, "mixed").anchors
    rounded.scaling.sum().backward()
    steps = seen(scene).steps[:, 1]
    error = (rounded.scaling - anchors.scaling).detach().sum(dim=1) / steps
    raw = torch.atanh((steps - 1.1).clamp(-0.999, 0.999))
    expected = (error * (1 - torch.tanh(raw) ** 2)).sum()
    assert float(model.hyperprior.head.bias.grad[-2]) == pytest.approx(float(expected), rel=1e-3, abs=1e-3)


def test_rounded_values_lie_on_the_grid_around_their_mean(scene):
    model, context, anchors = scene
    result, _, steps = seen(scene)
    values = model.values(LAYOUT.flat(anchors))
    mean, _ = model.expect(model.place(context)).corrected(result)
    symbols = (result - mean) / per_channel(model.layout, steps)
    assert torch.allclose(symbols, symbols.round(), atol=2e-3)
    assert ((result - values).abs() <= per_channel(model.layout, steps) / 2 + 1e-4).all()


def test_a_dropped_anchor_costs_nothing_and_a_dropped_slot_only_its_bits():
    bits = torch.ones(3, LAYOUT.channels)
    mask = torch.tensor([[1.0, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    feature, scaling, offset = masked_bits(bits, mask, LAYOUT)
    assert feature.tolist() == [20, 20, 0]
    assert scaling.tolist() == [6, 6, 0]
    assert offset.tolist() == [12, 3, 0]


def test_the_rate_pushes_masks_down_and_values_to_their_mean(scene):
    model, context, anchors = scene
    logit = torch.zeros(len(anchors), 4, requires_grad=True)
    mask = 1 + torch.sigmoid(logit) - torch.sigmoid(logit).detach()
    masked = Anchors(anchors.position, anchors.feature, anchors.offset, anchors.scaling, mask)
    rate = quantise_anchors(InView(masked, logit), LAYOUT, model, context, "learned noise", torch.Generator()).rate
    assert rate is not None and rate.per_parameter > 0 and (rate.per_type > 0).all()
    rate.per_parameter.backward()
    assert logit.grad is not None and (logit.grad >= 0).all() and logit.grad.sum() > 0
    far = anchors.feature.detach() > 6
    assert anchors.feature.grad[far].sum() > 0


@pytest.mark.parametrize("how", ["fixed noise", "learned noise", "mixed", "rounding"])
def test_a_view_of_nothing_is_no_error(scene, how):
    model, context, anchors = scene
    context = context._replace(index=torch.zeros(0, dtype=torch.int64))
    shown = anchors.at(context.index)
    nothing = InView(shown, torch.zeros(0, 4))
    result = quantise_anchors(nothing, LAYOUT, model, context, how, torch.Generator())
    assert len(result.anchors) == 0
    if result.rate is not None:
        assert torch.isfinite(result.rate.per_parameter)
