"""Masks as an automatic segmenter gives them, made from exact ones: other ids in every view, some split or merged."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt16


@dataclass(frozen=True)
class Levels:
    """How masks of several levels, which lie in one another, are spoiled; shares are of masks, each by itself.

    Attributes:
        changed: Objects that are split or merged with a neighbour.
        missing: Objects and wholes without a mask in a view.
        halves: Objects that have masks of two halves beside their own, cut elsewhere in every view.
    """

    changed: float = 0.2
    missing: float = 0.3
    halves: float = 0.2


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


def nested_masks(
    labels: Int[np.ndarray, "H W"],
    wholes: Sequence[Collection[int]],
    never_whole: int,
    generator: np.random.Generator,
    levels: Levels = Levels(),
) -> Bool[np.ndarray, "M H W"]:
    """One view's masks of three levels, as SAM gives them: wholes, objects, and halves of some.

    Args:
        labels: Exact, 0 for no mask.
        wholes: Objects that are one larger thing, by their numbers in ``labels``.
        never_whole: An object that has masks of two halves only, in every view.
        generator: Random numbers.
        levels: What is spoiled.
    """
    exact = labels.astype(np.int64)
    noisy = noisy_labels(exact, levels.changed, generator)
    noisy = np.where(exact == never_whole, 0, noisy)
    masks = [noisy == number for number in np.unique(noisy[noisy > 0])]
    masks += [np.isin(exact, list(whole)) for whole in wholes]
    masks = [mask for mask in masks if generator.random() >= levels.missing]
    for number in np.unique(exact[exact > 0]).tolist():
        if number == never_whole or generator.random() < levels.halves:
            own = exact == number
            side = _beside(own, generator)
            masks += [own & side, own & ~side]
    return np.stack([mask for mask in masks if mask.any()] or [exact > 0])


def _beside(mask: Bool[np.ndarray, "H W"], generator: np.random.Generator) -> Bool[np.ndarray, "H W"]:
    """Pixels on one side of a line through the middle of a mask, anywhere in the picture."""
    rows, columns = np.nonzero(mask)
    angle, (height, width) = generator.uniform(0, np.pi), mask.shape
    across, down = np.meshgrid(np.arange(width) - columns.mean(), np.arange(height) - rows.mean())
    return down * np.cos(angle) + across * np.sin(angle) > 0


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
