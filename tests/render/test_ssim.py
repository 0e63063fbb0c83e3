"""SSIM and the distortion against a direct float64 evaluation of the definition, values and gradients."""

import math
import time

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.render import ssim as module
from csgaussian_ns.render.ssim import distortion, ssim, ssim_by_convolution

SIZES = [(11, 11, 1), (11, 40, 3), (37, 12, 2), (32, 45, 4), (64, 48, 3), (23, 22, 1)]


def pair(height, width, channels, seed=0):
    """A smooth random image and a noisy copy, float32, leaf tensors."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(rows / draw.uniform(3, 9) + columns / draw.uniform(3, 9) + phase) for phase in range(channels)]
    target = 0.5 + 0.3 * np.stack(waves, axis=-1) + draw.normal(0, 0.03, (height, width, channels))
    image = target + draw.normal(0, 0.1, target.shape)
    image, target = (torch.tensor(np.clip(a, 0, 1), dtype=torch.float32) for a in (image, target))
    return image.requires_grad_(), target


def direct(x, y, size=11):
    """Window by window in double precision: Wang et al. 2004, Eq. 13, mean over windows and channels."""
    x, y = x.double(), y.double()
    at = torch.arange(size, dtype=torch.float64) - size // 2
    window = torch.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * 1.5**2))
    window = (window / window.sum())[:, :, None]
    total, count = torch.zeros((), dtype=torch.float64), 0
    for top in range(x.shape[0] - size + 1):
        for left in range(x.shape[1] - size + 1):
            a, b = (image[top : top + size, left : left + size] for image in (x, y))
            mean_a, mean_b = (window * a).sum((0, 1)), (window * b).sum((0, 1))
            var_a, var_b = (window * (a - mean_a) ** 2).sum((0, 1)), (window * (b - mean_b) ** 2).sum((0, 1))
            covariance = (window * (a - mean_a) * (b - mean_b)).sum((0, 1))
            luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
            total = total + (luminance * (2 * covariance + 0.03**2) / (var_a + var_b + 0.03**2)).sum()
            count += x.shape[2]
    return total / count


def gradient(function, image, target):
    (result,) = torch.autograd.grad(function(image, target), image)
    return result


def relative(a, b):
    return float((a.double() - b.double()).norm() / b.double().norm())


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_compiled_value_and_gradient_follow_the_definition(size):
    """A single window shows float32's 1e-5 in the variance of light pixels; over many it averages out."""
    image, target = pair(*size)
    tolerance = 3e-5 if size == (11, 11, 1) else 1e-6
    assert ssim(image, target).item() == pytest.approx(direct(image, target).item(), abs=tolerance)
    assert relative(gradient(ssim, image, target), gradient(direct, image, target)) < 1e-4


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_convolutions_follow_the_definition(size):
    image, target = pair(*size)
    expected = direct(image, target).item()
    assert ssim_by_convolution(image.double(), target.double()).item() == pytest.approx(expected, abs=1e-12)
    assert ssim_by_convolution(image, target).item() == pytest.approx(expected, abs=3e-5)
    assert relative(gradient(ssim_by_convolution, image, target), gradient(direct, image, target)) < 1e-4


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_distortion_is_the_stated_mix(weight):
    image, target = pair(40, 33, 3)

    def mix(x, y):
        return (1 - weight) * (x.double() - y.double()).abs().mean() + weight * (1 - direct(x, y))

    assert distortion(image, target, weight).item() == pytest.approx(mix(image, target).item(), abs=1e-6)
    assert relative(gradient(lambda x, y: distortion(x, y, weight), image, target), gradient(mix, image, target)) < 1e-4


def test_float64_passes_gradcheck():
    image, target = (t.detach().double() for t in pair(13, 12, 2))
    assert gradcheck(lambda x: ssim(x, target), (image.requires_grad_(),))
    assert gradcheck(lambda x: distortion(x, target), (image,))


def test_the_compiled_gradient_predicts_the_change_of_the_value():
    """Central difference along a random direction: independent of every formula above."""
    image, target = pair(30, 31, 3)
    direction = torch.randn(image.shape)
    slope = float((gradient(ssim, image, target) * direction).sum())
    with torch.no_grad():
        change = (ssim(image + 1e-3 * direction, target) - ssim(image - 1e-3 * direction, target)) / 2e-3
    assert float(change) == pytest.approx(slope, rel=2e-3)


