"""How different two images are: PSNR, structural similarity, and the mix of it with L1 that training minimises.

SSIM as Wang, Bovik, Sheikh and Simoncelli define it (IEEE TIP 2004, Eq. 13): Gaussian windows of 11 x 11 pixels with
sigma 1.5, C1 = 0.01^2, C2 = 0.03^2 for values in [0, 1], every channel for itself, then the mean. Windows lie fully
inside the image ('valid', as in the authors' code and in pytorch_msssim), so border pixels weigh less. Where a side is
shorter than 11 pixels the window shrinks to the largest odd size that fits, with the same sigma.

Two implementations: convolutions in torch (any device and dtype, differentiable in both images; the oracle), and a
compiled sweep for float32 on the CPU, which is what training there uses.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

from csgaussian_ns.core.cores import available_cores
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.threads import run, split
from csgaussian_ns.render.cpu_ssim import C1, C2, SIGMA, WINDOW, compare_rows


def psnr(image: Float[Tensor, "H W C"], target: Float[Tensor, "H W C"]) -> Float[Tensor, ""]:
    """Peak signal-to-noise ratio in dB for values in [0, 1]."""
    return -10 * torch.log10(torch.mean((image - target) ** 2).clamp(min=1e-12))


def ssim(image: Float[Tensor, "H W C"], target: Float[Tensor, "H W C"]) -> Float[Tensor, ""]:
    """Mean structural similarity of two images with values in [0, 1]; 1 where they are equal.

    Raises:
        ConfigError: The images differ in shape, device or dtype, or are empty.
    """
    _check(image, target)
    if _has_fast_path(image, target):
        return _Compare.apply(image, target, 1.0, 0.0)
    return ssim_by_convolution(image, target)


def distortion(
    image: Float[Tensor, "H W C"], target: Float[Tensor, "H W C"], ssim_weight: float = 0.2
) -> Float[Tensor, ""]:
    """(1 - ssim_weight) * mean |image - target| + ssim_weight * (1 - SSIM): 3D Gaussian Splatting (2023), Eq. 7.

    Raises:
        ConfigError: The images differ in shape, device or dtype, or are empty.
    """
    _check(image, target)
    if _has_fast_path(image, target):
        return _Compare.apply(image, target, -ssim_weight, 1 - ssim_weight) + ssim_weight
    similarity = ssim_by_convolution(image, target)
    return (1 - ssim_weight) * (image - target).abs().mean() + ssim_weight * (1 - similarity)


def ssim_by_convolution(image: Float[Tensor, "H W C"], target: Float[Tensor, "H W C"]) -> Float[Tensor, ""]:
    """SSIM in plain torch operations; see ``ssim``."""
    channels = image.shape[2]
    x, y = image.permute(2, 0, 1), target.permute(2, 0, 1)
    blurred = _blur(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, xx, yy, xy = blurred.split(channels)
    variances, covariance = xx - mean_x**2 + yy - mean_y**2, xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return (luminance * (2 * covariance + C2) / (variances + C2)).mean()


def _blur(planes: Float[Tensor, "P H W"]) -> Float[Tensor, "P h w"]:
    """Gaussian window means of every plane; grouped, because planes as a batch are 15 times slower on a CPU."""
    count, shorter = len(planes), min(planes.shape[1:])
    size = min(WINDOW, shorter - 1 + shorter % 2)
    offsets = torch.arange(size, dtype=planes.dtype, device=planes.device) - size // 2
    window = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    window = (window / window.sum()).expand(count, 1, 1, size)
    return conv2d(conv2d(planes[None], window, groups=count), window.transpose(2, 3), groups=count)[0]


def _check(image: Tensor, target: Tensor) -> None:
    if image.shape != target.shape or image.ndim != 3 or image.numel() == 0:
        raise ConfigError(
            f"expected two images [H, W, C] of the same size, got {tuple(image.shape)} and {tuple(target.shape)}"
        )
    if image.device != target.device or image.dtype != target.dtype:
        raise ConfigError(
            f"expected two images on one device with one dtype, got {image.dtype} on {image.device} and "
            f"{target.dtype} on {target.device}"
        )


def _has_fast_path(image: Tensor, target: Tensor) -> bool:
    plain = image.device.type == "cpu" and image.dtype == torch.float32 and not target.requires_grad
    return plain and min(image.shape[:2]) >= WINDOW


class _Compare(Function):
    """ssim_factor * mean SSIM + l1_factor * mean |image - target|, differentiable once and by ``image`` only.

    The gradient is made in the forward sweep, where all it needs is still in the cache; backward only scales it.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, target: Tensor, ssim_factor: float, l1_factor: float) -> Tensor:
        height, width, channels = image.shape
        x, y = (t.detach().contiguous().view(height, -1).numpy() for t in (image, target))
        windows = (height - WINDOW + 1) * (width - WINDOW + 1) * channels
        ssim_scale, l1_scale = ssim_factor / windows, l1_factor / image.numel()
        sums = np.zeros((height, 2), np.float32)
        gradient = np.empty((height if image.requires_grad else 0, width * channels), np.float32)
        threads = available_cores()
        scales = np.float32(ssim_scale), np.float32(l1_scale)
        jobs = [(a, b, x, y, channels, *scales, sums, gradient) for a, b in split(height, threads)]
        run(compare_rows, jobs, threads)
        ctx.gradient = torch.from_numpy(gradient).view(-1, width, channels)
        ssim_sum, l1_sum = sums.sum(axis=0, dtype=np.float64)
        return image.new_tensor(ssim_sum * ssim_scale + l1_sum * l1_scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        return grad_outputs[0] * ctx.gradient, None, None, None
