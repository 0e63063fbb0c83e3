"""Image quality: PSNR and SSIM always, LPIPS where its weights are on this machine."""

from pathlib import Path
from typing import Any

import torch
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.render.ssim import psnr, ssim

Batch = dict[str, Any]
"""One view as nerfstudio hands it over: ``image`` [H, W, 3 or 4], maybe ``mask`` [H, W, 1], and its ``image_idx``."""


def compared(
    image: Float[Tensor, "H W 3"], batch: Batch, background: Float[Tensor, "3"]
) -> tuple[Float[Tensor, "H W 3"], Float[Tensor, "H W 3"]]:
    """Rendering and photo as floats, transparent photos over ``background``, both black outside the mask."""
    target = batch["image"].to(image.device)
    if target.dtype == torch.uint8:
        target = target.float() / 255
    if target.shape[-1] == 4:
        target = target[..., :3] * target[..., 3:] + background * (1 - target[..., 3:])
    if "mask" in batch:
        mask = batch["mask"].to(image.device)
        image, target = image * mask, target * mask
    return image, target


class ImageQuality:
    """Measures rendered against real views; loads LPIPS at the first use.

    Not an ``nn.Module`` on purpose: the LPIPS network must not end up in checkpoints.
    """

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._lpips: torch.nn.Module | None = None
        self._looked_for_lpips = False

    def __call__(self, image: Float[Tensor, "H W 3"], target: Float[Tensor, "H W 3"]) -> dict[str, float]:
        """``psnr`` in dB, ``ssim``, and ``lpips`` where available. Both images in [0, 1]."""
        result = {"psnr": float(psnr(image, target)), "ssim": float(ssim(image, target))}
        lpips = self._lpips_on(image.device)
        if lpips is not None:
            planes = [tensor.permute(2, 0, 1)[None] for tensor in (image, target)]
            result["lpips"] = float(lpips(*planes))
        return result

    def _lpips_on(self, device: torch.device) -> torch.nn.Module | None:
        """The LPIPS metric, or ``None`` (said once) where it would have to be downloaded."""
        if not self._looked_for_lpips:
            self._looked_for_lpips = True
            weights = Path(torch.hub.get_dir()) / "checkpoints"
            if any(weights.glob("alexnet-*.pth")):
                from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

                self._lpips = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
            else:
                CONSOLE.print(f"[dim]LPIPS is left out: put torchvision's AlexNet weights into {weights} for it.[/dim]")
        return None if self._lpips is None else self._lpips.to(device)
