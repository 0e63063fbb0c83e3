"""Compiled projection of 3-D Gaussians to the image plane and its gradient (EWA splatting, Zwicker et al. 2001, with
the clamped Jacobian that 3DGS uses).

Two steps, so that time grows with what is visible: ``cull`` drops what certainly misses the image by a cheap bound,
``project`` does the rest. What ``project`` writes per candidate is one row of ``splats``::

    x, y            centre in pixels
    l1, l2, l3      whitening: r = (l1 dx + l2 dy, l3 dy) has alpha = opacity * 2^-|r|^2
    level           log2(opacity)
    depth           z in camera axes
    live            1 if its footprint reaches the image, else 0
"""

import math
from typing import no_type_check

import numpy as np

from csgaussian_ns.render.cpu_jit import DILATION, MIN_ALPHA, NEAR, ONE, TWO, WHITENING_SCALE, ZERO, f32, kernel

SPLAT_FIELDS = 8
_NEAR, _DILATION, _MIN_ALPHA, _SCALE = f32(NEAR), f32(DILATION), f32(MIN_ALPHA), f32(WHITENING_SCALE)
_DILATION2 = f32(DILATION * DILATION)
_LARGEST = f32(1e37)  # determinants above it would overflow to inf on the way back
# Squared radius of the footprint of opacity 1 in standard deviations, with room for rounding.
_BOUND = f32(2.0 * math.log(1.0 / MIN_ALPHA) * 1.001)


@kernel
@no_type_check
def cull(start, stop, means, scales, opacities, view, lens, candidates):
    """Write the ids in [start, stop) that may be seen to ``candidates[start:]``, in order; return how many.

    The bound: the projected variance is at most that of a sphere of the largest scale.
    """
    found = start
    for i in range(start, stop):
        x, y, z = _to_camera(view, means[i, 0], means[i, 1], means[i, 2])
        if not (z >= _NEAR and opacities[i] >= _MIN_ALPHA):
            continue
        per_depth = ONE / z
        px, py, u, v, _, _ = _image_point(lens, x, y, per_depth)
        size = max(scales[i, 0], max(scales[i, 1], scales[i, 2])) * per_depth
        size2 = size * size
        focal2_x, focal2_y = lens[0] * lens[0], lens[1] * lens[1]
        reach_x = math.sqrt(_BOUND * (focal2_x * (ONE + u * u) * size2 + _DILATION))
        reach_y = math.sqrt(_BOUND * (focal2_y * (ONE + v * v) * size2 + _DILATION))
        if px + reach_x > ZERO and px - reach_x < lens[4] and py + reach_y > ZERO and py - reach_y < lens[5]:
            candidates[found] = i
            found += 1
    return found - start


@kernel
@no_type_check
def project(start, stop, ids, means, quats, scales, opacities, view, lens, splats, planar, means2d, visible):
    """Fill ``splats``, ``planar`` (xx, xy, yy in px^2, depth) and, by id, ``means2d`` and ``visible``."""
    for row in range(start, stop):
        i = ids[row]
        x, y, z = _to_camera(view, means[i, 0], means[i, 1], means[i, 2])
        px, py, u, v, _, _ = _image_point(lens, x, y, ONE / z)
        axes = _axes(quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3])
        p0, p1, p2, q0, q1, q2 = _jacobian_rows(view, lens, u, v, ONE / z)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        a0, a1, a2 = _along_axes(axes, p0, p1, p2, s0, s1, s2)
        b0, b1, b2 = _along_axes(axes, q0, q1, q2, s0, s1, s2)
        xx, xy, yy, det = _covariance(a0, a1, a2, b0, b1, b2)
        reach2 = TWO * math.log(opacities[i] / _MIN_ALPHA)
        reach_x, reach_y = math.sqrt(reach2 * xx), math.sqrt(reach2 * yy)
        live = (
            px + reach_x > ZERO and px - reach_x < lens[4] and py + reach_y > ZERO and py - reach_y < lens[5]
            and det < _LARGEST
        )
        along = _SCALE * math.sqrt(yy / det)
        splats[row, 0], splats[row, 1] = px, py
        splats[row, 2], splats[row, 3], splats[row, 4] = along, -along * xy / yy, _SCALE / math.sqrt(yy)
        splats[row, 5], splats[row, 6], splats[row, 7] = math.log2(opacities[i]), z, f32(live)
        planar[row, 0], planar[row, 1], planar[row, 2], planar[row, 3] = xx, xy, yy, z
        if live:
            means2d[i, 0], means2d[i, 1] = px, py
            visible[i] = True


