"""Names of objects, where masks have any: the name that most labelled pixels of an object bear."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Integer


def name_objects(
    views: Iterable[tuple[Integer[np.ndarray, "L H W"], Integer[np.ndarray, "H W"]]],
    names: Mapping[int, str],
    objects: int,
) -> tuple[str, ...]:
    """Names of objects 1 .. ``objects``; empty where no name has more than half of an object's labelled pixels.

    Args:
        views: Label maps whose ids mean the same in every view, and which object each pixel shows, 0 for none.
        names: Id to name.
        objects: How many there are.
    """
    known = sorted(names)
    column = {number: place for place, number in enumerate(known)}
    counts = np.zeros((objects + 1, len(known) + 1), np.int64)
    for labels, shown in views:
        for layer in labels:
            masked = layer > 0
            ids, place = np.unique(layer[masked], return_inverse=True)
            columns = np.array([column.get(int(number), len(known)) for number in ids], np.int64)
            np.add.at(counts, (shown[masked], columns[place.ravel()]), 1)
    return tuple(_name(row, [names[number] for number in known]) for row in counts[1:])


def _name(row: Integer[np.ndarray, " M"], names: list[str]) -> str:
    best = int(row[:-1].argmax()) if names else 0
    return names[best] if names and 2 * row[best] > row.sum() else ""
