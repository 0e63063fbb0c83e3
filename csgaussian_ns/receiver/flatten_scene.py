"""One scene without what its edits remove, so that its file holds nothing of it any more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.edits import Edit, Move, Recolour, Rotate, Scale, targets_of
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import edits_of, with_edits
from csgaussian_ns.format.kinds import KINDS
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.receiver.representations import writer_of
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.semantic.edited_objects import objects_after
from csgaussian_ns.semantic.shown import look_of

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
        container: Of what ``representations`` knows a writer of.
        limits: What to refuse.
        hidden: Rows that go, too.
        names: Of objects, by their numbers, in place of those that the edits give.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``; or what is left would change.
        ConfigError: Nothing is left, or Gaussians go where no file reaches.
    """
    edits, found = edits_of(container), writer_of(container, limits)
    look = look_of(found, Appearance(edits))
    kept = ~look.hidden if hidden is None else ~look.hidden & ~hidden
    if not kept.any() and len(kept):
        raise ConfigError("these edits leave nothing of the scene; undo some of them first")
    named = {thing.id: thing.name for thing in objects_after(found.objects, edits)} | dict(names or {})
    called = [named.get(thing.id, thing.name) for thing in found.objects]
    left = sorted({*np.unique(found.rows.label[kept]).tolist()} - {0})
    changed = kept & ((look.group > 0) | look.tinted)
    moved = found.TAKES_LOOKS and bool(changed.any())
    data = found.without(look, kept, changed, called)
    staying = () if found.TAKES_LOOKS else staying_edits(edits, {old: new for new, old in enumerate(left, 1)})
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
        found.ROW,
    )


def staying_edits(edits: Sequence[Edit], new: Mapping[int, int]) -> tuple[Edit, ...]:
    """Motions and colours of the objects that are left, by their new numbers."""
    result = []
    for edit in edits:
        ids = tuple(new[number] for number in targets_of(edit) if number in new)
        if isinstance(edit, STAYS) and ids:
            result.append(replace(edit, target=replace(edit.target, ids=ids)))
    return tuple(result)
