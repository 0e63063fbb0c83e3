"""Edits made to last: what they remove is coded away, so that a file holds nothing of it any more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float

from csgaussian_ns.core.edits import Edit, Move, Recolour, Rotate, Scale, targets_of
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.format.coded_file import CodedFile, open_coded
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import edits_of, with_edits
from csgaussian_ns.format.facts import is_group, representation_of
from csgaussian_ns.format.gaussians.meta import GAUSSIANS
from csgaussian_ns.format.gaussians.read import decode_gaussians, open_gaussians
from csgaussian_ns.format.gaussians.thinned import thinned_gaussians
from csgaussian_ns.format.kinds import KINDS
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.thinned import Rows, rows_of_file, thinned
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.semantic.edited_objects import objects_after
from csgaussian_ns.semantic.shown import look_of

STAYS = Move | Rotate | Scale | Recolour
"""What the coded representation cannot express: anchors lie on voxels, and colours come out of networks for all."""


@dataclass(frozen=True)
class Flattened:
    """A file after that.

    Attributes:
        data: The file.
        anchors: How many are gone.
        objects: How many are gone.
        chunks: How many were coded anew or dropped, and how many there were.
        edits: Those that stay.
        unknown: Kinds of sections that are gone because they may have been about what is.
        row: What one of the anchors is called.
    """

    data: bytes
    anchors: int
    objects: int
    chunks: tuple[int, int]
    edits: tuple[Edit, ...]
    unknown: tuple[str, ...]
    row: str = "anchor"


@dataclass(frozen=True)
class _Unseen:
    """As much of a scene as edits need to tell what they remove."""

    position: Float[np.ndarray, "A 3"]
    semantics: SemanticLayer


def flattened(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Flattened:
    """Remove for good what the edits of a file remove, and give objects for good the names that they give.

    What is left decodes to the integers that it had. Objects count from 1 again. Motions and colours stay edits.

    Args:
        data: The file.
        limits: What to refuse.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``; or what is left would change.
        ConfigError: The edits leave nothing, or the file is cut.
    """
    container = read_container(data, limits)
    edits = edits_of(container)
    if is_group(container):
        raise ConfigError("the file is a group of scenes; flatten each of them, and merge them then")
    if representation_of(container) == GAUSSIANS:
        coded, file = decode_gaussians(container, limits, edits=False), open_gaussians(container)
        label = np.zeros(len(coded), np.int32) if coded.semantics is None else coded.semantics.label.astype(np.int32)
        rows = Rows(coded.rows.grid, label)
        thin = partial(thinned_gaussians, file, coded)
    else:
        file = open_coded(container)
        file.check(limits)
        rows = rows_of_file(file)
        thin = partial(thinned, file, rows)
    objects = () if file.semantics is None else file.semantics.facts.objects(file.meta.voxel_size, embeddings=False)
    kept = ~_removed(rows, objects, edits, file.meta.voxel_size)
    if not kept.any() and len(kept):
        raise ConfigError("these edits leave nothing of the scene; undo some of them first")
    named = {thing.id: thing.name for thing in objects_after(objects, edits)}
    names = [named.get(thing.id, thing.name) for thing in objects]
    left = sorted({*np.unique(rows.label[kept]).tolist()} - {0})
    staying = _staying(edits, {old: new for new, old in enumerate(left, 1)})
    flat = read_container(thin(kept, names), limits)
    chunk = np.repeat(np.arange(len(file.chunks)), [chunk[0].info.rows for chunk in file.chunks])
    unknown = {entry.info.kind for entry in container.entries} - KINDS.keys()
    return Flattened(
        with_edits(flat, staying),
        int((~kept).sum()),
        len(objects) - len(left),
        (len(np.unique(chunk[~kept])), len(file.chunks)),
        staying,
        () if kept.all() else tuple(sorted(unknown)),
        "anchor" if isinstance(file, CodedFile) else "Gaussian",
    )


def _removed(
    rows: Rows, objects: Sequence[SceneObject], edits: tuple[Edit, ...], voxel_size: float
) -> Bool[np.ndarray, " A"]:
    position = rows.grid.astype(np.float32) * np.float32(voxel_size)
    layer = SemanticLayer(np.zeros((len(position), 0), np.float32), rows.label.astype(np.int64), tuple(objects))
    return look_of(_Unseen(position, layer), Appearance(edits)).hidden


def _staying(edits: tuple[Edit, ...], new: dict[int, int]) -> tuple[Edit, ...]:
    """Edits of the objects that are left, by their new numbers."""
    result = []
    for edit in edits:
        ids = tuple(new[number] for number in targets_of(edit) if number in new)
        if isinstance(edit, STAYS) and ids:
            result.append(replace(edit, target=replace(edit.target, ids=ids)))
    return tuple(result)
