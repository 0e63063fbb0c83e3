"""Facts that META holds of any scene, whatever it is made of. Knows no numpy, so that they are told at once."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.core.texts import MAX_TEXT_BYTES, is_storable, quoted
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.layout import MustUnderstand

ANCHORS = "anchors"
"""Representation of all files without the header's flag."""
GROUP = "group"
"""Representation of files that hold whole files."""
MAX_DEPTH = 32
LARGEST = 1e30
"""Bound on numbers: single precision reaches a little farther."""
FREE = ("tool", "name", "extra", "background", "transform", "scale")
"""Facts that may be changed without decoding to anything else."""
_FLOAT = struct.Struct("<f")
_F = TypeVar("_F", bound="Facts")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts about a scene, stored as JSON; those of a representation follow in ``STEPS`` to ``TEXTS``.

    Attributes:
        background: RGB behind the scene.
        transform: From the capture's world to the training frame, 3x4 row by row, before ``scale``.
        scale: Factor applied after ``transform``.
        tool: What wrote the file.
        name: Of the scene.
        extra: For applications; at most ``MAX_DEPTH`` objects or lists inside each other.
    """

    NUMBERS: ClassVar[Mapping[str, int]] = {"background": 3, "transform": 12}
    """Lists of so many numbers."""
    STEPS: ClassVar[Mapping[str, int]] = {}
    """Lists of so many numbers above 0."""
    POSITIVE: ClassVar[tuple[str, ...]] = ("scale",)
    """Numbers above 0 in single precision."""
    WHOLE: ClassVar[Mapping[str, range]] = {}
    """Whole numbers in a range."""
    TEXTS: ClassVar[tuple[str, ...]] = ("tool", "name")
    """Short texts."""

    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    transform: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    scale: float = 1.0
    tool: str = ""
    name: str = ""
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def unit(self) -> float:
        """Length that the sizes of objects are multiples of, in the frame of the scene."""
        return 1.0

    def to_json(self) -> dict[str, object]:
        """For ``json.dumps``; what all scenes have comes last."""
        values, common = asdict(self), [part.name for part in fields(Facts)]
        return {name: values[name] for name in sorted(values, key=lambda name: name in common)}

    @classmethod
    def of_json(cls: type[_F], values: Mapping[str, Any]) -> _F:
        """The inverse of ``to_json``; unknown fields are ignored.

        Raises:
            FormatError: A field is missing, of another type, or out of range.
        """
        known: dict[str, Any] = {name: _numbers(values.get(name), name, n) for name, n in cls.NUMBERS.items()}
        known |= {name: _steps(values.get(name), name, n) for name, n in cls.STEPS.items()}
        known |= {name: _positive(values.get(name), name) for name in cls.POSITIVE}
        known |= {name: _whole(values.get(name), name, allowed) for name, allowed in cls.WHOLE.items()}
        known |= {name: _text(values.get(name), name) for name in cls.TEXTS}
        return cls(**known, extra=_extra(values.get("extra")))


@dataclass(frozen=True)
class VoxelFacts(Facts):
    """Facts about a scene whose rows lie on voxels.

    Attributes:
        voxel_size: Edge of a voxel in units of the scene; exactly a float32.
    """

    POSITIVE: ClassVar[tuple[str, ...]] = ("voxel_size", *Facts.POSITIVE)

    voxel_size: float

    @property
    def unit(self) -> float:
        """The edge of a voxel."""
        return self.voxel_size


def parse_facts(data: bytes, kind: type[_F]) -> _F:
    """A META section as facts of some kind.

    Raises:
        FormatError: Not such JSON; a field is missing, of another type, or out of range.
    """
    return kind.of_json(facts_of(data))


def write_facts(facts: Facts) -> bytes:
    """UTF-8 JSON.

    Raises:
        ConfigError: Facts that no reader takes.
    """
    return _written(facts.to_json(), type(facts))


def changed_facts(data: bytes, kind: type[Facts], changes: Mapping[str, object]) -> bytes:
    """A META section with other facts; those that this version does not know are kept.

    Raises:
        FormatError: Not a META section.
        ConfigError: Facts that no reader takes.
    """
    return _written({**facts_of(data), **changes}, kind)


def _written(values: Mapping[str, Any], kind: type[Facts]) -> bytes:
    try:
        data = json.dumps(values, separators=(",", ":")).encode("utf8")
        kind.of_json(facts_of(data))
    except (FormatError, TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"facts about the scene that a file cannot hold: {error}; give what JSON has") from error
    return data


def facts_of(data: bytes) -> dict[str, Any]:
    """The JSON object of a META section, whatever is in it.

    Raises:
        FormatError: It is none.
    """
    try:
        values = json.loads(data.decode("utf8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"META: {error}") from error
    if not isinstance(values, dict):
        raise FormatError(f"META: expected a JSON object, got {type(values).__name__}")
    return values


def representation_of(container: Container) -> str:
    """What the scene of an open file is made of: ``anchors``, or what META says.

    Raises:
        FormatError: META does not say it although the header's flag is set, or is damaged.
    """
    if MustUnderstand.REPRESENTATION not in container.header.must_understand:
        return ANCHORS
    name = facts_of(content_of(container, "META")).get("representation")
    if not isinstance(name, str) or name in ("", ANCHORS) or not is_storable(name):
        raise FormatError(f"META: 'representation' must name one other than anchors, got {quoted(name)}")
    return name


def is_group(container: Container) -> bool:
    """Whether an open file holds whole files; errors as of ``representation_of``."""
    return representation_of(container) == GROUP


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _numbers(entry: Any, name: str, count: int) -> tuple[float, ...]:
    if not isinstance(entry, list) or len(entry) != count or not all(map(finite, entry)):
        raise FormatError(f"META: {name!r} must be {count} finite numbers")
    return tuple(float(x) for x in entry)


def _steps(value: object, name: str, count: int) -> tuple[float, ...]:
    numbers = _numbers(value, name, count)
    if min(numbers) <= 0:
        raise FormatError(f"META: {name.replace('_', ' ')} must be positive")
    return numbers


def _positive(entry: Any, name: str) -> float:
    if not finite(entry) or _FLOAT.unpack(_FLOAT.pack(entry))[0] <= 0:
        raise FormatError(f"META: {name!r} must be a positive number, got {quoted(entry)}")
    return float(entry)


def _whole(entry: Any, name: str, allowed: range) -> int:
    if not isinstance(entry, int) or isinstance(entry, bool) or entry not in allowed:
        raise FormatError(f"META: {name!r} must be an integer in {allowed[0]}..{allowed[-1]}, got {quoted(entry)}")
    return entry


def _text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise FormatError(f"META: {name!r} must be a string, got {type(text).__name__}")
    if not is_storable(text):
        raise FormatError(
            f"META: {name!r} holds control characters, or more than {MAX_TEXT_BYTES} bytes: {quoted(text)}"
        )
    return text


def _extra(extra: Any) -> dict[str, object]:
    if not isinstance(extra, dict):
        raise FormatError(f"META: 'extra' must be an object, got {type(extra).__name__}")
    level: list[Any] = [extra]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(entry, int | float) and abs(entry) >= LARGEST for entry in level):
            raise FormatError(f"META: a number of 'extra' is not finite, or at least {LARGEST:g}")
        level = [entry for entry in level if isinstance(entry, dict | list)]
        if not level:
            return extra
        level = [inner for entry in level for inner in (entry.values() if isinstance(entry, dict) else entry)]
    raise FormatError(f"META: 'extra' is nested more than {MAX_DEPTH} deep")


def finite(value: object) -> bool:
    """Whether a number is one that META may hold."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