@kernel
@no_type_check
def project_backward(
    start, stop, ids, splats, means, quats, scales, view, lens, grad_means2d, grad_planar, grad_means, grad_quats,
    grad_scales,
):
    """Chain the gradients of centre, covariance and depth to the three tensors they came from, for rows [start, stop).

    Rows of the outputs that no live candidate owns stay as they are: the caller hands over zeros.
    """
    for row in range(start, stop):
        if splats[row, 7] == ZERO:
            continue
        i = ids[row]
        x, y, z = _to_camera(view, means[i, 0], means[i, 1], means[i, 2])
        per_depth = ONE / z
        _, _, u, v, free_u, free_v = _image_point(lens, x, y, per_depth)
        w, qx, qy, qz = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
        axes = _axes(w, qx, qy, qz)
        p0, p1, p2, q0, q1, q2 = _jacobian_rows(view, lens, u, v, per_depth)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        a0, a1, a2 = _along_axes(axes, p0, p1, p2, s0, s1, s2)
        b0, b1, b2 = _along_axes(axes, q0, q1, q2, s0, s1, s2)
        # covariance = (a.a, a.b, b.b)
        gxx, gxy, gyy = TWO * grad_planar[row, 0], grad_planar[row, 1], TWO * grad_planar[row, 2]
        ga0, ga1, ga2 = gxx * a0 + gxy * b0, gxx * a1 + gxy * b1, gxx * a2 + gxy * b2
        gb0, gb1, gb2 = gxy * a0 + gyy * b0, gxy * a1 + gyy * b1, gxy * a2 + gyy * b2
        # a = (p @ axes) * s, b = (q @ axes) * s: gradient of axes * s is p^T ga + q^T gb, column by column
        m00, m10, m20 = p0 * ga0 + q0 * gb0, p1 * ga0 + q1 * gb0, p2 * ga0 + q2 * gb0
        m01, m11, m21 = p0 * ga1 + q0 * gb1, p1 * ga1 + q1 * gb1, p2 * ga1 + q2 * gb1
        m02, m12, m22 = p0 * ga2 + q0 * gb2, p1 * ga2 + q1 * gb2, p2 * ga2 + q2 * gb2
        r00, r01, r02, r10, r11, r12, r20, r21, r22 = axes
        grad_scales[i, 0] = r00 * m00 + r10 * m10 + r20 * m20
        grad_scales[i, 1] = r01 * m01 + r11 * m11 + r21 * m21
        grad_scales[i, 2] = r02 * m02 + r12 * m12 + r22 * m22
        g = _quat_gradient(
            w, qx, qy, qz, m00 * s0, m01 * s1, m02 * s2, m10 * s0, m11 * s1, m12 * s2, m20 * s0, m21 * s1, m22 * s2
        )
        grad_quats[i, 0], grad_quats[i, 1], grad_quats[i, 2], grad_quats[i, 3] = g
        # gradient of the Jacobian rows p and q
        gp0, gp1, gp2 = _across_axes(axes, ga0 * s0, ga1 * s1, ga2 * s2)
        gq0, gq1, gq2 = _across_axes(axes, gb0 * s0, gb1 * s1, gb2 * s2)
        gx, gy, gz = _point_gradient(
            view, lens, x, y, u, v, per_depth, free_u, free_v, gp0, gp1, gp2, gq0, gq1, gq2, grad_means2d[i, 0],
            grad_means2d[i, 1],
        )
        gz += grad_planar[row, 3]
        for k in range(3):
            grad_means[i, k] = view[0, k] * gx + view[1, k] * gy + view[2, k] * gz


@kernel
@no_type_check
def _to_camera(view, x, y, z):
    return (
        view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3],
        view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3],
        view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3],
    )


@kernel
@no_type_check
def _image_point(lens, x, y, per_depth):
    """Pixel, slopes x/z and y/z clamped to 1.3 fields of view, and whether the clamp left them free."""
    u, v = x * per_depth, y * per_depth
    u_clamped = min(max(u, lens[6]), lens[7])
    v_clamped = min(max(v, lens[8]), lens[9])
    return lens[0] * u + lens[2], lens[1] * v + lens[3], u_clamped, v_clamped, u == u_clamped, v == v_clamped


@kernel
@no_type_check
def _axes(w, x, y, z):
    """Rotation matrix of a quaternion of any length, row by row."""
    s = TWO / (w * w + x * x + y * y + z * z)
    return (
        ONE - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y),
        s * (x * y + w * z), ONE - s * (x * x + z * z), s * (y * z - w * x),
        s * (x * z - w * y), s * (y * z + w * x), ONE - s * (x * x + y * y),
    )


