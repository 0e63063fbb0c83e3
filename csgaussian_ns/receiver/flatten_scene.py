"""One scene without what its edits remove, so that its file holds nothing of it any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.edits import Edit, Move, Recolour, Rotate, Scale, targets_of
from csgaussian_ns.core.errors import ConfigError, QuantisationError
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.format.coded_file import CodedFile, open_coded
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import edits_of, with_edits
from csgaussian_ns.format.facts import representation_of
from csgaussian_ns.format.gaussians.meta import GAUSSIANS
from csgaussian_ns.format.gaussians.read import CodedGaussians, GaussianFile, decode_gaussians, open_gaussians
from csgaussian_ns.format.gaussians.thinned import changed_gaussians, thinned_gaussians
from csgaussian_ns.format.kinds import KINDS
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.thinned import AnchorRows, rows_of_file, thinned
from csgaussian_ns.receiver.baked import baked
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.semantic.edited_objects import objects_after
from csgaussian_ns.semantic.shown import Look, look_of

STAYS = Move | Rotate | Scale | Recolour
"""What anchors cannot take: they lie on voxels, and colours come out of networks for all."""


@dataclass(frozen=True)
class Flattened:
    """A file after that.

    Attributes:
        data: The file.
        anchors: How many are gone.
        objects: How many are gone.
        left: Numbers that the objects had which are left; the first of them is 1 now.
        chunks: How many were coded anew or dropped, and how many there were.
        edits: Those that stay.
        unknown: Kinds of sections that are gone because they may have been about what is.
        row: What one of the anchors is called.
    """

    data: bytes
    anchors: int
    objects: int
    left: tuple[int, ...]
    chunks: tuple[int, int]
    edits: tuple[Edit, ...]
    unknown: tuple[str, ...]
    row: str = "anchor"


@dataclass(frozen=True)
class _Opened:
    """A file, and as much of its scene as edits need to tell what they remove.

    Attributes:
        file: Open.
        coded: What is in it, if it is of Gaussians.
        rows: Voxels and labels.
        objects: Before edits.
    """

    file: CodedFile | GaussianFile
    coded: CodedGaussians | None
    rows: AnchorRows
    objects: tuple[SceneObject, ...]

    @property
    def position(self) -> Float[np.ndarray, "A 3"]:
        return self.rows.grid.astype(np.float32) * np.float32(self.file.meta.voxel_size)

    @property
    def semantics(self) -> SemanticLayer:
        nothing = np.zeros((len(self.rows.label), 0), np.float32)
        return SemanticLayer(nothing, self.rows.label.astype(np.int64), self.objects)


def flatten_scene(
    container: Container,
    limits: DecodeLimits,
    hidden: Bool[np.ndarray, " A"] | None = None,
    names: Mapping[int, str] | None = None,
) -> Flattened:
    """Remove for good what the edits of a file remove, and what is ``hidden``, and give objects their names for good.

    What is left decodes to the integers that it had. Objects count from 1 again. Motions and colours stay edits of
    anchors; Gaussians take them.

    Args:
        container: Of anchors or of Gaussians.
        limits: What to refuse.
        hidden: Rows that go, too.
        names: Of objects, by their numbers, in place of those that the edits give.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``; or what is left would change.
        ConfigError: Nothing is left, or Gaussians go where no file reaches.
    """
    edits, found = edits_of(container), _opened(container, limits)
    look = look_of(found, Appearance(edits))
    kept = ~look.hidden if hidden is None else ~look.hidden & ~hidden
    if not kept.any() and len(kept):
        raise ConfigError("these edits leave nothing of the scene; undo some of them first")
    named = {thing.id: thing.name for thing in objects_after(found.objects, edits)} | dict(names or {})
    called = [named.get(thing.id, thing.name) for thing in found.objects]
    left = sorted({*np.unique(found.rows.label[kept]).tolist()} - {0})
    changed = kept & ((look.group > 0) | look.tinted)
    moved = found.coded is not None and bool(changed.any())
    data = _without(found, look, kept, changed, called)
    staying = () if found.coded is not None else staying_edits(edits, {old: new for new, old in enumerate(left, 1)})
    chunk = np.repeat(np.arange(len(found.file.chunks)), [chunk[0].info.rows for chunk in found.file.chunks])
    unknown = {entry.info.kind for entry in container.entries} - KINDS.keys()
    return Flattened(
        with_edits(read_container(data, limits), staying),
        int((~kept).sum()),
        len(found.objects) - len(left),
        tuple(left),
        (len(found.file.chunks) if moved else len(np.unique(chunk[~kept])), len(found.file.chunks)),
        staying,
        () if kept.all() and not moved else tuple(sorted(unknown)),
        "anchor" if found.coded is None else "Gaussian",
    )


def staying_edits(edits: Sequence[Edit], new: Mapping[int, int]) -> tuple[Edit, ...]:
    """Motions and colours of the objects that are left, by their new numbers."""
    result = []
    for edit in edits:
        ids = tuple(new[number] for number in targets_of(edit) if number in new)
        if isinstance(edit, STAYS) and ids:
            result.append(replace(edit, target=replace(edit.target, ids=ids)))
    return tuple(result)


def _opened(container: Container, limits: DecodeLimits) -> _Opened:
    if representation_of(container) == GAUSSIANS:
        file, coded = open_gaussians(container), decode_gaussians(container, limits, edits=False)
        label = np.zeros(len(coded), np.int32) if coded.semantics is None else coded.semantics.label.astype(np.int32)
        rows = AnchorRows(coded.rows.grid, label)
    else:
        file, coded = open_coded(container), None
        file.check(limits)
        rows = rows_of_file(file)
    semantics = file.semantics
    objects = () if semantics is None else semantics.facts.objects(file.meta.voxel_size, embeddings=False)
    return _Opened(file, coded, rows, objects)


def _without(
    found: _Opened, look: Look, kept: Bool[np.ndarray, " A"], changed: Bool[np.ndarray, " A"], names: Sequence[str]
) -> bytes:
    if isinstance(found.file, CodedFile):
        return thinned(found.file, found.rows, kept, names)
    assert found.coded is not None
    if not changed.any():
        return thinned_gaussians(found.file, found.coded, kept, names)
    try:
        return changed_gaussians(found.file, found.coded, baked(found.coded, look, changed), kept, names)
    except QuantisationError as error:
        raise ConfigError(f"moved so, the Gaussians fit into no file of their steps, only edits do: {error}") from error
