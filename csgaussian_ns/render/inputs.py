"""What every renderer demands of its inputs, and the sentences it says when they differ."""

from typing import Any

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.geometry import check_intrinsics
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera, Gaussians

_COLUMNS = {"means": 3, "quats": 4, "scales": 3}


def check_inputs(
    gaussians: Gaussians, camera: Camera, background: Float[Any, " C"] | None, device: str | None, dtype: Any
) -> None:
    """Raise ``ConfigError`` unless shapes agree and every tensor has the given kind of device and dtype.

    With a dtype of numpy all must be arrays of numpy, and there is no ``device``.
    """
    tensors = {name: getattr(gaussians, name) for name in ("means", "quats", "scales", "opacities", "colors")}
    _check_shapes(tensors)
    channels = gaussians.colors.shape[1]
    if background is not None:
        if tuple(background.shape) != (channels,):
            raise ConfigError(
                f"background: expected one value for each of the {channels} channels of gaussians.colors, "
                f"got shape {tuple(background.shape)}"
            )
        tensors["background"] = background
    for name, tensor in tensors.items():
        told = name if name == "background" else f"gaussians.{name}"
        if device is None:
            _check_array(told, tensor, dtype)
        else:
            _check_tensor(told, tensor, device, dtype)
    if tuple(camera.world_to_camera.shape) != (4, 4):
        raise ConfigError(f"camera.world_to_camera: expected shape (4, 4), got {tuple(camera.world_to_camera.shape)}")
    check_intrinsics(camera)


def _check_shapes(tensors: dict[str, Any]) -> None:
    """``core.types.Gaussians`` says the same in its annotations, but those are checked in tests only."""
    count = tensors["means"].shape[0] if tensors["means"].ndim else 0
    for name, tensor in tensors.items():
        columns = _COLUMNS.get(name, tensor.shape[-1] if tensor.ndim == 2 and tensor.shape[-1] else "at least 1")
        expected = (count,) if name == "opacities" else (count, columns)
        if tuple(tensor.shape) != expected:
            raise ConfigError(f"gaussians.{name}: expected shape {expected}, got {tuple(tensor.shape)}")


def _check_array(name: str, array: Any, dtype: Any) -> None:
    if not isinstance(array, np.ndarray):
        raise ConfigError(
            f"{name}: expected an array of numpy, got {type(array).__name__}; convert it, or choose a renderer of "
            "tensors by render.backend.choose_rasterizer"
        )
    if array.dtype != dtype:
        raise ConfigError(f"{name}: expected {np.dtype(dtype)}, got {array.dtype}; convert it with .astype")


def _check_tensor(name: str, tensor: Any, device: str, dtype: Any) -> None:
    if isinstance(tensor, np.ndarray):
        raise ConfigError(f"{name}: this renderer works on tensors, got an array of numpy; draw it by render.draw")
    if tensor.device.type != device:
        raise ConfigError(
            f"{name}: this renderer works on {device} tensors, got one on {tensor.device}; move it with "
            f".to('{device}') or choose the renderer by render.backend.choose_rasterizer('auto', device)"
        )
    if tensor.dtype != dtype:
        raise ConfigError(f"{name}: expected {dtype}, got {tensor.dtype}; convert it with .to({dtype})")
