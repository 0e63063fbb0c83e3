"""Which object is meant: by click, id, name or text vector. Answers are anchors, so they hold in every view."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.semantic.seen import see, shares_at

LISTED = 30
"""Names that an error message lists at most."""


@runtime_checkable
class QueryableScene(Protocol):
    """What a question needs of a scene; ``codec.scene.CodedScene`` is one."""

    @property
    def anchors(self) -> Anchors:
        """Attributes of the anchors."""
        ...

    @property
    def decoders(self) -> Decoders:
        """The render networks."""
        ...

    @property
    def semantics(self) -> SemanticLayer | None:
        """Objects, or ``None`` where nothing is known."""
        ...


@dataclass(frozen=True)
class Selection:
    """Some objects of a scene and what they are made of.

    Attributes:
        objects: In the order in which they were asked for.
        anchors: Whether each anchor of the scene belongs to one of them.
        gaussians: The same for each Gaussian slot; dropped slots belong to nothing.
    """

    objects: tuple[SceneObject, ...]
    anchors: Bool[Tensor, " A"]
    gaussians: Bool[Tensor, "A K"]

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.objects)


@dataclass(frozen=True)
class Match:
    """How well an object fits a text: cosine similarity in [-1, 1]."""

    object: SceneObject
    similarity: float


def semantics_of(scene: QueryableScene) -> SemanticLayer:
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
    label = semantics_of(scene).label
    wanted = torch.tensor([entry.id for entry in objects], dtype=label.dtype, device=label.device)
    anchors = torch.isin(label, wanted)
    return Selection(tuple(objects), anchors, anchors[:, None] & (scene.anchors.mask > 0))


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
    shares = shares_at(see(scene.anchors, scene.decoders, camera), layer.label, pixel)
    winner = max(shares, key=lambda name: (shares[name], -name))
    return select(scene, [entry for entry in layer.objects if entry.id == winner])


def by_id(scene: QueryableScene, number: int) -> Selection:
    """The object of an id.

    Raises:
        QueryError: There is none of that id; the message lists what there is.
    """
    layer = semantics_of(scene)
    found = [entry for entry in layer.objects if entry.id == number]
    if not found:
        raise QueryError(f"there is no object {number}; the scene has {listing(layer)}")
    return select(scene, found)


def by_name(scene: QueryableScene, name: str) -> Selection:
    """The objects of a name: all that are called exactly so, or the one whose name alone begins so; any case.

    Raises:
        QueryError: No such object, or several; the message lists them.
    """
    layer = semantics_of(scene)
    wanted = name.strip().casefold()
    found = [entry for entry in layer.objects if wanted and entry.name.casefold() == wanted]
    if found:
        return select(scene, found)
    found = [entry for entry in layer.objects if wanted and entry.name.casefold().startswith(wanted)]
    if len({entry.name.casefold() for entry in found}) == 1:
        return select(scene, found)
    if found:
        raise QueryError(f"{name!r} begins the names of several objects: {_names(found)}; give more of one")
    if not any(entry.name for entry in layer.objects):
        raise QueryError(f"no object of this scene has a name, so {name!r} cannot be found; ask by id or by pixel")
    raise QueryError(f"there is no object called {name!r}; the scene has {listing(layer)}")


def by_text(
    scene: QueryableScene, vector: Float[Tensor, " D"], encoder: str | None = None, count: int = 1
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


def rank(layer: SemanticLayer, vector: Float[Tensor, " D"], encoder: str | None = None) -> tuple[Match, ...]:
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
    table = torch.tensor([embedding for _, embedding in known], dtype=torch.float64)
    query = vector.detach().cpu().double()
    if len(query) != table.shape[1]:
        raise QueryError(
            f"the text vector has {len(query)} numbers, the scene's embeddings {table.shape[1]}"
            f"{f' (encoder {layer.text_encoder!r})' if layer.text_encoder else ''}; use the scene's encoder"
        )
    length = float(query.norm())
    if not math.isfinite(length) or length == 0:
        raise QueryError("the text vector is zero or not finite, so it points nowhere; encode the text again")
    similarity = (table @ query / (table.norm(dim=1).clamp_min(1e-12) * length)).tolist()
    matches = [Match(entry, value) for (entry, _), value in zip(known, similarity, strict=True)]
    return tuple(sorted(matches, key=lambda match: (-match.similarity, match.object.id)))


def listing(layer: SemanticLayer) -> str:
    """The objects of a scene, for messages."""
    return _names(layer.objects) if layer.objects else "no objects"


def _names(objects: Sequence[SceneObject]) -> str:
    told = [f"{entry.id} {entry.name}".strip() for entry in objects[:LISTED]]
    more = f" and {len(objects) - LISTED} more" if len(objects) > LISTED else ""
    return ", ".join(told) + more
