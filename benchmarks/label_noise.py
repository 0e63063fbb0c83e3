"""Masks as an automatic segmenter gives them, made from exact ones: other ids in every view, some split or merged."""

import numpy as np
from jaxtyping import Int, UInt16


def noisy_labels(
    labels: Int[np.ndarray, "H W"], share: float, generator: np.random.Generator
) -> UInt16[np.ndarray, "H W"]:
    """One view's label map with ids permuted, and ``share`` of its masks split by a line or merged with a neighbour.

    Args:
        labels: Exact, 0 for no mask.
        share: Of masks that are changed, each by itself; half of them are split, half merged.
        generator: Random numbers.
    """
    result = labels.astype(np.int64)
    fresh = int(result.max()) + 1
    for number in np.unique(labels[labels > 0]).tolist():
        mask = result == number
        if not mask.any() or generator.random() >= share:
            continue
        if generator.random() < 0.5:
            rows, columns = np.nonzero(mask)
            angle = generator.uniform(0, np.pi)
            side = (rows - rows.mean()) * np.cos(angle) + (columns - columns.mean()) * np.sin(angle) > 0
            result[rows[side], columns[side]] = fresh
            fresh += 1
        else:
            neighbours = _touching(result, mask)
            if len(neighbours):
                result[mask] = generator.choice(neighbours)
    used = np.unique(result[result > 0])
    names = np.zeros(fresh, np.uint16)
    names[used] = generator.permutation(len(used)) + 1
    return names[result]


def _touching(labels: Int[np.ndarray, "H W"], mask: np.ndarray) -> np.ndarray:
    """Ids of other masks within two pixels."""
    wide = mask.copy()
    for _ in range(2):
        grown = wide.copy()
        grown[1:] |= wide[:-1]
        grown[:-1] |= wide[1:]
        grown[:, 1:] |= wide[:, :-1]
        grown[:, :-1] |= wide[:, 1:]
        wide = grown
    return np.unique(labels[wide & ~mask & (labels > 0)])
