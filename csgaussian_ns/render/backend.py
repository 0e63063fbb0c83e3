"""The choice of a renderer of tensors, each of which is a ``render.rasterizer.Rasterizer``."""

from collections.abc import Callable
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.render.rasterizer import Rasterizer


def choose_rasterizer(name: str, device: Any) -> Rasterizer:
    """The renderer called ``name``; ``"auto"`` takes gsplat for tensors on a CUDA ``device`` and the CPU's else.

    Backends are imported here and not before: a CPU-only machine never loads gsplat, and a receiver no torch.

    Args:
        name: As ``Rasterizer.name``, or ``"auto"``.
        device: A ``torch.device``, or as torch writes one.

    Raises:
        ConfigError: There is no renderer of that name.
        BackendUnavailable: gsplat was asked for, or is due, and cannot run here.
    """
    kind = str(device).partition(":")[0]
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
