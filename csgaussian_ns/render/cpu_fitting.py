"""Compiled sums, solver and descent that make Gaussians alike from everywhere out of ones that each view sees anew.

Rows of ``sums`` in ``add_view``: the lower triangle of the normal matrix of the harmonics row by row, their right sides
by coefficient and channel, then the ``SHAPE_SUMS``.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.render.cpu_jit import HALF, ONE, ZERO, f32, kernel

SHAPE_SUMS = 8
"""Weight, which is that of the opacity, too; logarithms of three scales; quaternion."""
PARAMETERS = 14
"""What Adam moves: logit of the opacity, logarithms of three scales, quaternion, colour of degree 0, centre."""
_SMALL = f32(1e-10)


class Samples(NamedTuple):
    """Gaussians as one view draws them.

    Attributes:
        who: Row of each in the sums.
        weight: How much it shows.
        harmonics: Of the direction in which the view sees it.
        quats, scales, opacities, colors: As in ``core.types.Gaussians``.
    """

    who: NDArray[np.int64]
    weight: NDArray[np.float32]
    harmonics: NDArray[np.float32]
    quats: NDArray[np.float32]
    scales: NDArray[np.float32]
    opacities: NDArray[np.float32]
    colors: NDArray[np.float32]


class Descent(NamedTuple):
    """What moves by gradient descent, and what it remembers, by Gaussian.

    Attributes:
        values: ``PARAMETERS``, moved by Adam (Kingma and Ba 2015).
        first, second: Its moments of their gradients.
        rest: Coefficients above degree 0, without a first moment: it would take as much memory as they do.
        rest_second: The second, of each colour channel, the mean over the coefficients.
        steps: How often each was seen.
    """

    values: NDArray[np.float32]
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    rest: NDArray[np.float32]
    rest_second: NDArray[np.float32]
    steps: NDArray[np.int32]


def sums_of(coefficients: int) -> int:
    """Width of ``sums`` for as many harmonics."""
    return coefficients * (coefficients + 1) // 2 + 3 * coefficients + SHAPE_SUMS


@kernel
@no_type_check
def add_view(start, stop, samples, sums):
    """Add the Gaussians [start, stop) of a view to their sums; none is there twice."""
    count = samples.harmonics.shape[1]
    sides = count * (count + 1) // 2
    shape = sides + 3 * count
    for q in range(start, stop):
        i = samples.who[q]
        weight = samples.weight[q] * samples.opacities[q]
        for j in range(count):
            weighted, place = weight * samples.harmonics[q, j], j * (j + 1) // 2
            for k in range(j + 1):
                sums[i, place + k] += weighted * samples.harmonics[q, k]
            for k in range(3):
                sums[i, sides + 3 * j + k] += weighted * (samples.colors[q, k] - HALF)
        sums[i, shape] += weight
        agree, length = ZERO, ZERO
        for k in range(4):
            agree += sums[i, shape + 4 + k] * samples.quats[q, k]
            length += samples.quats[q, k] * samples.quats[q, k]
        turn = (weight if agree >= ZERO else -weight) / max(math.sqrt(length), _SMALL)
        for k in range(3):
            sums[i, shape + 1 + k] += weight * math.log(max(samples.scales[q, k], _SMALL))
        for k in range(4):
            sums[i, shape + 4 + k] += turn * samples.quats[q, k]


@kernel
@no_type_check
def solve_harmonics(start, stop, count, ridge, sums, harmonics):
    """Coefficients of the Gaussians [start, stop): normal equations by Cholesky's method, on top of ``sums``.

    ``ridge``, as a share of the weight, is added for each coefficient but the first.
    """
    sides = count * (count + 1) // 2
    for i in range(start, stop):
        weight = max(sums[i, sides + 3 * count], _SMALL)
        for j in range(count):
            row = j * (j + 1) // 2
            sums[i, row + j] += weight * (ridge if j > 0 else f32(1e-6))
            for k in range(j + 1):
                below = k * (k + 1) // 2
                total = sums[i, row + k]
                for m in range(k):
                    total -= sums[i, row + m] * sums[i, below + m]
                if k < j:
                    sums[i, row + k] = total / sums[i, below + k]
                else:
                    sums[i, row + k] = math.sqrt(max(total, _SMALL * weight))
            for c in range(3):
                total = sums[i, sides + 3 * j + c]
                for m in range(j):
                    total -= sums[i, row + m] * harmonics[i, m, c]
                harmonics[i, j, c] = total / sums[i, row + j]
        for back in range(count):
            j = count - 1 - back
            for c in range(3):
                total = harmonics[i, j, c]
                for m in range(j + 1, count):
                    total -= sums[i, m * (m + 1) // 2 + j] * harmonics[i, m, c]
                harmonics[i, j, c] = total / sums[i, j * (j + 1) // 2 + j]


@kernel
@no_type_check
def view_colours(start, stop, ids, harmonics, values, rest, colors):
    """Colours of the candidates [start, stop): that of degree 0 among ``values``, the others in ``rest``."""
    for q in range(start, stop):
        i = np.int64(ids[q])
        for c in range(3):
            total = HALF + harmonics[q, 0] * values[i, 8 + c]
            for j in range(1, harmonics.shape[1]):
                total += harmonics[q, j] * rest[i, j - 1, c]
            colors[i, c] = max(total, ZERO)


class Slopes(NamedTuple):
    """Gradients by what is drawn; by Gaussian, but harmonics by candidate."""

    opacities: NDArray[np.float32]
    means: NDArray[np.float32]
    scales: NDArray[np.float32]
    quats: NDArray[np.float32]
    colors: NDArray[np.float32]
    harmonics: NDArray[np.float32]


@kernel
@no_type_check
def descend(start, stop, ids, drawn, slopes, rates, decays, descent):
    """Take one step with the candidates [start, stop).

    ``drawn`` are the colours that were. ``rates`` are those of opacity, scales, quaternion, colour, centre in standard
    deviations, and other coefficients; ``decays`` those of the two moments.
    """
    gradient = np.empty(PARAMETERS, np.float32)
    for q in range(start, stop):
        i = np.int64(ids[q])
        values = descent.values
        alpha = ONE / (ONE + math.exp(-values[i, 0]))
        gradient[0] = slopes.opacities[i] * alpha * (ONE - alpha)
        for k in range(3):
            gradient[1 + k] = slopes.scales[i, k] * math.exp(values[i, 1 + k])
            gradient[8 + k] = slopes.harmonics[q, 0] * slopes.colors[i, k] if drawn[i, k] > ZERO else ZERO
            gradient[11 + k] = slopes.means[i, k]
        for k in range(4):
            gradient[4 + k] = slopes.quats[i, k]
        descent.steps[i] += 1
        first_part = ONE - math.exp(descent.steps[i] * math.log(decays[0]))
        second_part = ONE - math.exp(descent.steps[i] * math.log(decays[1]))
        size = math.exp((values[i, 1] + values[i, 2] + values[i, 3]) / f32(3))
        for k in range(PARAMETERS):
            first = decays[0] * descent.first[i, k] + (ONE - decays[0]) * gradient[k]
            second = decays[1] * descent.second[i, k] + (ONE - decays[1]) * gradient[k] * gradient[k]
            descent.first[i, k], descent.second[i, k] = first, second
            rate = rates[0] if k < 1 else rates[1] if k < 4 else rates[2] if k < 8 else rates[3]
            rate = rate if k < 11 else rates[4] * size
            values[i, k] -= rate * (first / first_part) / (math.sqrt(second / second_part) + _SMALL)
        _descend_rest(i, q, drawn, slopes, rates[5], decays[1], second_part, descent)


@kernel
@no_type_check
def _descend_rest(i, q, drawn, slopes, rate, decay, second_part, descent):
    """The same for the coefficients above degree 0 of one Gaussian."""
    count = descent.rest.shape[1]
    if count == 0:
        return
    for c in range(3):
        slope = slopes.colors[i, c] if drawn[i, c] > ZERO else ZERO
        square = ZERO
        for j in range(count):
            square += slopes.harmonics[q, j + 1] * slopes.harmonics[q, j + 1]
        square *= slope * slope / count
        second = decay * descent.rest_second[i, c] + (ONE - decay) * square
        descent.rest_second[i, c] = second
        step = rate * slope / (math.sqrt(second / second_part) + _SMALL)
        for j in range(count):
            descent.rest[i, j, c] -= step * slopes.harmonics[q, j + 1]
