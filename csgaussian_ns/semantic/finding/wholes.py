"""What objects are parts of: masks of many views that hold several objects at once tell of wholes (decision 0061)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.shapes import Integer
from csgaussian_ns.semantic.finding.evidence import MIN_SUPPORT

HELD = 0.75
"""Share of an object's visible pixels that a mask must hold, and of a mask's that objects it holds must have."""
FEWEST_VIEWS = 3
"""Views that must tell of a whole."""

Set = frozenset[int]


@dataclass(frozen=True)
class _View:
    """Objects that it shows, and what its masks hold."""

    there: Set
    held: frozenset[Set]


class WholeEvidence:
    """Counts views, not pixels: some merge masks by mistake, in most of them a whole is one mask or none."""

    def __init__(self, objects: int, min_pixels: int) -> None:
        """Nothing seen yet; objects that show fewer pixels in a view are not there."""
        self._objects, self._min_pixels, self._views = objects, min_pixels, list[_View]()

    def add(self, labels: Integer[np.ndarray, "L H W"], shown: Integer[np.ndarray, "H W"]) -> None:
        """Look at a view; arguments as of ``evidence.MaskEvidence.add``."""
        pixels = np.bincount(shown.ravel(), minlength=self._objects + 1)
        there, held = pixels >= self._min_pixels, set[Set]()
        there[0] = False
        for layer in labels:
            masked = layer > 0
            masks, mask = np.unique(layer[masked].astype(np.int64), return_inverse=True)
            pairs = mask.ravel() * (self._objects + 1) + shown[masked]
            count = np.bincount(pairs, minlength=len(masks) * (self._objects + 1))
            for row in count.reshape(len(masks), self._objects + 1):
                inside = there & (row >= HELD * pixels)
                if inside.sum() > 1 and row[inside].sum() >= HELD * row[1:].sum():
                    held.add(frozenset(np.flatnonzero(inside).tolist()))
        if held or there.sum() > 1:
            self._views.append(_View(frozenset(np.flatnonzero(there).tolist()), frozenset(held)))

    def tree(self, old: Sequence[int]) -> ObjectTree | None:
        """What objects are parts of, which were called ``old`` and are called 1, 2, ...; ``None`` without wholes."""
        kept, accepted = set(old), list[Set]()
        views = [_View(view.there & kept, frozenset(held & kept for held in view.held)) for view in self._views]
        seen = Counter(held for view in views for held in view.held if len(held) > 1)
        for whole, _ in sorted(seen.items(), key=lambda item: (-item[1], -len(item[0]), sorted(item[0]))):
            fits = all(whole <= other or other <= whole or not whole & other for other in accepted)
            if fits and _borne_out(whole, views, [other for other in accepted if whole < other]):
                accepted.append(whole)
        return _forest(sorted(accepted, key=lambda whole: (len(whole), sorted(whole))), old) if accepted else None


def _borne_out(whole: Set, views: Sequence[_View], larger: Sequence[Set]) -> bool:
    """Whether enough views with two of its parts or more have a mask of those, and of no larger whole."""
    told = judged = 0
    for view in views:
        parts = whole & view.there
        if len(parts) > 1 and all(other & view.there != parts for other in larger):
            judged += 1
            told += parts in view.held
    return told >= FEWEST_VIEWS and told >= MIN_SUPPORT * judged


def _forest(wholes: Sequence[Set], old: Sequence[int]) -> ObjectTree:
    """Wholes of which the smaller come first, as a tree above objects ``old``."""

    def parent(inner: Set) -> int:
        return next((n + 1 for n, whole in enumerate(wholes) if inner < whole), 0)

    leaves = [next((n + 1 for n, whole in enumerate(wholes) if number in whole), 0) for number in old]
    return ObjectTree(len(old), (*leaves, *map(parent, wholes))).without(range(1, len(old) + 1))
