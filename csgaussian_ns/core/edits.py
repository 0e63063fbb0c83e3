"""Operations on the objects of a scene. They know ids and no rows, so they can be stored: ``Edit`` ones in a file."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, Protocol, runtime_checkable

from csgaussian_ns.core.errors import ConfigError

Point = tuple[float, float, float]
Colour = tuple[float, float, float]


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _is_point(value: object) -> bool:
    return isinstance(value, Sequence) and len(value) == 3 and all(map(_is_number, value))


_THREE = "three finite numbers"
_PARTS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "target": ("a Target, as scene.objects['cup'].target or Target((3, 4))", lambda value: isinstance(value, Target)),
    "ids": (
        "a tuple of whole numbers",
        lambda value: isinstance(value, tuple) and all(isinstance(number, Integral) for number in value),
    ),
    "name": ("a text", lambda value: isinstance(value, str)),
    "axis": (f"{_THREE}, not all 0", lambda value: _is_point(value) and any(value)),
    **dict.fromkeys(("shift", "about", "colour", "lowest", "highest"), (_THREE, _is_point)),
    **dict.fromkeys(("percent", "degrees"), ("a finite number", _is_number)),
    "factor": ("a number above 0", lambda value: _is_number(value) and value > 0),
}
"""What the parts of operations must be, by their names."""


class Checked:
    """What users make: it is checked when it is made, not when a file is written.

    Raises:
        ConfigError: A part is not what it should be.
    """

    def __post_init__(self) -> None:
        """Look at every part that is given."""
        for part in fields(self):  # type: ignore[arg-type]  # of a dataclass
            expected, fits = _PARTS[part.name]
            value = getattr(self, part.name)
            if not (fits(value) or (value is None and part.default is None)):
                raise ConfigError(f"{type(self).__name__}: {part.name}: expected {expected}, got {str(value)[:80]!r}")


@dataclass(frozen=True)
class Target(Checked):
    """Objects of a scene, as they are or with a border moved.

    Attributes:
        ids: Their numbers.
        percent: Anchors more, or below 0 fewer, see ``semantic.grow``. Files hold whole objects alone.
    """

    ids: tuple[int, ...] = ()
    percent: float = 0.0


@dataclass(frozen=True)
class Remove(Checked):
    """The target is gone: from pictures, from clicks, and from the list of objects."""

    target: Target


@dataclass(frozen=True)
class Keep(Checked):
    """All but the target is gone, what belongs to no object included."""

    target: Target


@dataclass(frozen=True)
class Move(Checked):
    """Move the target, in units and axes of the training frame. It is lit as at its old place."""

    target: Target
    shift: Point


@dataclass(frozen=True)
class Rotate(Checked):
    """Turn the target, and with it the light on it.

    Attributes:
        target: What is turned, as one.
        axis: Of any length but zero; seen from its tip, the target turns counter-clockwise.
        degrees: How far.
        about: A point of the axis; where ``None``, the mean position of the target's anchors.
    """

    target: Target
    axis: Point
    degrees: float
    about: Point | None = None


@dataclass(frozen=True)
class Scale(Checked):
    """Make the target larger or smaller, as one; ``about`` is a point that stays, by default as of ``Rotate``."""

    target: Target
    factor: float
    about: Point | None = None


@dataclass(frozen=True)
class Recolour(Checked):
    """Give the target another colour, RGB in [0, 1]; it is shaded as before. The last colour counts."""

    target: Target
    colour: Colour


@dataclass(frozen=True)
class Rename(Checked):
    """Call the target otherwise; an empty name is none."""

    target: Target
    name: str


@dataclass(frozen=True)
class Crop(Checked):
    """All anchors outside of a box are gone, in units and axes of the training frame, wherever they belong."""

    lowest: Point
    highest: Point


Edit = Remove | Keep | Move | Rotate | Scale | Recolour | Rename | Crop


@runtime_checkable
class OfObjects(Protocol):
    """An operation that names objects, whether a file can hold it or not."""

    @property
    def target(self) -> Target:
        """The objects."""
        ...


def targets_of(operation: OfObjects | Crop) -> tuple[int, ...]:
    """The objects that an operation names."""
    return () if isinstance(operation, Crop) else operation.target.ids


def as_facts(edit: Edit) -> dict[str, Any]:
    """An edit for JSON."""
    return {"do": type(edit).__name__.lower(), **asdict(edit)}


def in_words(edit: Edit) -> str:
    """An edit in words."""
    words = [type(edit).__name__.lower(), *map(str, targets_of(edit))]
    if isinstance(edit, Move):
        words += ["by", _told(edit.shift)]
    elif isinstance(edit, Rotate):
        words += [f"by {edit.degrees:g} degrees around", _told(edit.axis)]
    elif isinstance(edit, Scale):
        words += [f"by {edit.factor:g}"]
    elif isinstance(edit, Recolour):
        words += ["#" + "".join(f"{round(255 * part):02x}" for part in edit.colour)]
    elif isinstance(edit, Rename):
        words += ["to", edit.name or "no name"]
    elif isinstance(edit, Crop):
        words += ["to", _told(edit.lowest), "..", _told(edit.highest)]
    if isinstance(edit, Rotate | Scale) and edit.about is not None:
        words += ["at", _told(edit.about)]
    return " ".join(words)


def _told(point: Point) -> str:
    return ",".join(f"{part:.4g}" for part in point)
