"""Facts about a scene: META, its writer and reader. Knows no numpy, so that a file's facts are told at once."""

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.core.texts import MAX_TEXT_BYTES, is_storable, quoted
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.layout import MustUnderstand

if TYPE_CHECKING:
    from csgaussian_ns.format.attributes import AttributeLayout

ANCHORS = "anchors"
"""Representation of all files without the header's flag."""
MAX_DEPTH = 32
LARGEST = 1e30
"""Bound on numbers: single precision reaches a little farther."""
FREE = ("tool", "name", "extra", "background", "transform", "scale")
"""Facts that may be changed without decoding to anything else."""
_FLOAT = struct.Struct("<f")
_NUMBERS = {"base_steps": 3, "background": 3, "transform": 12}


@dataclass(frozen=True)
class SceneMeta:
    """Facts about a scene, stored as JSON.

    Attributes:
        voxel_size: Edge of a voxel in units of the training frame; exactly a float32.
        feature_dim, num_offsets: Channels of the feature, Gaussians per anchor.
        base_steps: Quantisation steps of feature, scaling (log), offset before modulation.
        background: RGB behind the scene.
        transform: From the capture's world to the training frame, 3x4 row by row, before ``scale``.
        scale: Factor applied after ``transform``.
        tool: What wrote the file.
        name: Of the scene.
        extra: For applications; at most ``MAX_DEPTH`` objects or lists inside each other.
    """

    voxel_size: float
    feature_dim: int
    num_offsets: int
    base_steps: tuple[float, float, float]
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    transform: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    scale: float = 1.0
    tool: str = ""
    name: str = ""
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def layout(self) -> "AttributeLayout":
        """Of the colour attributes."""
        from csgaussian_ns.format.attributes import AttributeLayout  # loads numpy

        return AttributeLayout(self.feature_dim, self.num_offsets, self.base_steps)

    def to_json(self) -> dict[str, object]:
        """For ``json.dumps``."""
        return asdict(self)


def meta_of(container: Container) -> SceneMeta:
    """The facts of an open file; errors as of ``read_meta``."""
    return read_meta(content_of(container, "META"))


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


def changed_meta(data: bytes, changes: Mapping[str, object]) -> bytes:
    """META of anchors with other facts; those that this version does not know are kept.

    Raises:
        FormatError: Not a META section.
        ConfigError: Facts that no reader takes.
    """
    try:
        content = json.dumps({**facts_of(data), **changes}, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"facts about the scene that a file cannot hold: {error}; give what JSON has") from error
    return _taken(content.encode("utf8"))


def write_meta(meta: SceneMeta) -> bytes:
    """UTF-8 JSON.

    Raises:
        ConfigError: Facts that no reader takes.
    """
    return _taken(json.dumps(meta.to_json(), separators=(",", ":")).encode("utf8"))


def _taken(data: bytes) -> bytes:
    try:
        read_meta(data)
    except FormatError as error:
        raise ConfigError(f"facts about the scene that a file cannot hold: {error}") from error
    return data


def read_meta(data: bytes) -> SceneMeta:
    """The inverse of ``write_meta``.

    Raises:
        FormatError: Not such JSON; a field is missing, of another type, or out of range.
    """
    return _checked(facts_of(data))


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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _checked(values: dict[str, Any]) -> SceneMeta:
    known = {}
    for name, count in _NUMBERS.items():
        entry = values.get(name)
        if not isinstance(entry, list) or len(entry) != count or not all(_finite(x) for x in entry):
            raise FormatError(f"META: {name!r} must be {count} finite numbers")
        known[name] = tuple(float(x) for x in entry)
    for name in ("voxel_size", "scale"):
        if not _finite(values.get(name)) or _FLOAT.unpack(_FLOAT.pack(values[name]))[0] <= 0:
            raise FormatError(f"META: {name!r} must be a positive number, got {quoted(values.get(name))}")
        known[name] = float(values[name])
    for name, limit in (("feature_dim", 1024), ("num_offsets", 32)):
        entry = values.get(name)
        if not isinstance(entry, int) or isinstance(entry, bool) or not 1 <= entry <= limit:
            raise FormatError(f"META: {name!r} must be an integer in 1..{limit}, got {quoted(entry)}")
        known[name] = entry
    if min(known["base_steps"]) <= 0:
        raise FormatError("META: base steps must be positive")
    known |= {name: _text(values.get(name), name) for name in ("tool", "name")}
    extra = values.get("extra")
    if not isinstance(extra, dict):
        raise FormatError(f"META: 'extra' must be an object, got {type(extra).__name__}")
    _check_extra(extra)
    return SceneMeta(**known, extra=extra)


def _text(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise FormatError(f"META: {name!r} must be a string, got {type(text).__name__}")
    if not is_storable(text):
        raise FormatError(
            f"META: {name!r} holds control characters, or more than {MAX_TEXT_BYTES} bytes: {quoted(text)}"
        )
    return text


def _check_extra(extra: dict[str, object]) -> None:
    level: list[Any] = [extra]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(entry, int | float) and abs(entry) >= LARGEST for entry in level):
            raise FormatError(f"META: a number of 'extra' is not finite, or at least {LARGEST:g}")
        level = [entry for entry in level if isinstance(entry, dict | list)]
        if not level:
            return
        level = [inner for entry in level for inner in (entry.values() if isinstance(entry, dict) else entry)]
    raise FormatError(f"META: 'extra' is nested more than {MAX_DEPTH} deep")


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
