"""The objects of a scene measured against true masks, from matching to figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Int
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.semantic.metrics import (
    Matching,
    Pair,
    TrueView,
    maps_of,
    match_by_name,
    match_by_overlap,
    measure,
    overlap_in_views,
    summary,
)
from csgaussian_ns.semantic.query import QueryableScene, by_text, semantics_of

MatchBy = Literal["auto", "name", "text", "overlap"]
Encode = Callable[[list[str]], dict[str, Any]]
"""Names to text vectors."""
MATCHED = {
    "name": "by name",
    "text": "by text: the object whose embedding is nearest to the encoded name",
    "overlap": "one to one, the assignment with the largest sum of IoU of rendered labels over all measured views",
}
"""What a report says about how true objects were matched."""


@dataclass(frozen=True)
class MeasuredObjects:
    """Figures, and what pictures of them are made of.

    Attributes:
        matched: How true objects were matched: a key of ``MATCHED``.
        matching: Which objects of the scene stand for the true ones.
        views: With true masks.
        maps: For each view, which object of the scene each pixel shows.
        pairs: All measures, for each object in each view where it is.
    """

    matched: str
    matching: Matching
    views: tuple[TrueView, ...]
    maps: tuple[Int[Tensor, "H W"], ...]
    pairs: tuple[Pair, ...]

    def report(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "matched": MATCHED[self.matched],
            "objects": {name: list(ids) for name, ids in self.matching.items()},
            "views": [view.name for view in self.views],
            "selection_3d": summary(self.pairs, "selection_3d"),
            "rendered_2d": summary(self.pairs, "rendered_2d"),
        } | ({"whole_3d": summary(self.pairs, "whole_3d")} if any(p.whole_3d is not None for p in self.pairs) else {})


@torch.no_grad()
def measure_objects(
    scene: QueryableScene,
    views: Sequence[TrueView],
    rasterizer: Rasterizer,
    match: MatchBy = "auto",
    encode: Encode | None = None,
) -> MeasuredObjects:
    """Measure in the ways of ``semantic.metrics``.

    Args:
        scene: With objects.
        views: With true masks; objects without a mask in any view are not measured.
        rasterizer: Draws.
        match: How to find the object that a true one is compared with; ``auto`` takes names if the scene has any of
            the true ones, else texts if they can be encoded and the scene has embeddings, else overlap.
        encode: Names to vectors, where that is possible.

    Raises:
        ConfigError: Matching by text without ``encode``.
        QueryError: The scene has no objects, or cannot be asked by text.
        DataError: A mask is not of its camera's size.
    """
    names = list(dict.fromkeys(name for view in views for name in view.masks))
    how = _way(scene, names, match, encode)
    maps = maps_of(scene, views, rasterizer)
    matching = _matching(scene, names, how, encode, views, maps)
    pairs = [
        pair
        for view, found in zip(views, maps, strict=True)
        for pair in measure(scene, view, found, matching, rasterizer)
    ]
    return MeasuredObjects(how, matching, tuple(views), tuple(maps), tuple(pairs))


def _way(scene: QueryableScene, names: list[str], match: MatchBy, encode: Encode | None) -> str:
    layer = semantics_of(scene)
    if match == "text" and encode is None:
        raise ConfigError("matching by text needs vectors of the names: give --text-weights or --vectors")
    if match != "auto":
        return match
    if any(match_by_name(layer, names).values()):
        return "name"
    has_embeddings = any(entry.embedding is not None for entry in layer.objects)
    return "text" if encode is not None and has_embeddings else "overlap"


def _matching(
    scene: QueryableScene,
    names: list[str],
    how: str,
    encode: Encode | None,
    views: Sequence[TrueView],
    maps: Sequence[Int[Tensor, "H W"]],
) -> Matching:
    layer = semantics_of(scene)
    if how == "name":
        return match_by_name(layer, names)
    if how == "text":
        assert encode is not None
        vectors = encode(names)
        return {name: [entry.id for entry in by_text(scene, vectors[name])[0].objects] for name in names}
    ids = [entry.id for entry in layer.objects]
    return match_by_overlap(overlap_in_views(views, maps, names, ids), names, ids)
