"""Compiled gradient of ``cpu_projection.project``: from centre, covariance and depth to where the Gaussians are."""

import math
from typing import no_type_check

import numpy as np

from csgaussian_ns.render.cpu_jit import ONE, TWO, ZERO, clear_between, kernel
from csgaussian_ns.render.cpu_projection import (
    axes_of,
    centre_in_camera,
    dot,
    half_covariance,
    image_point,
    jacobian_rows,
)


@kernel
@no_type_check
def project_backward(start, stop, ids, rows, points, pose, grad_means2d, grad_planar, grads):
    """Fill ``grads`` for the candidates [start, stop) of ``ids``, and with zeros for the Gaussians between them."""
    clear_between(ids, start, stop, grads.means)
    clear_between(ids, start, stop, grads.quats)
    clear_between(ids, start, stop, grads.scales)
    for q in range(start, stop):
        if rows[q, 7] == ZERO:
            continue
        i = np.int64(ids[q])
        x, y, z = centre_in_camera(pose.matrix, points.means, i)
        _, _, u, v, u_free, v_free = image_point(pose.lens, x, y, ONE / z)
        axes, jacobian = axes_of(points.quats, i), jacobian_rows(pose, u, v, ONE / z)
        a, b = half_covariance(points, i, axes, jacobian)
        of_a, of_b = _covariance_gradient(a, b, grad_planar, q)
        turned = _turn_gradient(jacobian, of_a, of_b)
        _store_scales(grads.scales, i, axes, turned)
        _store_quats(grads.quats, i, points, turned)
        of_rows = _scaled_by_axes(axes, points.scales, i, of_a), _scaled_by_axes(axes, points.scales, i, of_b)
        of_pixel = grad_means2d[i, 0], grad_means2d[i, 1]
        gx, gy, gz = _point_gradient(pose, (x, y, ONE / z), (u, v), (u_free, v_free), of_rows, of_pixel)
        gz += grad_planar[q, 3]
        for k in range(3):
            grads.means[i, k] = pose.matrix[0, k] * gx + pose.matrix[1, k] * gy + pose.matrix[2, k] * gz


@kernel
@no_type_check
def _covariance_gradient(a, b, grad_planar, q):
    """Gradients of a and b, where the covariance is (a.a, a.b, b.b)."""
    xx, xy, yy = TWO * grad_planar[q, 0], grad_planar[q, 1], TWO * grad_planar[q, 2]
    return (
        (xx * a[0] + xy * b[0], xx * a[1] + xy * b[1], xx * a[2] + xy * b[2]),
        (xy * a[0] + yy * b[0], xy * a[1] + yy * b[1], xy * a[2] + yy * b[2]),
    )


@kernel
@no_type_check
def _turn_gradient(jacobian, of_a, of_b):
    """Gradient of the matrix axes * scales, of which a and b are the products with the rows of the Jacobian."""
    p, q = jacobian
    return (
        (p[0] * of_a[0] + q[0] * of_b[0], p[0] * of_a[1] + q[0] * of_b[1], p[0] * of_a[2] + q[0] * of_b[2]),
        (p[1] * of_a[0] + q[1] * of_b[0], p[1] * of_a[1] + q[1] * of_b[1], p[1] * of_a[2] + q[1] * of_b[2]),
        (p[2] * of_a[0] + q[2] * of_b[0], p[2] * of_a[1] + q[2] * of_b[1], p[2] * of_a[2] + q[2] * of_b[2]),
    )


@kernel
@no_type_check
def _store_scales(out, i, axes, turned):
    """Each scale multiplies one column of the axes."""
    r0, r1, r2 = axes
    m0, m1, m2 = turned
    out[i, 0] = r0[0] * m0[0] + r1[0] * m1[0] + r2[0] * m2[0]
    out[i, 1] = r0[1] * m0[1] + r1[1] * m1[1] + r2[1] * m2[1]
    out[i, 2] = r0[2] * m0[2] + r1[2] * m1[2] + r2[2] * m2[2]


@kernel
@no_type_check
def _store_quats(out, i, points, turned):
    """Through the rotation matrix of a quaternion of any length; the part of the gradient along it vanishes."""
    w, x, y, z = points.quats[i, 0], points.quats[i, 1], points.quats[i, 2], points.quats[i, 3]
    inverse = ONE / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * inverse, x * inverse, y * inverse, z * inverse
    s0, s1, s2 = points.scales[i, 0], points.scales[i, 1], points.scales[i, 2]
    m0, m1, m2 = turned
    m00, m01, m02 = m0[0] * s0, m0[1] * s1, m0[2] * s2
    m10, m11, m12 = m1[0] * s0, m1[1] * s1, m1[2] * s2
    m20, m21, m22 = m2[0] * s0, m2[1] * s1, m2[2] * s2
    gw = TWO * (x * (m21 - m12) + y * (m02 - m20) + z * (m10 - m01))
    gx = TWO * (-TWO * x * (m11 + m22) + y * (m01 + m10) + z * (m02 + m20) + w * (m21 - m12))
    gy = TWO * (x * (m01 + m10) - TWO * y * (m00 + m22) + z * (m12 + m21) + w * (m02 - m20))
    gz = TWO * (x * (m02 + m20) + y * (m12 + m21) - TWO * z * (m00 + m11) + w * (m10 - m01))
    along = gw * w + gx * x + gy * y + gz * z
    out[i, 0], out[i, 1] = (gw - along * w) * inverse, (gx - along * x) * inverse
    out[i, 2], out[i, 3] = (gy - along * y) * inverse, (gz - along * z) * inverse


@kernel
@no_type_check
def _scaled_by_axes(axes, scales, i, of_half):
    """Gradient of a row of the Jacobian from that of a, or b."""
    scaled = of_half[0] * scales[i, 0], of_half[1] * scales[i, 1], of_half[2] * scales[i, 2]
    return dot(axes[0], scaled), dot(axes[1], scaled), dot(axes[2], scaled)


@kernel
@no_type_check
def _point_gradient(pose, point, slopes, free, of_rows, of_pixel):
    """Gradient of the camera-space point (given as x, y, 1/z) through pixel and Jacobian.

    Row p of the Jacobian is fx/z * (view[0] - u view[2]), row q likewise; a clamped slope does not move with the point.
    """
    view, lens = pose.matrix, pose.lens
    (x, y, per_depth), (u, v), (of_p, of_q) = point, slopes, of_rows
    fx, fy = lens[0] * per_depth, lens[1] * per_depth
    along_x = of_p[0] * view[0, 0] + of_p[1] * view[0, 1] + of_p[2] * view[0, 2]
    along_y = of_q[0] * view[1, 0] + of_q[1] * view[1, 1] + of_q[2] * view[1, 2]
    p_along_z = of_p[0] * view[2, 0] + of_p[1] * view[2, 1] + of_p[2] * view[2, 2]
    q_along_z = of_q[0] * view[2, 0] + of_q[1] * view[2, 1] + of_q[2] * view[2, 2]
    gz = -(fx * (along_x - u * p_along_z) + fy * (along_y - v * q_along_z)) * per_depth
    gu = lens[0] * of_pixel[0] - (fx * p_along_z if free[0] else ZERO)
    gv = lens[1] * of_pixel[1] - (fy * q_along_z if free[1] else ZERO)
    gz -= (gu * x + gv * y) * per_depth * per_depth
    return gu * per_depth, gv * per_depth, gz
