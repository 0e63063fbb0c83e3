"""Plain Gaussians as integers, and back.

The axes of a Gaussian have no order and no sign, so the same Gaussian has 24 orientations. Of these that one is coded
whose first axis is the longest, whose last is the shortest, and whose quaternion has its largest part, made positive,
in w; w follows from the others. Colours and harmonics are turned, over red, green and blue, to brightness and two
differences, so that most of what changes is in one of three; being a rotation, it spreads errors evenly.
"""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Float, Float32, Float64, Int32, Int64
from csgaussian_ns.core.similarity import quat_product
from csgaussian_ns.format.gaussians.meta import GaussianMeta
from csgaussian_ns.format.streams.splat_rows import CHANNELS, COLOUR, LARGEST, OPACITY, SCALES, TURN

BRIGHTNESS = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Rows: what red, green and blue make of brightness, and of two differences."""
LARGEST_VOXEL = 1 << 30
_LOWEST = 1e-30
"""Scales and lengths below are taken for this."""


class Arrays(NamedTuple):
    """Gaussians as ``scene.gaussian_scene.GaussianScene`` holds them."""

    means: Float32[np.ndarray, "N 3"]
    quats: Float32[np.ndarray, "N 4"]
    scales: Float32[np.ndarray, "N 3"]
    opacities: Float32[np.ndarray, " N"]
    harmonics: Float32[np.ndarray, "N B 3"]


@dataclass(frozen=True)
class GaussianRows:
    """Gaussians in the steps of a ``GaussianMeta``.

    Attributes:
        grid: Voxels.
        values: Channels, see ``streams.splat_rows``.
    """

    grid: Int32[np.ndarray, "N 3"]
    values: Int32[np.ndarray, "N C"]


def rounded(gaussians: Arrays, meta: GaussianMeta) -> GaussianRows:
    """To the steps. Colours beyond ``LARGEST`` of them, which no picture tells apart, are clipped.

    Args:
        gaussians: Finite, quaternions not zero.
        meta: Their steps; the degree is that of the harmonics.

    Raises:
        QuantisationError: Positions are so many steps from the origin that no file holds them.
    """
    grid = np.rint(gaussians.means.astype(np.float64) / np.float32(meta.voxel_size))
    if np.abs(grid).max(initial=0) > LARGEST_VOXEL:
        raise QuantisationError(
            f"a Gaussian lies {np.abs(gaussians.means).max():.3g} from the origin, which is more than 2^30 steps of "
            f"{meta.voxel_size:.3g}; move the scene to the origin, crop it, or take larger steps"
        )
    scales, quats = ordered(gaussians.scales, gaussians.quats)
    colours = gaussians.harmonics.astype(np.float64) @ BRIGHTNESS.T
    steps = steps_of(meta)
    values = np.empty((len(grid), len(steps)), np.float64)
    values[:, SCALES:TURN] = np.log(scales.clip(min=_LOWEST))
    values[:, TURN:OPACITY] = quats[:, 1:]
    values[:, OPACITY] = gaussians.opacities
    values[:, COLOUR:] = colours.reshape(len(grid), -1)
    return GaussianRows(grid.astype(np.int32), np.rint(values / steps).clip(-LARGEST, LARGEST).astype(np.int32))


def arrays_of(rows: GaussianRows, meta: GaussianMeta) -> Arrays:
    """The inverse of ``rounded``, up to the order of axes."""
    values = rows.values * steps_of(meta)
    turn = values[:, TURN:OPACITY]
    with np.errstate(over="ignore"):  # what is not finite is not drawn
        scales = np.exp(values[:, SCALES:TURN].astype(np.float32))
    w = np.sqrt((1 - np.square(turn).sum(axis=1)).clip(min=0))
    colours = values[:, COLOUR:].reshape(len(values), -1, 3) @ BRIGHTNESS
    return Arrays(
        rows.grid.astype(np.float32) * np.float32(meta.voxel_size),
        np.concatenate([w[:, None], turn], axis=1).astype(np.float32),
        scales,
        values[:, OPACITY].clip(0, 1).astype(np.float32),
        colours.astype(np.float32),
    )


def steps_of(meta: GaussianMeta) -> Float64[np.ndarray, " C"]:
    """Step of each channel."""
    groups = (3, 3, 1, 3, 9, 36)
    return np.repeat(np.array(meta.base_steps), groups)[: CHANNELS[meta.degree]]


def ordered(
    scales: Float[np.ndarray, "N 3"], quats: Float[np.ndarray, "N 4"]
) -> tuple[Float64[np.ndarray, "N 3"], Float64[np.ndarray, "N 4"]]:
    """The same Gaussians by the axes that are coded: scales descending, quaternions of length 1 with w the largest."""
    order = np.argsort(-scales, axis=1, kind="stable")
    unit = quats.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True).clip(min=_LOWEST)
    turns = _TURNS[(order * (9, 3, 1)).sum(axis=1)]
    candidates = np.stack([quat_product(unit.T, turns[:, k]) for k in range(4)], axis=1)
    best = np.abs(candidates[:, :, 0]).argmax(axis=1)
    chosen = candidates[np.arange(len(best)), best]
    chosen *= np.where(chosen[:, :1] < 0, -1, 1)
    return np.take_along_axis(scales.astype(np.float64), order, axis=1), chosen


def _turns() -> Float64[np.ndarray, "27 4 4"]:
    """The turns that take axes to axes, four of them by where they take them: row 9 a + 3 b + c to a, b and c."""
    found: dict[int, list[np.ndarray]] = {}
    for parts in product((-1, 0, 1), repeat=4):
        quat, units = np.array(parts, np.float64), np.abs(parts).sum()
        if units in (1, 2, 4) and next(part for part in parts if part) > 0:
            quat /= np.sqrt(units)
            axes = _axes(quat)
            key = int((np.abs(axes).argmax(axis=0) * (9, 3, 1)).sum())
            found.setdefault(key, []).append(quat)
    table = np.zeros((27, 4, 4))
    for key, quats in found.items():
        table[key] = quats
    return table


def _axes(quat: Float64[np.ndarray, "4"]) -> Int64[np.ndarray, "3 3"]:
    """Columns: where the axes go, for a turn that takes axes to axes."""
    w, x, y, z = quat
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.rint(rows).astype(np.int64)


_TURNS = _turns()
