"""Objects from semantic features: masks of many views that show the same are one object (CSGaussian 3.2).

HDBSCAN (Campello et al., 2013) finds how many there are, among the means of masks. A mask's mean is that of hundreds of
pixels, so masks of one object lie close together even where few anchors carry the object, where it is transparent, or
where anchors at its border have mixed features. It runs at the sender; receivers read the result.
"""

from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.shapes import Float, Int

MOST_POINTS = 12_000
"""Masks that are clustered; of more, a random sample is, and the others follow the nearest of it. HDBSCAN's time grows
squared."""


@dataclass(frozen=True)
class FindingSettings:
    """What counts as an object."""

    share: float = 1 / 6
    """Share of the views in which an object must have a mask of its own ..."""
    fewest_views: int = 3
    """... but in no fewer views than this ..."""
    enough_views: int = 10
    """... and so many always suffice."""
    step: float = 0.5
    """Masks whose mean features are closer than this, in steps of the feature, show the same: rounding may be all that
    sets them apart."""
    position_weight: float = 0.5
    """Steps that the radius of what masks show counts as. Objects that are never seen together may have the same
    feature, so their place must tell them apart."""
    stray: float = 4.0
    """Masks that are farther from the middle of their object than this many times the median one show more or less
    than the object, and count for none."""


DEFAULTS = FindingSettings()


def cluster(
    feature: Float[np.ndarray, "M D"],
    place: Float[np.ndarray, "M 3"],
    views: int,
    settings: FindingSettings = DEFAULTS,
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
    if len(feature) == 0:
        return np.zeros(0, np.int64)
    points = np.concatenate([feature, settings.position_weight * _normalised(place)], axis=1)
    try:
        if views < 2 * settings.fewest_views:  # objects have hardly more masks than the fewest: all count
            return _chains(points, 2 * settings.step) + 1
        needed = int(np.clip(round(settings.share * views), settings.fewest_views, settings.enough_views))
        found = _with_at_least(needed, _of_sample(points, needed, settings))
    except ImportError as error:
        raise BackendUnavailable(
            "finding objects needs scikit-learn; pip install 'csgaussian-ns[train]', or export with --semantics False"
        ) from error
    for number in range(found.max() + 1):
        own = found == number
        distance = np.linalg.norm(points - np.median(points[own], axis=0), axis=1)
        found[own & (distance > max(settings.stray * np.median(distance[own]), settings.step))] = -1
    return found + 1


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


def _of_sample(points: Float[np.ndarray, "M C"], needed: int, settings: FindingSettings) -> Int[np.ndarray, " M"]:
    """Clusters from 0 on, -1 for none, of all points if they are few, else by the nearest in a sample.

    The sample is random: masks come in the same order in many views, so that every n-th would be of the same objects.
    By chance it holds fewer points of an object than its share, so one standard deviation less is enough there.
    """
    if len(points) <= MOST_POINTS:
        return _found(points, needed, settings)
    from sklearn.metrics import pairwise_distances_argmin

    sample, share = np.random.default_rng(0).permutation(len(points))[:MOST_POINTS], MOST_POINTS / len(points)
    smallest = int(needed * share - (needed * share * (1 - share)) ** 0.5)
    found = _found(points[sample], max(settings.fewest_views, smallest), settings)
    return found[pairwise_distances_argmin(points, points[sample])]


def _found(points: Float[np.ndarray, "M C"], smallest: int, settings: FindingSettings) -> Int[np.ndarray, " M"]:
    """Clusters of at least ``smallest`` points from 0 on, -1 for none.

    HDBSCAN finds splits; where it sees none, the most that hangs together is the only object.
    """
    from sklearn.cluster import HDBSCAN

    if len(points) - np.bincount(_chains(points, settings.step)).max() >= smallest:  # else it would split one object
        found = HDBSCAN(
            min_cluster_size=smallest,
            min_samples=2,
            cluster_selection_epsilon=settings.step,
            copy=True,  # type: ignore[arg-type]  # since scikit-learn 1.9 its default is the text 'warn'
        ).fit_predict(points)
        if (found >= 0).any():
            return found
    chains = _chains(points, 2 * settings.step)
    return _with_at_least(smallest, np.where(chains == np.bincount(chains).argmax(), 0, -1))


def _chains(points: Float[np.ndarray, "M C"], reach: float) -> Int[np.ndarray, " M"]:
    """What hangs together by steps of at most ``reach``, numbered from 0 on."""
    from sklearn.cluster import DBSCAN

    return DBSCAN(eps=reach, min_samples=1).fit_predict(points)


def _with_at_least(smallest: int, found: Int[np.ndarray, " M"]) -> Int[np.ndarray, " M"]:
    """The clusters of at least ``smallest`` points, renumbered from 0 on; the others are none."""
    kept = np.bincount(found[found >= 0], minlength=1) >= smallest
    return np.where(found >= 0, np.where(kept, np.cumsum(kept) - 1, -1)[found], -1)
