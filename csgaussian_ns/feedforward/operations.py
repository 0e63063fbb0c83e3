"""What the network is made of, on arrays of numpy as of torch; torch is not imported here.

Arrays are ``[V, C, H, W]``: views, channels, rows, columns. With numpy sums run in another order than with torch, so
results differ in their last digits.
"""

import sys
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import namespace
from csgaussian_ns.core.shapes import Float, Shaped

LEAK = 0.1
"""Slope of the activation below zero."""
OUTSIDE = -2.0
"""A place that no image has."""


def _functional() -> Any:
    return sys.modules["torch"].nn.functional


def neighbourhood(x: Shaped[Any, "V C H W"], kernel: int, stride: int = 1) -> Shaped[Any, "V CKK h w"]:
    """Of each place the values around it: channel by channel a square of ``kernel``, 0 beyond the border.

    Args:
        x: Numbers of any type with numpy, floating ones with torch.
        kernel: Odd.
        stride: Every so many places, from the first one on.
    """
    views, channels, height, width = x.shape
    reach = kernel // 2
    out = (-(-height // stride), -(-width // stride))
    if not isinstance(x, np.ndarray):
        columns = _functional().unfold(x, kernel, padding=reach, stride=stride)
        return columns.reshape(views, channels * kernel**2, *out)
    padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (1, 1, kernel, kernel))
    windows = windows[:, :, ::stride, ::stride, 0, 0].transpose(0, 1, 4, 5, 2, 3)
    return np.ascontiguousarray(windows).reshape(views, channels * kernel**2, *out)


def convolved(
    x: Float[Any, "V C H W"], weight: Float[Any, "O C K K"], bias: Float[Any, " O"], stride: int = 1
) -> Float[Any, "V O h w"]:
    """A convolution with zeros beyond the border; every ``stride``-th place from the first one on.

    With torch it is computed in the precision of the weights, and given in that of the input.
    """
    kernel = weight.shape[-1]
    if not isinstance(x, np.ndarray):
        if weight.dtype == x.dtype:
            return _functional().conv2d(x, weight, bias, stride, kernel // 2)
        out = _functional().conv2d(x.to(weight.dtype), weight, None, stride, kernel // 2)
        return out.to(x.dtype) + bias[:, None, None]
    columns = x if kernel == stride == 1 else neighbourhood(x, kernel, stride)
    flat = columns.reshape(*columns.shape[:2], -1)
    out = np.matmul(weight.reshape(len(weight), -1), flat)
    out += bias[:, None]
    return out.reshape(len(x), len(weight), *columns.shape[2:])


def active(x: Float[Any, "*shape"]) -> Float[Any, "*shape"]:
    """The leaky activation."""
    return np.maximum(x, LEAK * x) if isinstance(x, np.ndarray) else _functional().leaky_relu(x, LEAK)


def positive(x: Float[Any, "*shape"]) -> Float[Any, "*shape"]:
    """The activation of networks that become integer: 0 below 0."""
    return np.maximum(x, 0) if isinstance(x, np.ndarray) else x.relu()


def softmax(x: Float[Any, "V D H W"]) -> Float[Any, "V D H W"]:
    """Shares of the channels."""
    if not isinstance(x, np.ndarray):
        return x.softmax(dim=1)
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def spread(x: Shaped[Any, "V CRR H W"], factor: int) -> Shaped[Any, "V C RH RW"]:
    """Channels as finer places: channel ``c * factor**2 + row * factor + column`` is of that place in each cell."""
    views, channels, height, width = x.shape
    cells = x.reshape(views, channels // factor**2, factor, factor, height, width)
    order = (0, 1, 4, 2, 5, 3)
    cells = cells.transpose(order) if isinstance(x, np.ndarray) else cells.permute(order)
    return cells.reshape(views, channels // factor**2, height * factor, width * factor)


def enlarged(x: Float[Any, "V C H W"], factor: int) -> Float[Any, "V C h w"]:
    """Each value ``factor`` times in each direction."""
    library = namespace(x)
    repeat = library.repeat if isinstance(x, np.ndarray) else sys.modules["torch"].repeat_interleave
    return repeat(repeat(x, factor, 2), factor, 3)


def sampled(
    x: Float[Any, "C H W"], columns: Float[Any, "*places"], rows: Float[Any, "*places"]
) -> Float[Any, "C *places"]:
    """Values between the places of an image, linear in each direction, 0 beyond the border.

    Args:
        x: An image.
        columns: Where, in places from the middle of the first one on.
        rows: Likewise.
    """
    channels, height, width = x.shape
    if not isinstance(x, np.ndarray):
        torch = sys.modules["torch"]
        grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], -1)
        flat = grid.reshape(1, 1, -1, 2)
        found = _functional().grid_sample(x[None], flat, padding_mode="zeros", align_corners=False)
        return found.reshape(channels, *columns.shape)
    border = np.pad(x, ((0, 0), (1, 2), (1, 2))).reshape(channels, -1)
    # NaN compares false: what is no place lies outside
    across = np.minimum(np.where(columns > -1, columns, -1), width) + 1
    down = np.minimum(np.where(rows > -1, rows, -1), height) + 1
    left, top = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
    u, v = (across - left).astype(x.dtype), (down - top).astype(x.dtype)
    start = top * (width + 3) + left
    upper = border[:, start] * (1 - u) + border[:, start + 1] * u
    lower = border[:, start + width + 3] * (1 - u) + border[:, start + width + 4] * u
    return upper * (1 - v) + lower * v
