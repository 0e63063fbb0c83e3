"""Time of one distortion (0.8 L1 + 0.2 (1 - SSIM)) forward and backward on the CPU: compiled sweep against torch.

OMP_WAIT_POLICY=PASSIVE python benchmarks/ssim.py
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from csgaussian_ns.render.ssim import distortion, ssim_by_convolution

SIZES = ((240, 135), (480, 270), (960, 540))
REPEATS = 30


def by_convolution(image: Tensor, target: Tensor) -> Tensor:
    """The same mix in torch operations."""
    return 0.8 * (image - target).abs().mean() + 0.2 * (1 - ssim_by_convolution(image, target))


def milliseconds(function: Callable[[Tensor, Tensor], Tensor], image: Tensor, target: Tensor) -> list[float]:
    """Sorted wall times of forward and backward; one unmeasured call compiles."""
    times = []
    for _ in range(REPEATS + 1):
        image.grad = None
        start = time.perf_counter()
        function(image, target).backward()
        times.append((time.perf_counter() - start) * 1e3)
    return sorted(times[1:])


if __name__ == "__main__":
    torch.manual_seed(0)
    print(f"distortion forward + backward, ms: min / median of {REPEATS}")
    for width, height in SIZES:
        image, target = torch.rand(height, width, 3, requires_grad=True), torch.rand(height, width, 3)
        fast, slow = (milliseconds(f, image, target) for f in (distortion, by_convolution))
        print(
            f"{width} x {height}: compiled {fast[0]:6.2f} / {median(fast):6.2f}   "
            f"torch {slow[0]:6.2f} / {median(slow):6.2f}   ratio {median(slow) / median(fast):.0f}"
        )
