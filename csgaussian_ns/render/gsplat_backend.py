"""The CUDA renderer: gsplat 1.4.0 (Ye et al. 2024) behind our contract. The only file that knows gsplat.

gsplat 1.4.0 differs from the contract in one point: it cuts a footprint at the tiles that the square of
``ceil(3 sigma)`` pixels around its centre touches, not where alpha falls to 1/255 (up to 3.33 sigma). Opaque Gaussians
lose a rim of alpha <= 0.011 there. tests/render/test_parity.py states the tolerance.
"""

from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

import torch
from torch import Tensor

from csgaussian_ns.core.arrays import like
from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.contract import DILATION, NEAR
from csgaussian_ns.render.inputs import check_inputs
from csgaussian_ns.render.rasterizer import PositionObserver, observe_positions

_REMEDY = (
    "Install gsplat==1.4.0 with a CUDA toolkit (nvcc) that matches torch, set CUDA_HOME and TORCH_CUDA_ARCH_LIST "
    "(for example 9.0), or choose the renderer 'cpu' and keep the model on the CPU."
)


def load_gsplat() -> ModuleType:
    """gsplat with its CUDA extension loaded; the first call on a machine may compile for minutes.

    Raises:
        BackendUnavailable: There is no CUDA device, no gsplat, or its extension does not build.
    """
    if not torch.cuda.is_available():
        raise BackendUnavailable(f"rasterizer 'gsplat' needs a CUDA device and torch sees none. {_REMEDY}")
    try:
        import gsplat
        from gsplat.cuda import _backend
    except Exception as error:  # a failed build surfaces as IndexError, OSError, RuntimeError, ...
        raise BackendUnavailable(f"gsplat cannot be loaded: {type(error).__name__}: {error}. {_REMEDY}") from error
    if _backend._C is None:  # what it leaves behind where there is no nvcc
        raise BackendUnavailable(f"gsplat found no CUDA toolkit to build its extension with. {_REMEDY}")
    return gsplat


@dataclass(frozen=True)
class GsplatRasterizer:
    """Renders CUDA tensors with gsplat; ``render.rasterizer.Rasterizer`` is the contract, above its exception."""

    name: str = "gsplat"

    def __post_init__(self) -> None:
        load_gsplat()

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Float[Tensor, " C"] | None = None,
        with_depth: bool = False,
        observer: PositionObserver | None = None,
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see ``render.rasterizer.Rasterizer``."""
        check_inputs(gaussians, camera, background, "cuda", torch.float32)
        images, alphas, meta = load_gsplat().rasterization(
            gaussians.means,
            gaussians.quats,
            gaussians.scales,
            gaussians.opacities,
            gaussians.colors,
            viewmats=like(camera.world_to_camera, gaussians.means).detach()[None],
            Ks=_intrinsics(camera.fx, camera.fy, camera.cx, camera.cy, gaussians.means.device)[None],
            width=camera.width,
            height=camera.height,
            near_plane=NEAR,
            eps2d=DILATION,
            packed=False,  # so that means2d and radii have a row per Gaussian
            backgrounds=None if background is None else background[None],
            render_mode="RGB+ED" if with_depth else "RGB",
        )
        # Where a radius is 0, gsplat leaves centres as memory was.
        observe_positions(meta["means2d"], meta["radii"][0] > 0, observer)
        channels = gaussians.colors.shape[1]
        depth = images[0, ..., channels:] if with_depth else None
        return Rendering(images[0, ..., :channels], alphas[0], depth)


@lru_cache(maxsize=4096)
def _intrinsics(fx: float, fy: float, cx: float, cy: float, device: torch.device) -> Float[Tensor, "3 3"]:
    """Kept: numbers on their way to a GPU stop the host."""
    return torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]], device=device)
