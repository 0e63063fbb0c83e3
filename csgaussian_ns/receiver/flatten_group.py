"""A group of scenes without what was removed from it: each file in it flattened, and the edits of the whole, too."""

from dataclasses import replace

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import edits_of, with_edits
from csgaussian_ns.format.groups import count_objects, group_meta_of, pack_group, parts_of
from csgaussian_ns.format.kinds import KINDS
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.receiver.flatten_scene import Flattened, flatten_scene, staying_edits
from csgaussian_ns.receiver.load import load
from csgaussian_ns.semantic.edited import Edited
from csgaussian_ns.semantic.edited_objects import objects_after


def flatten_group(data: bytes, container: Container, limits: DecodeLimits) -> Flattened:
    """As ``flatten_scene`` for each file; scenes that lose all rows are gone, objects are numbered on over the others.

    Motions and colours that the group was given as a whole stay its edits, in its frame.

    Args:
        data: The file.
        container: The same, open.
        limits: What to refuse.

    Raises:
        CsgError: As of ``flatten_scene``.
    """
    parts, meta, edits = parts_of(container, limits), group_meta_of(container), edits_of(container)
    scene = load(data, limits)
    outside = scene.scene.look.hidden if isinstance(scene.scene, Edited) else np.zeros(len(scene), np.bool_)
    plain = scene.original
    gone = outside | plain.hidden
    named = {thing.id: thing.name for thing in objects_after(plain.objects, edits)}
    done, places, new, start, first, row = list[Flattened](), [], dict[int, int](), 0, 0, 0
    for part, place in zip(parts, meta.placements, strict=True):
        count, rows = count_objects(part, limits), slice(row, row + part.header.rows)
        if not gone[rows].all() or not part.header.rows:
            names = {number - first: name for number, name in named.items() if first < number <= first + count}
            flat = flatten_scene(part, limits, outside[rows], names)
            new |= {first + old: start + number for number, old in enumerate(flat.left, 1)}
            start += len(flat.left)
            done.append(flat)
            places.append(place)
        first, row = first + count, rows.stop
    if not done:
        raise ConfigError("these edits leave nothing of the scenes; undo some of them first")
    files = [(flat.data, read_container(flat.data, limits).header.rows) for flat in done]
    left = read_container(pack_group(files, replace(meta, placements=tuple(places))), limits)
    staying = staying_edits(edits, new)
    unknown = {entry.info.kind for entry in container.entries} - KINDS.keys()
    return Flattened(
        with_edits(left, staying),
        len(scene) - left.header.rows,
        first - start,
        tuple(new),
        (sum(flat.chunks[0] for flat in done), sum(len(part.of_kind("POSI")) for part in parts)),
        staying + tuple(edit for flat in done for edit in flat.edits),
        tuple(sorted(unknown.union(*(flat.unknown for flat in done)))),
        "row",
    )
