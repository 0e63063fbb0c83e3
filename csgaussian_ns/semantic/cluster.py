"""Objects from semantic features: anchors that are close in feature and place form one (CSGaussian 3.2, point level).

HDBSCAN (Campello et al., 2013) finds how many there are and leaves out what belongs to none. It runs at the sender;
receivers read the result.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from csgaussian_ns.core.errors import BackendUnavailable

MOST_POINTS = 12_000
"""Anchors that are clustered; of more, an even sample is, and the others join it. HDBSCAN's time grows squared."""


@dataclass(frozen=True)
class ClusterSettings:
    """What counts as an object.

    Attributes:
        fewest, enough: The smallest object has as many anchors as the square root of all those under masks, but no
            fewer than ``fewest``; ``enough`` of them always make one.
        neighbours: Anchors that decide how dense a place is, at most half of the smallest object.
        position_weight: Steps that the radius of what lies under masks counts as. Objects that are never seen
            together may have the same feature, so their place must tell them apart.
        reach: Anchors that HDBSCAN leaves out join the cluster of their nearest neighbour within this distance.
    """

    fewest: int = 8
    enough: int = 50
    neighbours: int = 10
    position_weight: float = 1.0
    reach: float = 3.0


def cluster(
    feature: Float[np.ndarray, "A D"],
    position: Float[np.ndarray, "A 3"],
    wanted: Bool[np.ndarray, " A"],
    settings: ClusterSettings = ClusterSettings(),
) -> Int[np.ndarray, " A"]:
    """Object of each anchor, 1 .. N by falling number of anchors, 0 for none.

    Args:
        feature: Dequantised, in base steps.
        position: Any unit.
        wanted: Anchors that can belong to an object at all; the others get 0.
        settings: What counts as an object.

    Raises:
        BackendUnavailable: scikit-learn is not installed.
    """
    labels, rows = np.zeros(len(feature), np.int64), np.flatnonzero(wanted)
    smallest = int(np.clip(round(len(rows) ** 0.5), settings.fewest, settings.enough))
    if len(rows) < max(smallest, 2):
        return labels
    points = _points(feature[rows], position[rows], settings)
    sample = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(np.int64))
    thinned = max(2, round(smallest * len(sample) / len(rows)))
    found = _hdbscan(points[sample], thinned, settings)
    labels[rows] = _joined(points, sample[found >= 0], found[found >= 0] + 1, settings.reach)
    return by_size(labels, smallest)[0]


def without(
    labels: Int[np.ndarray, " A"],
    dropped: set[int],
    feature: Float[np.ndarray, "A D"],
    position: Float[np.ndarray, "A 3"],
    settings: ClusterSettings = ClusterSettings(),
) -> tuple[Int[np.ndarray, " A"], list[int]]:
    """Labels without some objects, whose anchors join the object of their nearest neighbour within reach.

    Returns:
        Labels 1 .. N by falling number of anchors, and the old number of each.
    """
    rows = np.flatnonzero(labels)
    known = np.flatnonzero(~np.isin(labels[rows], list(dropped)))
    result = np.zeros_like(labels)
    result[rows] = _joined(_points(feature[rows], position[rows], settings), known, labels[rows[known]], settings.reach)
    return by_size(result)


def by_size(labels: Int[np.ndarray, " A"], smallest: int = 1) -> tuple[Int[np.ndarray, " A"], list[int]]:
    """Renumbered 1 .. N by falling number of anchors, ties by old number; 0 where fewer than ``smallest`` are left.

    Returns:
        The new labels, and the old number of each.
    """
    count = np.bincount(labels)
    count[0] = 0
    ordered = np.argsort(-count, kind="stable")
    ordered = ordered[count[ordered] >= max(smallest, 1)]
    new = np.zeros(len(count), np.int64)
    new[ordered] = np.arange(1, len(ordered) + 1)
    return new[labels], ordered.tolist()


def _points(
    feature: Float[np.ndarray, "n D"], position: Float[np.ndarray, "n 3"], settings: ClusterSettings
) -> Float[np.ndarray, "n C"]:
    """Feature and place in one space, whose distances are in steps of the feature."""
    return np.concatenate([feature, settings.position_weight * _normalised(position)], axis=1)


def _normalised(position: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    centred = position - np.median(position, axis=0)
    radius = np.median(np.linalg.norm(centred, axis=1))
    return centred / max(radius, 1e-12)


def _hdbscan(points: Float[np.ndarray, "n C"], smallest: int, settings: ClusterSettings) -> Int[np.ndarray, " n"]:
    """Clusters from 0 on, -1 for none. HDBSCAN finds splits; where it sees none, all points are one."""
    try:
        from sklearn.cluster import HDBSCAN
    except ImportError as error:
        raise BackendUnavailable(
            "finding objects needs scikit-learn; pip install 'csgaussian-ns[train]', or export with --no-semantics"
        ) from error
    found = HDBSCAN(
        min_cluster_size=smallest,
        min_samples=max(1, min(settings.neighbours, smallest // 2)),
        copy=True,  # type: ignore[arg-type]  # since scikit-learn 1.9 its default is the text 'warn'
    ).fit_predict(points)
    return found if (found >= 0).any() else np.zeros(len(points), np.int64)


def _joined(
    points: Float[np.ndarray, "n C"], known: Int[np.ndarray, " k"], found: Int[np.ndarray, " k"], reach: float
) -> Int[np.ndarray, " n"]:
    """For all points the number found for the nearest known one, 0 where that is too far."""
    if len(known) == 0:
        return np.zeros(len(points), np.int64)
    distance, nearest = KDTree(points[known]).query(points, distance_upper_bound=reach)
    return np.where(np.isfinite(distance), np.append(found, 0)[nearest], 0)
