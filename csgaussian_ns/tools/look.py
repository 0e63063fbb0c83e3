"""Options of commands that say how the objects of a scene are shown."""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Union

import tyro

from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.tools.terminal import remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csgaussian_ns.core.edits import Target
    from csgaussian_ns.core.semantic_layer import SceneObject
    from csgaussian_ns.receiver.scene import LoadedScene
    from csgaussian_ns.semantic.appearance import Appearance

COLOUR = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")

# With None before the rest tyro need not load typeguard to check a default: a third of the time that csg edit takes.
ObjectNames = Annotated[Union[None, tuple[str, ...]], tyro.conf.arg(metavar="ID|NAME ...")]  # noqa: UP007, RUF036
Pairs = Union[None, tuple[tuple[str, str], ...]]  # noqa: UP007
"""Objects, each with a value of its own."""


@dataclass(frozen=True)
class LookOptions:
    """Objects are given by number or name; of a name, all that are called so."""

    isolate: ObjectNames = None
    """Draw these objects alone."""
    hide: ObjectNames = None
    """Draw without these objects."""
    recolour: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME #RRGGBB ...")] = None
    """Draw objects in other colours."""
    move: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME DX,DY,DZ ...")] = None
    """Draw objects elsewhere; lengths and axes as csg info shows positions."""
    highlight: ObjectNames = None
    """Light up these objects and dim the rest."""
    layer: Literal["colour", "objects", "semantic"] = "colour"
    """What is drawn: colours, a colour for each object, or semantic features as colours."""

    @property
    def needs_objects(self) -> bool:
        """Whether the semantic layer must be decoded."""
        return self != LookOptions()

    def of(self, scene: "LoadedScene") -> "Appearance":
        """What was asked for, in the order of the fields.

        Raises:
            QueryError: There is no such object.
            ConfigError: A colour or a vector cannot be read.
        """
        from csgaussian_ns.core.edits import Move, Recolour
        from csgaussian_ns.semantic.appearance import Appearance, Hide, Highlight, Isolate

        empty = [name for name in ("isolate", "hide", "highlight") if getattr(self, name) == ()]
        if empty:
            raise ConfigError(f"--{empty[0]}: expected numbers or names of objects, as csg info lists them")
        result = Appearance(layer=self.layer)
        if self.isolate:
            result = result.then(Isolate(_target(scene, *self.isolate)))
        if self.hide:
            result = result.then(Hide(_target(scene, *self.hide)))
        for name, colour in self.recolour or ():
            result = result.then(Recolour(_target(scene, name), colour_of(colour)))
        for name, shift in self.move or ():
            result = result.then(Move(_target(scene, name), vector_of("--move", shift)))
        return result.then(Highlight(_target(scene, *self.highlight))) if self.highlight else result


def tell_if_empty(scene: "LoadedScene") -> None:
    """Say so where pictures of a scene will show its background alone."""
    kept = scene.position[~scene.hidden]
    if not (abs(kept) < math.inf).all(axis=1).any():
        left = "is at a finite place" if len(kept) else "is left by its edits"
        why = f"none of its {len(scene):,} {scene.rows} {left}" if len(scene) else "the file is empty"
        remark(f"csg: note: there is nothing to draw: {why}; pictures show the background alone")


def objects_of(scene: "LoadedScene") -> "Sequence[SceneObject]":
    """All of them.

    Raises:
        QueryError: The file says nothing of objects.
    """
    from csgaussian_ns.semantic.query import semantics_of

    if scene.coded is None:
        raise QueryError("a PLY file is not asked for objects; csg import makes a .csg file of it, with them")
    return semantics_of(scene).objects


def objects_called(everything: "Sequence[SceneObject]", key: str) -> "list[SceneObject]":
    """By number, or all of a name; what is a number of one object and the name of another is a number.

    Raises:
        QueryError: There is none.
    """
    from csgaussian_ns.semantic.names import named, numbered

    if key.isdecimal() and (any(entry.id == int(key) for entry in everything) or not _is_name(key, everything)):
        return [numbered(everything, int(key))]
    return named(everything, key)


def _is_name(key: str, everything: "Sequence[SceneObject]") -> bool:
    return any(entry.name == key for entry in everything)


def colour_of(text: str) -> tuple[float, float, float]:
    """RGB in [0, 1].

    Raises:
        ConfigError: Not six hexadecimal digits.
    """
    found = COLOUR.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text!r} is no colour; expected six hexadecimal digits, such as #ff8800")
    red, green, blue = (int(part, 16) / 255 for part in found.groups())
    return red, green, blue


def vector_of(option: str, text: str) -> tuple[float, float, float]:
    """Three numbers; errors as of ``numbers_of``."""
    x, y, z = numbers_of(option, text, 3, "three numbers, such as 0.1,0,-0.5")
    return x, y, z


def numbers_of(option: str, text: str, count: int, expected: str) -> list[float]:
    """Numbers between commas.

    Args:
        option: That they were given to.
        text: As they were given.
        count: How many there must be.
        expected: What to say where they are something else.

    Raises:
        ConfigError: Something else, or numbers that no place has.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise ConfigError(f"{option} {text}: expected {expected}")
    if not all(abs(part) < 1e15 for part in numbers):
        raise ConfigError(f"{option} {text}: expected finite numbers of a sensible size")
    return numbers


def target_of(everything: "Sequence[SceneObject]", *keys: str) -> "Target":
    """Objects by numbers or names; errors as of ``objects_called``."""
    from csgaussian_ns.core.edits import Target

    return Target(tuple(dict.fromkeys(entry.id for key in keys for entry in objects_called(everything, key))))


def _target(scene: "LoadedScene", *keys: str) -> "Target":
    return target_of(objects_of(scene), *keys)
