"""How a scene is looked at: operations on its objects, in order, those that a file can hold and those of a look."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from csgaussian_ns.core.edits import Checked, Edit, Target
from csgaussian_ns.core.errors import ConfigError

MOST = 1e9
"""Larger numbers are not believed."""
DrawnLayer = Literal["colour", "objects", "semantic"]
"""What is drawn of a scene: its colours, a colour for each object, or its semantic features as colours."""


@dataclass(frozen=True)
class Hide(Checked):
    """Draw without the target. What it hid was hardly seen in training, and shows it."""

    target: Target


@dataclass(frozen=True)
class Isolate(Checked):
    """Draw the target alone, whatever was hidden before."""

    target: Target


@dataclass(frozen=True)
class Highlight(Checked):
    """Light up the target and dim the rest. The last one counts."""

    target: Target


Operation = Edit | Hide | Isolate | Highlight
_NAMES: dict[str, type[Operation]] = {kind.__name__.lower(): kind for kind in get_args(Operation)}


@dataclass(frozen=True)
class Appearance:
    """Operations in the order in which they apply, and what is drawn.

    Attributes:
        operations: Each sees what those before it left.
        layer: What is drawn.

    Raises:
        ConfigError: No such layer; no such operations.
    """

    operations: tuple[Operation, ...] = ()
    layer: DrawnLayer = "colour"

    def __post_init__(self) -> None:
        """Whatever is drawn must be what was asked for."""
        if self.layer not in get_args(DrawnLayer):
            raise ConfigError(f"layer: expected one of {', '.join(get_args(DrawnLayer))}, got {str(self.layer)[:80]!r}")
        if not isinstance(self.operations, tuple) or not all(isinstance(one, Operation) for one in self.operations):
            raise ConfigError(
                "operations: expected a tuple of them, such as (Hide(scene.objects['cup'].target),), got "
                f"{str(self.operations)[:80]}"
            )

    def then(self, operation: Operation) -> "Appearance":
        """As this one, and then ``operation``."""
        return replace(self, operations=(*self.operations, operation))

    def to_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        told = [{"do": type(step).__name__.lower(), **asdict(step)} for step in self.operations]
        return {"layer": self.layer, "operations": told}

    @staticmethod
    def from_json(content: object) -> "Appearance":
        """The inverse of ``to_json``.

        Raises:
            ConfigError: Not such content.
        """
        try:
            if not isinstance(content, Mapping):
                raise TypeError(f"got {type(content).__name__}")
            layer, operations = content["layer"], tuple(map(_operation, content["operations"]))
            if layer not in get_args(DrawnLayer):
                raise ValueError(f"layer is {layer!r}")
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise ConfigError(
                f"this is no stored appearance: {error!r}; expected a 'layer' out of {', '.join(get_args(DrawnLayer))} "
                f"and 'operations', each with 'do' out of {', '.join(_NAMES)}, a 'target' and what the operation needs"
            ) from error
        return Appearance(operations, layer)


def _operation(facts: Mapping[str, Any]) -> Operation:
    kind = _NAMES[facts["do"]]
    read = {"target": _target, "name": _name, "degrees": _number, "factor": _number}
    given = {name: value for name, value in facts.items() if name != "do" and (name, value) != ("about", None)}
    return kind(**{name: read.get(name, _three)(value) for name, value in given.items()})


def _target(facts: Mapping[str, Any]) -> Target:
    ids, percent = facts["ids"], float(facts["percent"])
    if isinstance(ids, str) or not abs(percent) < MOST:
        raise ValueError(f"target {str(facts)[:99]}")
    return Target(tuple(map(int, ids)), percent)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"name {str(value)[:99]}")
    return value


def _number(value: Any) -> float:
    return _three((value, 0, 0))[0]


def _three(values: Any) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    if not max(abs(x), abs(y), abs(z)) < MOST:
        raise ValueError(f"numbers {str(values)[:99]}")
    return x, y, z
