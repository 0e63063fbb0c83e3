"""Features as colours that people can look at."""

from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import like, to_numpy
from csgaussian_ns.core.shapes import Float

SPREAD = 2.0
"""Standard deviations of a principal component that span half of the colour range."""


def principal_colours(feature: Float[Any, "A D"]) -> Float[Any, "A 3"]:
    """The three directions in which ``feature`` varies most, as RGB in [0, 1]; the mean is grey.

    Alike features get alike colours in every view of a scene; between scenes colours mean nothing. Features of fewer
    than three channels leave the others grey.
    """
    values = to_numpy(feature).astype(np.float64)
    centred = values - values.mean(axis=0) if len(values) else values
    variance, direction = np.linalg.eigh(centred.T @ centred / max(len(values), 1))
    variance, direction = variance[::-1][:3], direction[:, ::-1][:, :3]
    # The sign of an eigenvector is arbitrary: its largest entry decides, so that every machine draws the same colours.
    largest = np.abs(direction).argmax(axis=0)
    direction = direction * np.sign(direction[largest, np.arange(direction.shape[1])])
    scaled = centred @ direction / (2 * SPREAD * np.sqrt(variance.clip(min=1e-12)))
    colours = np.full((len(values), 3), 0.5)
    colours[:, : scaled.shape[1]] += scaled
    return like(colours.clip(0, 1), feature)