@kernel
@no_type_check
def _jacobian_rows(view, lens, u, v, per_depth):
    """Both rows of the Jacobian of the pixel by the world position."""
    fx, fy = lens[0] * per_depth, lens[1] * per_depth
    return (
        fx * (view[0, 0] - u * view[2, 0]), fx * (view[0, 1] - u * view[2, 1]), fx * (view[0, 2] - u * view[2, 2]),
        fy * (view[1, 0] - v * view[2, 0]), fy * (view[1, 1] - v * view[2, 1]), fy * (view[1, 2] - v * view[2, 2]),
    )


@kernel
@no_type_check
def _along_axes(axes, p0, p1, p2, s0, s1, s2):
    """Row vector p times rotation times diagonal scale."""
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = axes
    return (
        (p0 * r00 + p1 * r10 + p2 * r20) * s0,
        (p0 * r01 + p1 * r11 + p2 * r21) * s1,
        (p0 * r02 + p1 * r12 + p2 * r22) * s2,
    )


@kernel
@no_type_check
def _across_axes(axes, g0, g1, g2):
    """Rotation times column vector g."""
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = axes
    return r00 * g0 + r01 * g1 + r02 * g2, r10 * g0 + r11 * g1 + r12 * g2, r20 * g0 + r21 * g1 + r22 * g2


@kernel
@no_type_check
def _covariance(a0, a1, a2, b0, b1, b2):
    """Dilated covariance and its determinant. xx * yy - xy^2 would cancel to noise for a needle; a cross b does not."""
    xx, xy, yy = a0 * a0 + a1 * a1 + a2 * a2, a0 * b0 + a1 * b1 + a2 * b2, b0 * b0 + b1 * b1 + b2 * b2
    c0, c1, c2 = a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0
    det = c0 * c0 + c1 * c1 + c2 * c2 + _DILATION * (xx + yy) + _DILATION2
    return xx + _DILATION, xy, yy + _DILATION, det


@kernel
@no_type_check
def _quat_gradient(w, x, y, z, m00, m01, m02, m10, m11, m12, m20, m21, m22):
    """Gradient of a quaternion of any length from that of its rotation matrix; the part along it vanishes."""
    inv = ONE / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * inv, x * inv, y * inv, z * inv
    gw = TWO * (x * (m21 - m12) + y * (m02 - m20) + z * (m10 - m01))
    gx = TWO * (-TWO * x * (m11 + m22) + y * (m01 + m10) + z * (m02 + m20) + w * (m21 - m12))
    gy = TWO * (x * (m01 + m10) - TWO * y * (m00 + m22) + z * (m12 + m21) + w * (m02 - m20))
    gz = TWO * (x * (m02 + m20) + y * (m12 + m21) - TWO * z * (m00 + m11) + w * (m10 - m01))
    along = gw * w + gx * x + gy * y + gz * z
    return (gw - along * w) * inv, (gx - along * x) * inv, (gy - along * y) * inv, (gz - along * z) * inv


@kernel
@no_type_check
def _point_gradient(
    view, lens, x, y, u, v, per_depth, free_u, free_v, gp0, gp1, gp2, gq0, gq1, gq2, grad_px, grad_py
):
    """Gradient of the camera-space point from those of the Jacobian rows and of the pixel.

    Row p is fx/z * (view[0] - u view[2]); a clamped slope u does not move with the point.
    """
    fx, fy = lens[0] * per_depth, lens[1] * per_depth
    r0, r1, r2 = view[2, 0], view[2, 1], view[2, 2]
    along_p = gp0 * (view[0, 0] - u * r0) + gp1 * (view[0, 1] - u * r1) + gp2 * (view[0, 2] - u * r2)
    along_q = gq0 * (view[1, 0] - v * r0) + gq1 * (view[1, 1] - v * r1) + gq2 * (view[1, 2] - v * r2)
    gz = -(fx * along_p + fy * along_q) * per_depth
    # slope x/z, through the pixel and, where free, through the Jacobian
    grad_u, grad_v = lens[0] * grad_px, lens[1] * grad_py
    if free_u:
        grad_u -= fx * (gp0 * r0 + gp1 * r1 + gp2 * r2)
    if free_v:
        grad_v -= fy * (gq0 * r0 + gq1 * r1 + gq2 * r2)
    gz -= (grad_u * x + grad_v * y) * per_depth * per_depth
    return grad_u * per_depth, grad_v * per_depth, gz


def lens_array(fx, fy, cx, cy, width, height):
    """Intrinsics as the kernels read them: fx, fy, cx, cy, width, height, and the clamps of x/z and of y/z."""
    margin_x, margin_y = 0.3 * 0.5 * width / fx, 0.3 * 0.5 * height / fy
    return np.array(
        [
            fx, fy, cx, cy, width, height,
            -(cx / fx + margin_x), (width - cx) / fx + margin_x,
            -(cy / fy + margin_y), (height - cy) / fy + margin_y,
        ],
        np.float32,
    )
