"""What edits make of the list of objects. No row is known here, so that a file's objects are told at once."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from csgaussian_ns.core.edits import Crop, Keep, Move, Point, Remove, Rename, Rotate, Scale, targets_of
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.semantic.appearance import Operation
from csgaussian_ns.semantic.names import numbered

Objects = tuple[SceneObject, ...]
Step = TypeVar("Step", bound=Operation)


def objects_after(objects: Iterable[SceneObject], operations: Sequence[Operation]) -> Objects:
    """Objects after all edits among some operations.

    Boxes are around the edited boxes, so those of turned objects are wider than the objects. What a crop leaves of the
    anchors only the anchors tell: their number is that of before it.
    """
    result = tuple(objects)
    for step in operations:
        result = _cropped(result, step) if isinstance(step, Crop) else _after(result, step)
    return result


def settled(operations: Sequence[Step], objects: Iterable[SceneObject]) -> tuple[Step, ...]:
    """The operations as they are stored: with centres in numbers, and ids in order.

    Every object that they name was there when its turn came.

    Raises:
        QueryError: There is no such object, or no longer.
    """
    there, result = tuple(objects), list[Step]()
    for step in operations:
        things = [numbered(there, number) for number in sorted(set(targets_of(step)))]
        if not isinstance(step, Crop):
            target = replace(step.target, ids=tuple(thing.id for thing in things))
            step = replace(step, target=target)
        if isinstance(step, Rotate | Scale) and step.about is None and things:
            weights = np.array([thing.anchors for thing in things], np.float64)
            centres = np.array([thing.centre for thing in things])
            step = replace(step, about=_point(weights @ centres / weights.sum()))
        there = objects_after(there, [step])
        result.append(step)
    return tuple(result)


def motion_of(operation: Operation) -> Similarity | None:
    """Where the target goes; ``None`` where it stays. Centres are in numbers, see ``settled``."""
    if isinstance(operation, Move):
        return Similarity(shift=operation.shift)
    if isinstance(operation, Rotate):
        return Similarity.about(operation.about or (0.0, 0.0, 0.0), operation.axis, operation.degrees)
    if isinstance(operation, Scale):
        return Similarity.about(operation.about or (0.0, 0.0, 0.0), factor=operation.factor)
    return None


def _after(objects: Objects, step: Operation) -> Objects:
    ids, motion = set(targets_of(step)), motion_of(step)
    if isinstance(step, Remove | Keep):
        return tuple(thing for thing in objects if (thing.id in ids) == isinstance(step, Keep))
    if isinstance(step, Rename):
        return tuple(replace(thing, name=step.name) if thing.id in ids else thing for thing in objects)
    if motion is None:
        return objects
    return tuple(_moved(thing, motion) if thing.id in ids else thing for thing in objects)


def _moved(thing: SceneObject, motion: Similarity) -> SceneObject:
    corners = motion.at(np.array(list(itertools.product(*zip(thing.lowest, thing.highest, strict=True)))))
    centre = motion.at(np.array([thing.centre]))[0]
    return replace(
        thing, centre=_point(centre), lowest=_point(corners.min(axis=0)), highest=_point(corners.max(axis=0))
    )


def _cropped(objects: Objects, box: Crop) -> Objects:
    lowest, highest = np.array(box.lowest), np.array(box.highest)
    result = []
    for thing in objects:
        if (np.array(thing.highest) >= lowest).all() and (np.array(thing.lowest) <= highest).all():
            places = (_point(np.clip(place, lowest, highest)) for place in (thing.centre, thing.lowest, thing.highest))
            result.append(replace(thing, **dict(zip(("centre", "lowest", "highest"), places, strict=True))))
    return tuple(result)


def _point(row: np.ndarray) -> Point:
    x, y, z = (float(part) for part in row)
    return x, y, z
