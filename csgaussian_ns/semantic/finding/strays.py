"""Anchors far from the object that masks give them to: they are few, but boxes and edits would reach out to them."""

import numpy as np
from scipy.spatial import KDTree

from csgaussian_ns.core.shapes import Float, Int

NEIGHBOURS = 4
FARTHEST = 8.0
"""Times the median distance to the fourth neighbour of the same object. Strays that doubled the boxes of the demo scene
had 11 and 29. Up to 7 an anchor may well draw its object, by Gaussians that reach out to it: without those above 5, the
objects' 2-D IoU falls by half a point."""


def without_strays(label: Int[np.ndarray, " A"], position: Float[np.ndarray, "A 3"]) -> Int[np.ndarray, " A"]:
    """``label``, 0 where an anchor is ``FARTHEST`` times as far from others of its object as most of them are.

    Args:
        label: Object of each anchor, 0 for none.
        position: Of each anchor.
    """
    result = label.copy()
    for number in np.unique(label[label > 0]):
        own = np.flatnonzero(label == number)
        if len(own) > NEIGHBOURS:
            place = position[own]
            distance = KDTree(place).query(place, k=NEIGHBOURS + 1)[0][:, -1]  # the nearest is the anchor itself
            result[own[distance > FARTHEST * np.median(distance)]] = 0
    return result
