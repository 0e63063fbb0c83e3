"""What edits make of the list of objects. No row is known here, so that a file's objects are told at once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from csgaussian_ns.core.edits import Crop, Keep, Move, Point, Remove, Rename, Rotate, Scale, targets_of
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.core.similarity import Similarity, check_drawable
from csgaussian_ns.semantic.appearance import Operation
from csgaussian_ns.semantic.names import all_numbered

Step = TypeVar("Step", bound=Operation)


def objects_after(objects: Iterable[SceneObject], operations: Sequence[Operation]) -> tuple[SceneObject, ...]:
    """Objects after all edits among some operations.

    Boxes are around the edited boxes, so those of turned objects are wider than the objects. What a crop leaves of the
    anchors only the anchors tell: their number is that of before it.

    Raises:
        QueryError: Motions together lead beyond what can be drawn.
    """
    edited = _EditedObjects(objects)
    for step in operations:
        edited.apply(step)
    return edited.objects


def settled(operations: Sequence[Step], objects: Iterable[SceneObject]) -> tuple[Step, ...]:
    """The operations as they are stored: with centres in numbers, and ids in order.

    Every object that they name was there when its turn came.

    Raises:
        QueryError: There is no such object, or no longer; or motions together lead beyond what can be drawn.
    """
    edited, result = _EditedObjects(objects), list[Step]()
    for step in operations:
        if not isinstance(step, Crop):
            things = all_numbered(edited.objects, sorted(set(step.target.ids)))
            step = replace(step, target=replace(step.target, ids=tuple(thing.id for thing in things)))
            if isinstance(step, Rotate | Scale) and step.about is None and things:
                weights = np.array([thing.anchors for thing in things], np.float64)
                centres = np.array([thing.centre for thing in things])
                step = replace(step, about=_point(weights @ centres / weights.sum()))
        edited.apply(step)
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


def moved_objects(objects: Sequence[SceneObject], motion: Similarity, start: int) -> list[SceneObject]:
    """Objects of a part as those of the group: numbered on from ``start``, where ``motion`` puts them."""
    spread, moved = np.abs(motion.matrix.T), []
    for thing in objects:
        low, high = np.array(thing.lowest), np.array(thing.highest)
        middle, half = motion.at((low + high)[None] / 2)[0], (high - low) / 2 @ spread
        centre = motion.at(np.array([thing.centre]))[0]
        centre, lowest, highest = map(_point, (centre, middle - half, middle + half))
        moved.append(replace(thing, id=thing.id + start, feature=(), centre=centre, lowest=lowest, highest=highest))
    return moved


class _EditedObjects:
    """Objects while they are edited, in arrays: a file may name many of them in many edits."""

    def __init__(self, objects: Iterable[SceneObject]) -> None:
        self._before = tuple(objects)
        self._id = np.array([thing.id for thing in self._before], np.int64)
        self._there = np.ones(len(self._before), bool)
        self._names = np.array([thing.name for thing in self._before], object)
        places = [(thing.centre, thing.lowest, thing.highest) for thing in self._before]
        self._places = np.array(places, np.float64).reshape(-1, 3, 3).transpose(1, 0, 2)
        self._factor, self._shift = np.ones(len(self._before)), np.zeros((len(self._before), 3))

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """Those that are there."""
        result = []
        for i in np.flatnonzero(self._there).tolist():
            centre, lowest, highest = map(_point, self._places[:, i])
            named = replace(self._before[i], name=self._names[i])
            result.append(replace(named, centre=centre, lowest=lowest, highest=highest))
        return tuple(result)

    def apply(self, step: Operation) -> None:
        """Edit them; what only a look does changes nothing. Errors as of ``check_drawable``."""
        if isinstance(step, Crop):
            _, lowest, highest = self._places
            self._there &= ((highest >= step.lowest) & (lowest <= step.highest)).all(axis=1)
            self._places = self._places.clip(step.lowest, step.highest)
            return
        chosen, motion = np.isin(self._id, targets_of(step)), motion_of(step)
        if isinstance(step, Remove | Keep):
            self._there &= chosen == isinstance(step, Keep)
        elif isinstance(step, Rename):
            self._names[chosen] = step.name
        elif motion is not None:
            self._factor[chosen] *= motion.factor
            self._shift[chosen] = motion.at(self._shift[chosen])
            check_drawable(self._factor, self._shift)
            centre, lowest, highest = self._places[:, chosen]
            middle, half = motion.at((lowest + highest) / 2), (highest - lowest) / 2 @ np.abs(motion.matrix.T)
            self._places[:, chosen] = motion.at(centre), middle - half, middle + half


def _point(row: np.ndarray) -> Point:
    x, y, z = (float(part) for part in row)
    return x, y, z
