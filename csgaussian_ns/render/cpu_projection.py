"""Compiled projection of 3-D Gaussians to the image plane.

EWA splatting (Zwicker et al. 2001) with the clamped Jacobian that 3DGS uses; ``projection`` is the readable twin. Two
steps, so that time grows with what is visible: ``cull`` drops what certainly misses the image by a cheap bound,
``project`` does the rest. One row of ``Splats.rows`` per candidate::

    x, y            centre in pixels
    l1, l2, l3      whitening: r = (l1 dx + l2 dy, l3 dy) has alpha = opacity * 2^-|r|^2
    level           log2(opacity)
    depth           z in camera axes
    live            1 if its footprint reaches the image, else 0
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.contract import DILATION, MIN_ALPHA, NEAR
from csgaussian_ns.render.cpu_jit import (
    ONE,
    TWO,
    WHITENING_SCALE,
    ZERO,
    clear_between,
    f32,
    kernel,
)

SPLAT_FIELDS = 8

_NEAR, _DILATION, _MIN_ALPHA, _SCALE = f32(NEAR), f32(DILATION), f32(MIN_ALPHA), f32(WHITENING_SCALE)
_DILATION2 = f32(DILATION * DILATION)
_LARGEST = f32(1e37)  # determinants near the end of float32 would overflow on the way back
# Squared radius of the footprint of opacity 1 in standard deviations, with room for rounding.
_BOUND = f32(2.0 * math.log(1.0 / MIN_ALPHA) * 1.001)


class Pose(NamedTuple):
    """One camera as the kernels read it.

    Attributes:
        matrix: World to camera, upper three rows.
        lens: fx, fy, cx, cy, width, height, and the clamps of x/z (low, high) and of y/z.
    """

    matrix: NDArray[np.float32]
    lens: NDArray[np.float32]


class Places(NamedTuple):
    """The arrays of ``core.types.Gaussians`` that say where, or the gradients by them."""

    means: NDArray[np.float32]
    quats: NDArray[np.float32]
    scales: NDArray[np.float32]


class ProjectedArrays(NamedTuple):
    """Projected candidates.

    Attributes:
        rows: See above.
        planar: xx, xy, yy of the dilated covariance in px^2, depth; by candidate.
        means2d, visible: As in ``core.types.Rendering``; by Gaussian.
    """

    rows: NDArray[np.float32]
    planar: NDArray[np.float32]
    means2d: NDArray[np.float32]
    visible: NDArray[np.bool_]


def pose_of(camera: Camera) -> Pose:
    """``camera`` in float32."""
    view = to_numpy(camera.world_to_camera)[:3].astype(np.float32, order="C")
    margin_x, margin_y = 0.15 * camera.width / camera.fx, 0.15 * camera.height / camera.fy
    left, right = camera.cx / camera.fx, (camera.width - camera.cx) / camera.fx
    above, below = camera.cy / camera.fy, (camera.height - camera.cy) / camera.fy
    size = [camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height]
    clamps = [-left - margin_x, right + margin_x, -above - margin_y, below + margin_y]
    return Pose(view, np.array(size + clamps, np.float32))


@kernel
@no_type_check
def cull(start, stop, points, opacities, pose, candidates):
    """Write the ids in [start, stop) that may be seen to ``candidates[start:]``, in order; return how many.

    The bound: the projected variance is at most that of a sphere of the largest scale.
    """
    scales, lens = points.scales, pose.lens
    found = start
    for i in range(start, stop):
        x, y, z = centre_in_camera(pose.matrix, points.means, i)
        if not (z >= _NEAR and opacities[i] >= _MIN_ALPHA):
            continue
        per_depth = ONE / z
        px, py, u, v, _, _ = image_point(lens, x, y, per_depth)
        size = max(scales[i, 0], max(scales[i, 1], scales[i, 2])) * per_depth
        reach_x = math.sqrt(_BOUND * (lens[0] * lens[0] * (ONE + u * u) * size * size + _DILATION))
        reach_y = math.sqrt(_BOUND * (lens[1] * lens[1] * (ONE + v * v) * size * size + _DILATION))
        if _meets_image(lens, px, py, reach_x, reach_y):
            candidates[found] = i
            found += 1
    return found - start


@kernel
@no_type_check
def project(start, stop, ids, points, opacities, pose, splats):
    """Fill ``splats`` for the candidates [start, stop) of ``ids``; nothing may be visible before."""
    rows, planar = splats.rows, splats.planar
    clear_between(ids, start, stop, splats.means2d)
    for q in range(start, stop):
        i = np.int64(ids[q])  # as in ``cull``: an index of another type would be compiled for again
        x, y, z = centre_in_camera(pose.matrix, points.means, i)
        px, py, u, v, _, _ = image_point(pose.lens, x, y, ONE / z)
        a, b = half_covariance(points, i, axes_of(points.quats, i), jacobian_rows(pose, u, v, ONE / z))
        xx, xy, yy, det = _covariance(a, b)
        reach2 = TWO * math.log(opacities[i] / _MIN_ALPHA)
        live = _meets_image(pose.lens, px, py, math.sqrt(reach2 * xx), math.sqrt(reach2 * yy)) and det < _LARGEST
        along = _SCALE * math.sqrt(yy / det)
        rows[q, 0], rows[q, 1] = px, py
        rows[q, 2], rows[q, 3], rows[q, 4] = along, -along * xy / yy, _SCALE / math.sqrt(yy)
        rows[q, 5], rows[q, 6], rows[q, 7] = math.log2(opacities[i]), z, f32(live)
        planar[q, 0], planar[q, 1], planar[q, 2], planar[q, 3] = xx, xy, yy, z
        if live:
            splats.means2d[i, 0], splats.means2d[i, 1], splats.visible[i] = px, py, True


@kernel
@no_type_check
def centre_in_camera(view, means, i):
    """Centre of Gaussian ``i`` in camera axes."""
    x, y, z = means[i, 0], means[i, 1], means[i, 2]
    return (
        view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3],
        view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3],
        view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3],
    )


@kernel
@no_type_check
def image_point(lens, x, y, per_depth):
    """Pixel; slopes x/z and y/z, clamped to 1.3 fields of view; whether the clamp left each as it was."""
    u, v = x * per_depth, y * per_depth
    u_clamped, v_clamped = min(max(u, lens[6]), lens[7]), min(max(v, lens[8]), lens[9])
    return lens[0] * u + lens[2], lens[1] * v + lens[3], u_clamped, v_clamped, u == u_clamped, v == v_clamped


@kernel
@no_type_check
def _meets_image(lens, px, py, reach_x, reach_y):
    """Whether a box around a pixel overlaps the image. False for NaN."""
    return px + reach_x > ZERO and px - reach_x < lens[4] and py + reach_y > ZERO and py - reach_y < lens[5]


@kernel
@no_type_check
def axes_of(quats, i):
    """Rows of the rotation matrix of a quaternion of any length."""
    w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
    s = TWO / (w * w + x * x + y * y + z * z)
    return (
        (ONE - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)),
        (s * (x * y + w * z), ONE - s * (x * x + z * z), s * (y * z - w * x)),
        (s * (x * z - w * y), s * (y * z + w * x), ONE - s * (x * x + y * y)),
    )


@kernel
@no_type_check
def jacobian_rows(pose, u, v, per_depth):
    """Both rows of the derivative of the pixel by the world position."""
    view = pose.matrix
    fx, fy = pose.lens[0] * per_depth, pose.lens[1] * per_depth
    p = fx * (view[0, 0] - u * view[2, 0]), fx * (view[0, 1] - u * view[2, 1]), fx * (view[0, 2] - u * view[2, 2])
    q = fy * (view[1, 0] - v * view[2, 0]), fy * (view[1, 1] - v * view[2, 1]), fy * (view[1, 2] - v * view[2, 2])
    return p, q


@kernel
@no_type_check
def half_covariance(points, i, axes, jacobian):
    """Vectors a, b in units of the Gaussian's own axes; the covariance on the image is (a.a, a.b, b.b)."""
    s0, s1, s2 = points.scales[i, 0], points.scales[i, 1], points.scales[i, 2]
    p, q = jacobian
    a0, a1, a2 = times_columns(p, axes)
    b0, b1, b2 = times_columns(q, axes)
    return (a0 * s0, a1 * s1, a2 * s2), (b0 * s0, b1 * s1, b2 * s2)


@kernel
@no_type_check
def dot(a, b):
    """Inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@kernel
@no_type_check
def times_columns(row, matrix):
    """Row vector times 3 x 3 matrix."""
    m0, m1, m2 = matrix
    return (
        row[0] * m0[0] + row[1] * m1[0] + row[2] * m2[0],
        row[0] * m0[1] + row[1] * m1[1] + row[2] * m2[1],
        row[0] * m0[2] + row[1] * m1[2] + row[2] * m2[2],
    )


@kernel
@no_type_check
def _covariance(a, b):
    """Dilated covariance and its determinant. xx * yy - xy^2 would cancel to noise for a needle; a cross b does not."""
    xx, xy, yy = dot(a, a), dot(a, b), dot(b, b)
    cross = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    det = dot(cross, cross) + _DILATION * (xx + yy) + _DILATION2
    return xx + _DILATION, xy, yy + _DILATION, det
