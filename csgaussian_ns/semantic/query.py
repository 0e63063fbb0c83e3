"""Which object is meant: by click, id, name or text vector. Answers are anchors, so they hold in every view."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.arrays import is_one_of, to_numpy
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.object_tree import larger
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.scene.scene import Scene, Seen
from csgaussian_ns.semantic.names import named, numbered
from csgaussian_ns.semantic.seen import shares_at, solid


@runtime_checkable
class DescribedScene(Protocol):
    """A scene that may know objects."""

    @property
    def semantics(self) -> SemanticLayer | None:
        """Objects, or ``None`` where nothing is known."""
        ...


@runtime_checkable
class PlacedScene(DescribedScene, Protocol):
    """What it takes to say which rows an appearance is about, and where they go."""

    @property
    def position(self) -> Float[Any, "R 3"]:
        """Where each row is, world units."""
        ...

    @property
    def unmoved(self) -> Float[Any, "R 3"]:
        """Where each was before anything moved it: borders of objects are drawn there."""
        ...

    @property
    def slots(self) -> Bool[Any, "R K"]:
        """Which of its slots each row draws a Gaussian in."""
        ...


@runtime_checkable
class QueryableScene(DescribedScene, Protocol):
    """What a question needs of a scene, in torch or in numpy: a ``scene.scene.Scene`` that knows objects."""

    @property
    def slots(self) -> Bool[Any, "R K"]:
        """Which of its slots each row draws a Gaussian in."""
        ...

    def seen(self, camera: Camera, only: Bool[Any, " A"] | None = None) -> Seen:
        """As of ``scene.scene.Scene``, without gradients."""
        ...


@runtime_checkable
class LookableScene(PlacedScene, QueryableScene, Scene, Protocol):
    """All of it: what can be drawn, asked about objects, and shown otherwise."""


@dataclass(frozen=True)
class Selection:
    """Some objects of a scene and what they are made of.

    Attributes:
        objects: In the order in which they were asked for.
        anchors: Whether each anchor, or Gaussian, of the scene belongs to one of them.
        gaussians: The same for each Gaussian slot; dropped slots belong to nothing.
    """

    objects: tuple[SceneObject, ...]
    anchors: Bool[Any, " A"]
    gaussians: Bool[Any, "A K"]

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.objects)


@dataclass(frozen=True)
class Match:
    """How well an object fits a text: cosine similarity in [-1, 1]."""

    object: SceneObject
    similarity: float


def semantics_of(scene: DescribedScene) -> SemanticLayer:
    """The semantic layer of ``scene``.

    Raises:
        QueryError: It has none; the message says how to get one.
    """
    if scene.semantics is None:
        raise QueryError(
            "the scene holds no objects: it was written without the semantic layer, or its file was cut after the "
            "colours. Get the whole file, or train with masks (--pipeline.datamanager.masks) and export again"
        )
    return scene.semantics


def select(scene: QueryableScene, objects: Sequence[SceneObject]) -> Selection:
    """The selection of ``objects`` of ``scene``; none at all is a selection too."""
    anchors = is_one_of(semantics_of(scene).label, [entry.id for entry in objects])
    return Selection(tuple(objects), anchors, anchors[:, None] & scene.slots)


def pick(scene: QueryableScene, camera: Camera, pixel: tuple[int, int]) -> Selection:
    """The object that one sees at a pixel of a view; an empty selection where that is none.

    Args:
        scene: With objects.
        camera: The view.
        pixel: Column and row from the top left corner.

    Raises:
        QueryError: The pixel is outside the image, or the scene has no objects.
    """
    layer = semantics_of(scene)
    column, row = pixel
    if not (0 <= column < camera.width and 0 <= row < camera.height):
        raise QueryError(
            f"pixel {column},{row} is outside the image of {camera.width} x {camera.height}; expected a column in "
            f"0..{camera.width - 1} and a row in 0..{camera.height - 1}"
        )
    shares = shares_at(solid(scene.seen(camera), layer), layer.label, pixel)
    winner = max(shares, key=lambda name: (shares[name], -name))
    return select(scene, [entry for entry in layer.objects if entry.id == winner])


def at_level(scene: QueryableScene, chosen: Selection, level: int) -> Selection:
    """What a selection is a part of, or what that is: wholes around it.

    Args:
        scene: That it is of.
        chosen: One or more objects.
        level: 0 for the selection itself, 1 for the smallest whole that it is but a part of, 2 for the smallest that
            this is a part of, and so on; -1 for the largest there is, -2 for the one before it. Beyond the last on
            either side it is the last.
    """
    layer, chain = semantics_of(scene), [tuple(sorted(entry.id for entry in chosen.objects))]
    while (next_ := larger(layer.tree, chain[-1])) != chain[-1]:
        chain.append(next_)
    ids = chain[max(-len(chain), min(level, len(chain) - 1))]
    return chosen if ids == chain[0] else select(scene, [entry for entry in layer.objects if entry.id in set(ids)])


def by_id(scene: QueryableScene, number: int) -> Selection:
    """The object of an id, or the objects of a whole; errors as of ``numbered``, or the scene has no objects."""
    layer = semantics_of(scene)
    if layer.tree is not None and layer.tree.objects < number <= len(layer.tree.parents):
        ids = layer.tree.members()[number - 1]
        return select(scene, [entry for entry in layer.objects if entry.id in ids])
    return select(scene, [numbered(layer.objects, number)])


def by_name(scene: QueryableScene, name: str) -> Selection:
    """The objects of a name; errors as of ``named``, or the scene has no objects."""
    return select(scene, named(semantics_of(scene).objects, name))


def by_text(
    scene: QueryableScene, vector: Float[Any, " D"], encoder: str | None = None, count: int = 1
) -> tuple[Selection, tuple[Match, ...]]:
    """The ``count`` objects that fit a text best, and the ranking of all of them.

    Args:
        scene: With objects that have embeddings.
        vector: The text, encoded; any length but zero.
        encoder: Name of what encoded it, compared with the one on record; ``None`` if unknown.
        count: Objects to select.

    Raises:
        QueryError: As ``rank``.
    """
    ranking = rank(semantics_of(scene), vector, encoder)
    return select(scene, [match.object for match in ranking[:count]]), ranking


def rank(layer: SemanticLayer, vector: Float[Any, " D"], encoder: str | None = None) -> tuple[Match, ...]:
    """Objects with embeddings by their cosine similarity to ``vector``, best first, ties by id.

    Raises:
        QueryError: The scene has no embeddings; they come from another encoder or have another dimension; the vector
            is zero or not finite.
    """
    known = [(entry, entry.embedding) for entry in layer.objects if entry.embedding is not None]
    if not known:
        raise QueryError(
            "the scene holds no text embeddings, so it cannot be asked by text; ask by name, id or pixel, or export it "
            "again with an encoder"
        )
    if encoder is not None and layer.text_encoder != encoder:
        raise QueryError(
            f"the text was encoded by {encoder!r}, the scene's objects by {layer.text_encoder!r}; their vectors cannot "
            "be compared. Use the scene's encoder"
        )
    table = np.array([embedding for _, embedding in known], np.float64)
    query = to_numpy(vector).astype(np.float64)
    if len(query) != table.shape[1]:
        raise QueryError(
            f"the text vector has {len(query)} numbers, the scene's embeddings {table.shape[1]}"
            f"{f' (encoder {layer.text_encoder!r})' if layer.text_encoder else ''}; use the scene's encoder"
        )
    length = float(np.linalg.norm(query))
    if not math.isfinite(length) or length == 0:
        raise QueryError("the text vector is zero or not finite, so it points nowhere; encode the text again")
    similarity = (table @ query / (np.linalg.norm(table, axis=1).clip(min=1e-12) * length)).tolist()
    matches = [Match(entry, value) for (entry, _), value in zip(known, similarity, strict=True)]
    return tuple(sorted(matches, key=lambda match: (-match.similarity, match.object.id)))
