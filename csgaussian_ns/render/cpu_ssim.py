"""Compiled structural similarity and L1 of two images, with the gradient of both, in one sweep over the rows.

Only sums and differences are blurred. With s = image + target and d = image - target every term of SSIM follows from
the window means of s, d, s^2, d^2 (four blurs instead of five):

    luminance  (M - m + C1) / (M + m + C1),  M = mean(s)^2 / 2,  m = mean(d)^2 / 2
    structure  (V - v + C2) / (V + v + C2),  V = var(s) / 2,     v = var(d) / 2

A row of an ``[H, W, C]`` image is one run of W*C numbers, so the neighbour of a number in its channel stands C places
further and no channel needs a plane of its own. Rings of 11 rows hold what the vertical windows still need: nothing of
image size is stored but the gradient.
"""

import math
from typing import no_type_check

import numpy as np

from csgaussian_ns.render.cpu_jit import HALF, ONE, TWO, ZERO, f32, kernel, unsigned

WINDOW = 11
SIGMA = 1.5
C1 = 0.01**2
C2 = 0.03**2

_REACH = WINDOW - 1
_weights = [math.exp(-((i - _REACH // 2) ** 2) / (2 * SIGMA**2)) for i in range(WINDOW)]
_W0, _W1, _W2, _W3, _W4, _W5 = (f32(weight / sum(_weights)) for weight in _weights[: WINDOW // 2 + 1])
_C1, _C2 = f32(C1), f32(C2)


@kernel
@no_type_check
def _blur_across(row, step, blurred):
    """Window sums along a row: ``blurred[x]`` gathers ``row[x], row[x + step], ..., row[x + 10 step]``."""
    k1 = unsigned(step)
    k2, k3, k4, k5 = k1 + k1, k1 * unsigned(3), k1 * unsigned(4), k1 * unsigned(5)
    k6, k7, k8, k9, k10 = k3 + k3, k3 + k4, k4 + k4, k4 + k5, k5 + k5
    for x in range(unsigned(0), unsigned(len(row)) - k10):
        blurred[x] = (
            _W0 * (row[x] + row[x + k10])
            + _W1 * (row[x + k1] + row[x + k9])
            + _W2 * (row[x + k2] + row[x + k8])
            + _W3 * (row[x + k3] + row[x + k7])
            + _W4 * (row[x + k4] + row[x + k6])
            + _W5 * row[x + k5]
        )


@kernel
@no_type_check
def _blur_down(ring, oldest, blurred):
    """Window sums over the eleven rows of ``ring``, of which ``oldest`` (any integer, modulo 11) came first."""
    r0, r1, r2 = ring[oldest % 11], ring[(oldest + 1) % 11], ring[(oldest + 2) % 11]
    r3, r4, r5 = ring[(oldest + 3) % 11], ring[(oldest + 4) % 11], ring[(oldest + 5) % 11]
    r6, r7, r8 = ring[(oldest + 6) % 11], ring[(oldest + 7) % 11], ring[(oldest + 8) % 11]
    r9, r10 = ring[(oldest + 9) % 11], ring[(oldest + 10) % 11]
    for x in range(unsigned(0), unsigned(len(blurred))):
        blurred[x] = (
            _W0 * (r0[x] + r10[x])
            + _W1 * (r1[x] + r9[x])
            + _W2 * (r2[x] + r8[x])
            + _W3 * (r3[x] + r7[x])
            + _W4 * (r4[x] + r6[x])
            + _W5 * r5[x]
        )


@kernel
@no_type_check
def _sums_and_differences(image, target, terms):
    """Fill ``terms`` with s, d, s^2, d^2 of one row, one after another; return the row's sum of |d|."""
    n = unsigned(len(image))
    n2, n3 = n + n, n + n + n
    total = ZERO
    for x in range(unsigned(0), n):
        s, d = image[x] + target[x], image[x] - target[x]
        terms[x] = s
        terms[n + x] = d
        terms[n2 + x] = s * s
        terms[n3 + x] = d * d
        total += abs(d)
    return total


@kernel
@no_type_check
def _similarity(means, n, count, pull, offset):
    """Sum of SSIM over one row of ``count`` windows, and its derivatives.

    ``means`` holds the window means of s, d, s^2, d^2 at distance ``n``. ``pull`` receives, at the same distance and
    shifted by ``offset``, the derivatives by mean(s) + mean(d), by mean(s^2) and by mean(d^2).
    """
    total = ZERO
    n1 = unsigned(n)
    n2, n3 = n1 + n1, n1 + n1 + n1
    p0 = unsigned(offset)
    p1, p2 = p0 + n1, p0 + n2
    for x in range(unsigned(0), unsigned(count)):
        s, d = means[x], means[n1 + x]
        ms, md = HALF * s * s, HALF * d * d
        vs, vd = HALF * means[n2 + x] - ms, HALF * means[n3 + x] - md
        luminance_over, structure_over = ONE / (ms + md + _C1), ONE / (vs + vd + _C2)
        luminance, structure = (ms - md + _C1) * luminance_over, (vs - vd + _C2) * structure_over
        total += luminance * structure
        # By ms, md, vs, vd; then through mean(s) and mean(d), which the variances contain too.
        by_vs = luminance * structure_over * (ONE - structure)
        by_vd = -luminance * structure_over * (ONE + structure)
        by_ms = structure * luminance_over * (ONE - luminance) - by_vs
        by_md = -structure * luminance_over * (ONE + luminance) - by_vd
        pull[p0 + x] = s * by_ms + d * by_md
        pull[p1 + x] = HALF * by_vs
        pull[p2 + x] = HALF * by_vd
    return total


@kernel
@no_type_check
def _gradient_row(image, target, pulled, ssim_scale, l1_scale, gradient):
    """Derivative by one row of ``image``: SSIM's through the blurred ``pulled`` of _similarity, and the sign for L1."""
    n = unsigned(len(image))
    n2 = n + n
    for x in range(unsigned(0), n):
        s, d = image[x] + target[x], image[x] - target[x]
        sign = ONE if d > ZERO else (-ONE if d < ZERO else ZERO)
        by_ssim = pulled[x] + TWO * (s * pulled[n + x] + d * pulled[n2 + x])
        gradient[x] = ssim_scale * by_ssim + l1_scale * sign


@kernel
@no_type_check
def compare_rows(start, stop, image, target, channels, ssim_scale, l1_scale, sums, gradient):
    """Sums per row, and the gradient, for image rows [start, stop).

    ``image`` and ``target`` are ``[H, W*C]`` float32 with H and W at least 11, the scales float32. Jobs for different
    rows share nothing they write.

    Args:
        start: First row.
        stop: One past the last row.
        image: By which is differentiated.
        target: To which it is compared.
        channels: C.
        ssim_scale: Factor of SSIM's gradient.
        l1_scale: Factor of L1's gradient.
        sums: ``[H, 2]`` receives per row the sum of SSIM over the windows whose top row it is (rows beyond H-11 have
            none: left as they are) and the sum of |image - target|.
        gradient: ``[H, W*C]`` receives ssim_scale * d(sum of SSIM) + l1_scale * d(sum of |image - target|); with no
            rows at all (``[0, W*C]``) only sums are made.
    """
    height, n = image.shape
    margin = _REACH * channels
    with_gradient = len(gradient) > 0
    terms, means = np.empty(4 * n, np.float32), np.empty(4 * n - margin, np.float32)
    blurred_terms = np.empty((WINDOW, 4 * n - margin), np.float32)
    # Each of the three parts of `pull` begins with a margin of zeros, which also ends the part before it: a blur then
    # gathers from every window that contains a pixel, and from nothing beyond the image.
    pull, pulled = np.zeros(3 * n + margin, np.float32), np.empty(3 * n, np.float32)
    blurred_pull = np.zeros((WINDOW, 3 * n), np.float32)
    # A pixel lies in windows that start up to 10 rows above it; windows reach 10 rows further down.
    first = max(start - _REACH, 0) if with_gradient else start
    for row in range(first, min(stop + _REACH, height)):
        difference = _sums_and_differences(image[row], target[row], terms)
        if start <= row < stop:
            sums[row, 1] = difference
        _blur_across(terms, channels, blurred_terms[row % WINDOW])
        top = row - _REACH
        if top < first:
            continue
        _blur_down(blurred_terms, top, means)
        similarity = _similarity(means, n, n - margin, pull, margin)
        if start <= top:
            sums[top, 0] = similarity
        if with_gradient:
            _blur_across(pull, channels, blurred_pull[top % WINDOW])
            if start <= top:
                _blur_down(blurred_pull, top + 1, pulled)
                _gradient_row(image[top], target[top], pulled, ssim_scale, l1_scale, gradient[top])
    if with_gradient:
        for top in range(max(height - _REACH, start), stop):
            blurred_pull[top % WINDOW] = ZERO
            _blur_down(blurred_pull, top + 1, pulled)
            _gradient_row(image[top], target[top], pulled, ssim_scale, l1_scale, gradient[top])
