"""What masks say of the objects that features form: whether they are any, and how they are called."""

from collections.abc import Mapping

import numpy as np

from csgaussian_ns.core.shapes import Integer

MIN_SUPPORT = 0.3
"""Share of those views in which some mask must be mainly the object's. Of an object it is nearly 1; of what lies
between objects, whose features are mixed, nearly 0."""


class MaskEvidence:
    """Counts pixels view by view, so that views need not be kept."""

    def __init__(self, objects: int, names: Mapping[int, str], min_pixels: int) -> None:
        """Nothing seen yet.

        Args:
            objects: How many there are.
            names: Id of a mask to name; empty unless ids mean the same in every view.
            min_pixels: Objects that show fewer pixels under masks in a view are not judged by it.
        """
        self._objects, self._min_pixels = objects, min_pixels
        self._ids, self._names = np.array(sorted(names), np.int64), [names[number] for number in sorted(names)]
        self._pixels = np.zeros((objects + 1, len(names) + 1), np.int64)  # by name, the last column for no name
        self._shown, self._main = np.zeros(objects + 1, np.int64), np.zeros(objects + 1, np.int64)

    def add(self, labels: Integer[np.ndarray, "L H W"], shown: Integer[np.ndarray, "H W"]) -> None:
        """Count a view.

        Args:
            labels: Layers of label maps, 0 for no mask.
            shown: Which object each pixel shows, 0 for none.
        """
        under_masks, mains = np.zeros(self._objects + 1, np.int64), []
        for layer in labels:
            masked = layer > 0
            masks, mask = np.unique(layer[masked].astype(np.int64), return_inverse=True)
            pairs = mask.ravel() * (self._objects + 1) + shown[masked]
            count = np.bincount(pairs, minlength=len(masks) * (self._objects + 1)).reshape(
                len(masks), self._objects + 1
            )
            under_masks += count.sum(axis=0)
            mains += [int(row.argmax()) + 1 for row in count[:, 1:] if row.any()]
            for number, row in zip(masks.tolist(), count, strict=True):
                self._pixels[:, self._column(number)] += row
        judged = under_masks >= self._min_pixels
        self._shown += judged
        self._main += judged & np.isin(np.arange(self._objects + 1), mains)

    def unsupported(self) -> set[int]:
        """Objects that too few masks stand for, or that no view shows enough of to tell."""
        weak = (self._shown == 0) | (self._main < MIN_SUPPORT * self._shown)
        return set((np.flatnonzero(weak[1:]) + 1).tolist())

    def names(self) -> tuple[str, ...]:
        """Name of each object: that of more than half of its pixels under masks, else empty."""
        return tuple(self._name(row) for row in self._pixels[1:])

    def _column(self, number: int) -> int:
        place = int(np.searchsorted(self._ids, number))
        return place if place < len(self._ids) and self._ids[place] == number else len(self._ids)

    def _name(self, row: Integer[np.ndarray, " M"]) -> str:
        if not self._names:
            return ""
        best = int(row[:-1].argmax())
        return self._names[best] if 2 * row[best] > row.sum() else ""
