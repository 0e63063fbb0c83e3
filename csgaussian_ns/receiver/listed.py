"""The objects of a file, told without decoding a row."""

from csgaussian_ns.core.errors import FormatError, QueryError
from csgaussian_ns.core.object_tree import ObjectTree, side_by_side
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import is_group
from csgaussian_ns.format.groups import count_objects, group_meta_of, parts_of
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from csgaussian_ns.format.representations import known_facts
from csgaussian_ns.format.semantics import read_semantic_facts
from csgaussian_ns.semantic.edited_objects import moved_objects, objects_after


def objects_of_file(container: Container) -> tuple[SceneObject, ...] | None:
    """Before edits of the file, after those of its parts; without embeddings. ``None`` where nothing is known of any.

    Raises:
        FormatError, LimitExceeded: As of ``receiver.load.load``.
    """
    if is_group(container):
        return _of_group(container)
    meta, facts = known_facts(container), read_semantic_facts(container)
    if meta is None or facts is None:
        return None
    return facts.objects(meta.unit, embeddings=False)


def tree_of_file(container: Container) -> ObjectTree | None:
    """What those objects are parts of; ``None`` where nothing is known of that. Errors as of ``objects_of_file``."""
    if not is_group(container):
        facts = read_semantic_facts(container)
        return None if facts is None else facts.tree
    trees = list[ObjectTree]()
    for part in parts_of(container, DEFAULT_LIMITS):
        facts, count = read_semantic_facts(part), count_objects(part, DEFAULT_LIMITS)
        trees.append((facts and facts.tree) or ObjectTree(count, (0,) * count))
    return side_by_side(trees)


def _of_group(container: Container) -> tuple[SceneObject, ...] | None:
    placements, parts = group_meta_of(container).placements, parts_of(container, DEFAULT_LIMITS)
    found, start, known = list[SceneObject](), 0, False
    for part, motion in zip(parts, placements, strict=True):
        objects = objects_of_file(part)
        if objects is None:
            continue
        try:
            left = objects_after(objects, edits_of(part))
        except QueryError as error:
            raise FormatError(f"EDIT: {error}") from error
        found += moved_objects(left, motion, start)
        start, known = start + len(objects), True
    return tuple(found) if known else None
