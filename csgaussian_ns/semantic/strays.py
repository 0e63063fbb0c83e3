"""Anchors far from the object that masks give them to: they are few, but boxes and edits would reach out to them."""

import numpy as np
from jaxtyping import Float, Int

FARTHEST = 6.0
"""Times the median distance from the middle of an object. Real ends reach 4.5 (demo scene: a book at an angle 3.5);
strays were seen from 6 to 36."""


def without_strays(label: Int[np.ndarray, " A"], position: Float[np.ndarray, "A 3"]) -> Int[np.ndarray, " A"]:
    """``label``, 0 where an anchor is more than ``FARTHEST`` times as far from the middle of its object as most are.

    Args:
        label: Object of each anchor, 0 for none.
        position: Of each anchor.
    """
    result = label.copy()
    for number in np.unique(label[label > 0]):
        own = np.flatnonzero(label == number)
        place = position[own]
        distance = np.linalg.norm(place - np.median(place, axis=0), axis=1)
        result[own[distance > FARTHEST * np.median(distance)]] = 0
    return result
