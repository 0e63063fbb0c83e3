"""The one interface every renderer implements, and the choice of one."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.types import Camera, Gaussians, Rendering


@runtime_checkable
class Rasterizer(Protocol):
    """Draws the Gaussians seen by one camera.

    Contract, checked for every backend by tests/render/test_parity.py: the axes and units of ``core.types``; a
    Gaussian contributes to a pixel where ``opacity * exp(-sigma) >= 1/255``, alpha is capped at 0.999, blending
    stops before transmittance falls to 1e-4, 0.3 px^2 is added to both diagonal entries of the projected
    covariance, equal depths are drawn in index order. Gradients flow to every tensor of ``gaussians`` and to
    nothing in ``camera``.
    """

    @property
    def name(self) -> str:
        """How ``choose_rasterizer`` knows it."""
        ...

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Float[Tensor, " C"] | None = None,
        with_depth: bool = False,
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see the class for the contract."""
        ...


def choose_rasterizer(name: str, device: torch.device | str) -> Rasterizer:
    """The renderer called ``name``; ``"auto"`` takes gsplat for tensors on a CUDA ``device`` and the CPU's else.

    Backends are imported here and not before: a CPU-only machine never loads gsplat.

    Raises:
        ConfigError: There is no renderer of that name.
        BackendUnavailable: gsplat was asked for, or is due, and cannot run here.
    """
    kind = torch.device(device).type
    if name == "auto":
        name = "gsplat" if kind == "cuda" else "cpu"
    if name not in _MAKERS:
        raise ConfigError(f"rasterizer: expected one of auto, {', '.join(_MAKERS)}; got {name!r}")
    if name == "gsplat" and kind != "cuda":
        raise BackendUnavailable(
            f"rasterizer 'gsplat' renders CUDA tensors only, the model is on {kind}; "
            "choose 'cpu' (or 'auto'), or move the model to a CUDA device"
        )
    return _MAKERS[name]()


def _gsplat() -> Rasterizer:
    from csgaussian_ns.render.gsplat_backend import GsplatRasterizer

    return GsplatRasterizer()


def _cpu() -> Rasterizer:
    from csgaussian_ns.render.cpu import CpuRasterizer

    return CpuRasterizer()


def _reference() -> Rasterizer:
    from csgaussian_ns.render.reference import ReferenceRasterizer

    return ReferenceRasterizer()


_MAKERS: dict[str, Callable[[], Rasterizer]] = {"gsplat": _gsplat, "cpu": _cpu, "reference": _reference}
