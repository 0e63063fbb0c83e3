"""The mask losses against a slow plain version, and what must not disturb them."""

import pytest
import torch

from csgaussian_ns.semantic.losses import MIN_COVERAGE, contrast, mask_losses, members_of


def plain(feature, coverage, labels, min_pixels, unlabelled):
    """Eq. 1 and 2 with loops and one mask at a time."""
    spread, closeness, masks = [], [], 0
    for layer in labels:
        means = [torch.zeros(feature.shape[-1])]
        for label in sorted(set(layer.flatten().tolist()) - {0}):
            mask = (layer == label) & (coverage[..., 0] >= MIN_COVERAGE)
            if int(mask.sum()) < min_pixels:
                continue
            rows = feature[mask]
            means.append(rows.mean(dim=0))
            spread.append((rows - means[-1]).norm(dim=-1))
            masks += 1
        if len(means) > 1:
            pairs = [(a, b) for i, a in enumerate(means) for j, b in enumerate(means) if i != j]
            closeness.append(torch.stack([1 / ((a - b).square().sum() + 1) for a, b in pairs]).mean())
    if unlabelled:
        spread.append(feature[(labels == 0).all(dim=0) & (coverage[..., 0] >= MIN_COVERAGE)].norm(dim=-1))
    return torch.cat(spread).mean(), torch.stack(closeness).mean(), masks


def a_view(layers: int = 2, masks: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    feature = torch.randn(12, 17, 6, requires_grad=True)
    coverage = torch.rand(12, 17, 1) * 0.5 + 0.5
    ids = torch.tensor([0, *torch.randperm(60_000)[:masks].tolist()], dtype=torch.int32)
    return feature, coverage, ids[torch.randint(0, masks + 1, (layers, 12, 17))]


@pytest.mark.parametrize("unlabelled", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_both_losses_are_those_of_the_plain_version(layers, unlabelled):
    feature, coverage, labels = a_view(layers)
    found = mask_losses(feature, coverage, labels, min_pixels=2, rank_weights=False, unlabelled=unlabelled)
    smoothing, closeness, masks = plain(feature, coverage, labels, 2, unlabelled)
    assert found.masks == masks == 5 * layers
    assert torch.allclose(found.smoothing, smoothing, rtol=1e-4)
    assert torch.allclose(found.contrast, closeness, rtol=1e-4)
    (ours,) = torch.autograd.grad(found.smoothing + found.contrast, feature)
    (plainly,) = torch.autograd.grad(smoothing + closeness, feature)
    assert torch.allclose(ours, plainly, atol=1e-6)


@pytest.mark.parametrize("unlabelled", [True, False])
def test_hidden_pixels_have_no_say_and_unlabelled_ones_only_if_they_mean_nothing(unlabelled):
    feature, coverage, labels = a_view()
    found = mask_losses(feature, coverage, labels, 2, unlabelled=unlabelled)
    (found.smoothing + found.contrast).backward()
    assert feature.grad is not None
    without = (labels == 0).all(dim=0)
    assert without.any()
    unused = (coverage[..., 0] < MIN_COVERAGE) | (without & (not unlabelled))
    if unlabelled:
        pulled = without & ~unused
        towards = torch.nn.functional.cosine_similarity(feature.grad[pulled], feature.detach()[pulled], dim=-1)
        assert torch.allclose(towards, torch.ones_like(towards), atol=1e-4)
    assert unused.any() and (feature.grad[unused] == 0).all() and (feature.grad[~unused] != 0).any()


def test_ids_mean_nothing():
    feature, coverage, labels = a_view(layers=1)
    renamed = torch.where(labels > 0, 60_001 - labels, labels)
    first, second = (mask_losses(feature, coverage, ids, 8) for ids in (labels, renamed))
    assert torch.allclose(first.smoothing, second.smoothing) and torch.allclose(first.contrast, second.contrast)


@pytest.mark.parametrize("labels", ["none", "background", "tiny", "uncovered"])
def test_without_a_mask_that_counts_losses_are_zero_with_a_gradient(labels):
    feature, coverage, some = a_view(layers=1)
    choices = {
        "none": some[:0],
        "background": some * 0,
        "tiny": (torch.arange(12 * 17) == 40).int().reshape(1, 12, 17),
        "uncovered": some,
    }
    found = mask_losses(feature, coverage * (labels != "uncovered"), choices[labels], min_pixels=2)
    assert found.masks == 0 and found.smoothing == 0 and found.contrast == 0
    (found.smoothing + found.contrast).backward()
    assert (feature.grad == 0).all()


def test_a_single_mask_is_told_apart_from_nothing():
    """One mask everywhere: smoothing inside it, and contrast against the origin, "no object"."""
    feature, coverage, _ = a_view()
    everywhere = torch.full((1, 12, 17), 7, dtype=torch.int32)
    found = mask_losses(feature, coverage * 0 + 1, everywhere, 20, rank_weights=False)
    mean = feature.detach().reshape(-1, 6).mean(dim=0)
    assert found.masks == 1 and found.smoothing > 0
    assert float(found.contrast.detach()) == pytest.approx(float(1 / (mean.square().sum() + 1)))


def test_equal_features_have_finite_gradients():
    feature = torch.ones(12, 17, 6, requires_grad=True)
    _, coverage, labels = a_view()
    found = mask_losses(feature, coverage * 0 + 1, labels, 1)
    (found.smoothing + found.contrast).backward()
    assert feature.grad is not None and torch.isfinite(feature.grad).all()


def test_close_pairs_weigh_more():
    means = torch.tensor([[0.0], [1.0], [10.0]], requires_grad=True)
    closeness = torch.tensor([1 / 2, 1 / 82, 1 / 101])  # pairs at distance 1, 9, 10
    assert torch.allclose(contrast(means, rank_weights=False), closeness.mean())
    assert torch.allclose(contrast(means, rank_weights=True), (closeness * torch.tensor([1, 0.55, 0.1])).mean())
    assert contrast(means[:1], rank_weights=True) == 0


def test_members_are_numbered_without_gaps():
    layer = torch.tensor([0, 9, 9, 4, 9, 60_000, 60_000, 60_000, 4], dtype=torch.int32)
    seen = torch.ones(9, dtype=torch.bool)
    seen[1] = False
    members = members_of(layer, seen, min_pixels=3)
    assert members.pixel.tolist() == [5, 6, 7] and members.mask.tolist() == [0, 0, 0] and members.size.tolist() == [3]
    members = members_of(layer, seen, min_pixels=1)
    assert members.mask.tolist() == [1, 0, 1, 2, 2, 2, 0] and members.size.tolist() == [2, 2, 3]