def test_equal_images_are_perfectly_similar():
    image, _ = pair(50, 41, 3)
    assert ssim(image, image.detach()).item() == pytest.approx(1.0, abs=1e-6)
    assert distortion(image, image.detach()).item() == pytest.approx(0.0, abs=1e-6)
    assert float(gradient(ssim, image, image.detach()).abs().max()) < 1e-6


def test_flat_images_give_the_closed_form():
    """No variance: the structure term is 1 and the luminance term is left."""
    black, white = torch.zeros(20, 20, 3), torch.ones(20, 20, 3)
    assert ssim(black, white).item() == pytest.approx(1e-4 / (1 + 1e-4), abs=1e-6)
    assert ssim(black, black).item() == pytest.approx(1.0, abs=1e-6)
    assert ssim(white, white).item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("size", "window"), [((10, 30, 3), 9), ((9, 9, 1), 9), ((30, 2, 3), 1), ((1, 1, 3), 1)])
def test_the_window_shrinks_to_the_largest_odd_size_that_fits(size, window):
    image, target = pair(*size)
    image, target = image.double(), target.double()
    assert ssim(image, target).item() == pytest.approx(direct(image, target, window).item(), abs=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 64])
def test_threads_do_not_change_a_bit(monkeypatch, threads):
    image, target = pair(60, 35, 3)
    expected = ssim(image, target).item(), gradient(distortion, image, target)
    monkeypatch.setattr(module, "available_cores", lambda: threads)
    assert ssim(image, target).item() == expected[0]
    assert torch.equal(gradient(distortion, image, target), expected[1])


def test_strided_images_and_scaled_losses():
    image, target = pair(24, 26, 3)
    turned = image.detach().permute(2, 0, 1).contiguous().permute(1, 2, 0).requires_grad_()
    assert not turned.is_contiguous()
    assert torch.equal(gradient(distortion, turned, target), gradient(distortion, image, target))
    tripled = gradient(lambda x, y: 3 * ssim(x, y), image, target)
    assert torch.allclose(tripled, 3 * gradient(ssim, image, target))


def test_a_target_that_needs_a_gradient_gets_one():
    image, target = pair(20, 20, 3)
    target.requires_grad_()
    (slope,) = torch.autograd.grad(ssim(image, target), target)
    (expected,) = torch.autograd.grad(direct(image, target), target)
    assert relative(slope, expected) < 1e-4


def test_inputs_are_not_changed():
    image, target = pair(20, 25, 3)
    before = image.detach().clone(), target.clone()
    distortion(image, target).backward()
    assert torch.equal(image.detach(), before[0]) and torch.equal(target, before[1])


def test_nan_is_not_hidden():
    image, target = pair(20, 25, 3)
    with torch.no_grad():
        image[3, 4, 1] = math.nan
    assert math.isnan(distortion(image, target).item())


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (torch.zeros(20, 21, 3), "same size"),
        (torch.zeros(20, 20, 3, dtype=torch.float64), "dtype"),
        (torch.zeros(20, 20, 3, device="meta"), "device"),
    ],
)
def test_mismatches_are_named(other, said):
    for function in (ssim, distortion):
        with pytest.raises((ConfigError, TypeError)) as caught:
            function(torch.zeros(20, 20, 3), other)
        if isinstance(caught.value, ConfigError):  # else the shape annotations caught it first
            assert said in str(caught.value)


def test_empty_images_are_refused():
    with pytest.raises(ConfigError, match="0, 20"):
        ssim(torch.zeros(0, 20, 3), torch.zeros(0, 20, 3))


def test_the_compiled_path_is_taken_and_is_faster():
    """Measured 15 to 20 times on two quiet cores; 3 leaves room for a busy machine, and catches lost vectorisation."""
    image, target = pair(270, 480, 3)

    def best(function):
        times = []
        for _ in range(6):
            start = time.process_time()
            gradient(function, image, target)
            times.append(time.process_time() - start)
        return min(times[1:])

    assert best(ssim_by_convolution) > 3 * best(ssim)


@pytest.mark.gpu
def test_cuda_agrees_with_the_compiled_path():
    image, target = pair(64, 48, 3)
    moved = image.detach().cuda().requires_grad_()
    assert ssim(moved, target.cuda()).item() == pytest.approx(ssim(image, target).item(), abs=1e-5)
    assert relative(gradient(distortion, moved, target.cuda()).cpu(), gradient(distortion, image, target)) < 1e-3
