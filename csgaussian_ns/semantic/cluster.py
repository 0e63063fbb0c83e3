"""Objects from semantic features: masks of many views that show the same are one object (CSGaussian 3.2).

HDBSCAN (Campello et al., 2013) finds how many there are, among the means of masks. A mask's mean is that of hundreds of
pixels, so masks of one object lie close together even where few anchors carry the object, where it is transparent, or
where anchors at its border have mixed features. It runs at the sender; receivers read the result.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from csgaussian_ns.core.errors import BackendUnavailable

MOST_POINTS = 12_000
"""Masks that are clustered; of more, an even sample is, and the others count for no object. HDBSCAN's time grows
squared."""


@dataclass(frozen=True)
class ClusterSettings:
    """What counts as an object.

    Attributes:
        share: Share of the views in which an object must have a mask of its own ...
        fewest, enough: ... but in no fewer views than ``fewest``, and ``enough`` of them always suffice.
        step: Masks whose means are closer than this, in steps of the feature, show the same: rounding may be all that
            sets them apart.
        position_weight: Steps that the radius of what masks show counts as. Objects that are never seen together may
            have the same feature, so their place must tell them apart.
        stray: Masks that are farther from the middle of their object than this many times the median one show more
            or less than the object, and count for none.
    """

    share: float = 1 / 6
    fewest: int = 3
    enough: int = 10
    step: float = 0.5
    position_weight: float = 0.5
    stray: float = 4.0


def cluster(
    feature: Float[np.ndarray, "M D"],
    place: Float[np.ndarray, "M 3"],
    views: int,
    settings: ClusterSettings = ClusterSettings(),
) -> Int[np.ndarray, " M"]:
    """Object of each mask, from 1 on, 0 for none.

    Args:
        feature: Mean of each mask, in base steps.
        place: Where what it shows is, any unit.
        views: Number of views that the masks are of.
        settings: What counts as an object.

    Raises:
        BackendUnavailable: scikit-learn is not installed.
    """
    labels = np.zeros(len(feature), np.int64)
    if len(feature) == 0:
        return labels
    points = np.concatenate([feature, settings.position_weight * _normalised(place)], axis=1)
    sample = np.unique(np.linspace(0, len(points) - 1, min(len(points), MOST_POINTS)).astype(np.int64))
    labels[sample] = _found(points[sample], views, settings) + 1
    return labels


def by_size(labels: Int[np.ndarray, " A"]) -> tuple[Int[np.ndarray, " A"], list[int]]:
    """Renumbered 1 .. N by falling number of anchors, ties by old number; 0 stays.

    Returns:
        The new labels, and the old number of each.
    """
    count = np.bincount(labels, minlength=1)
    count[0] = 0
    ordered = np.argsort(-count, kind="stable")
    ordered = ordered[count[ordered] > 0]
    new = np.zeros(len(count), np.int64)
    new[ordered] = np.arange(1, len(ordered) + 1)
    return new[labels], ordered.tolist()


def _normalised(place: Float[np.ndarray, "M 3"]) -> Float[np.ndarray, "M 3"]:
    centred = place - np.median(place, axis=0)
    radius = np.median(np.linalg.norm(centred, axis=1))
    return centred / max(radius, 1e-12)


def _found(points: Float[np.ndarray, "M C"], views: int, settings: ClusterSettings) -> Int[np.ndarray, " M"]:
    """Clusters from 0 on, -1 for none. HDBSCAN finds splits; where it sees none, all points are one.

    With so few views that masks of an object are hardly more than ``fewest``, nothing may be left out: what hangs
    together is one.
    """
    try:
        from sklearn.cluster import DBSCAN, HDBSCAN
    except ImportError as error:
        raise BackendUnavailable(
            "finding objects needs scikit-learn; pip install 'csgaussian-ns[train]', or export with --no-semantics"
        ) from error
    if views < 2 * settings.fewest:
        return DBSCAN(eps=2 * settings.step, min_samples=1).fit_predict(points)
    smallest = int(np.clip(round(settings.share * views), settings.fewest, settings.enough))
    chained = np.bincount(DBSCAN(eps=settings.step, min_samples=1).fit_predict(points)).max()
    if len(points) - chained < smallest:  # HDBSCAN would split a single object
        return np.zeros(len(points), np.int64)
    found = HDBSCAN(
        min_cluster_size=smallest,
        min_samples=2,
        cluster_selection_epsilon=settings.step,
        copy=True,  # type: ignore[arg-type]  # since scikit-learn 1.9 its default is the text 'warn'
    ).fit_predict(points)
    if not (found >= 0).any():
        return np.zeros(len(points), np.int64)
    for number in range(found.max() + 1):
        own = found == number
        distance = np.linalg.norm(points - np.median(points[own], axis=0), axis=1)
        found[own & (distance > max(settings.stray * np.median(distance[own]), settings.step))] = -1
    return found
