"""Scenes of several files put into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from csgaussian_ns.core.errors import ConfigError, FormatError, QueryError
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.export.frame import to_capture
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import Facts, is_group
from csgaussian_ns.format.groups import GroupMeta, group_meta_of, pack_group, parts_of
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.representations import known_facts
from csgaussian_ns.receiver.orbit import up_of

UPRIGHT = 0.7
"""Height of the tip of the vector that is up, below which a scene lies on its side."""
Frame = Literal["capture", "normalised"]


@dataclass(frozen=True)
class _Placed:
    """A file of one scene, and what takes it to the frame of the group."""

    data: bytes
    rows: int
    motion: Similarity


def merged(
    files: Sequence[bytes],
    motions: Sequence[Similarity],
    frame: Frame = "capture",
    name: str = "",
    tool: str = "",
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> bytes:
    """One file with the scenes of several, each of which keeps its bytes, its edits among them.

    Background, orbit and frame are those of the first. Groups are taken apart first, so that none is inside another.

    Args:
        files: Contents of ``.csg`` files.
        motions: Where each goes, in the frame that ``frame`` names.
        frame: ``capture``: scenes stand where their captures' worlds have them, which must be one world;
            ``normalised``: the frames that they were trained in are laid on each other.
        name: Of the scene.
        tool: What writes the file.
        limits: What to refuse.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``.
        ConfigError: A file is cut, or a group that was edited as a whole; too many; motions beyond what can be drawn.
    """
    containers = [read_container(data, limits) for data in files]
    first = _facts(containers[0])
    back = to_capture(first.transform, first.scale).inverse if frame == "capture" else Similarity()
    parts = list[_Placed]()
    for number, (container, motion) in enumerate(zip(containers, motions, strict=True)):
        facts = _facts(container)
        there = to_capture(facts.transform, facts.scale) if frame == "capture" else Similarity()
        try:
            parts += _taken_apart(files[number], container, there.then(motion).then(back), limits)
        except QueryError as error:
            raise ConfigError(f"scene {number + 1}: {error}") from error
    common = ("background", "transform", "scale", "extra")
    meta = GroupMeta(**{field: getattr(first, field) for field in common}, name=name, tool=tool)
    meta = replace(meta, placements=tuple(part.motion for part in parts))
    return pack_group([(part.data, part.rows) for part in parts], meta)


def _facts(container: Container) -> Facts:
    facts = group_meta_of(container) if is_group(container) else known_facts(container)
    if container.truncated or facts is None:
        raise FormatError("a scene is cut, or made of what this version does not know; it cannot be put beside others")
    return facts


def _taken_apart(data: bytes, container: Container, motion: Similarity, limits: DecodeLimits) -> list[_Placed]:
    if not is_group(container):
        return [_Placed(data, container.header.rows, motion)]
    placements = group_meta_of(container).placements
    return [
        _Placed(data, rows, inner.then(motion))
        for (data, rows), inner in zip(taken_apart(container, limits), placements, strict=True)
    ]


def taken_apart(group: Container, limits: DecodeLimits = DEFAULT_LIMITS) -> list[tuple[bytes, int]]:
    """The files that were merged into a group, byte by byte, and how many rows each has.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``.
        ConfigError: The group was edited as a whole, which its files would not show.
    """
    if edits_of(group):
        raise ConfigError(
            "the group was edited as a whole, which none of its files would show: take these edits back "
            "(csg edit --undo), or code them into the files (csg edit --flatten), and then merge or split"
        )
    rows = [part.header.rows for part in parts_of(group, limits)]
    bodies = [bytes(group.read(entry).body) for entry in group.of_kind("PART")]
    return list(zip(bodies, rows, strict=True))


def overturned(group: Container) -> list[int]:
    """Parts, from 1 on, whose side that is up is not up in the group: ``extra`` tells it, no ``transform`` does."""
    up, found = up_of(group_meta_of(group)), []
    placements, parts = group_meta_of(group).placements, parts_of(group, DEFAULT_LIMITS)
    for number, (part, motion) in enumerate(zip(parts, placements, strict=True), 1):
        facts = known_facts(part)
        if facts is not None and float(motion.matrix @ up_of(facts) @ up) < UPRIGHT * motion.factor:
            found.append(number)
    return found
