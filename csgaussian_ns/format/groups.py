"""Several scenes in one: a file that holds whole files, each with where it stands. FORMAT.md, section "Groups"."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.core.geometry import FARTHEST
from csgaussian_ns.core.similarity import FACTORS, Similarity
from csgaussian_ns.format.bodies import content_of, packed_section
from csgaussian_ns.format.container import Container, pack, read_container
from csgaussian_ns.format.facts import GROUP, Facts, finite, is_group, parse_facts, write_facts
from csgaussian_ns.format.kinds import Run, check_codec, compare_crc, info_of
from csgaussian_ns.format.layout import MustUnderstand, Section
from csgaussian_ns.format.limits import DecodeLimits

KIND = "PART"
MOST_PARTS = 256
_NUMBERS = 8
"""Of a placement: factor, quaternion wxyz, shift."""


@dataclass(frozen=True, kw_only=True)
class GroupMeta(Facts):
    """Facts about a group, stored as JSON.

    Attributes:
        placements: What takes each part from its own frame to that of the group.
    """

    placements: tuple[Similarity, ...] = ()

    def to_json(self) -> dict[str, object]:
        """For ``json.dumps``."""
        told = [[motion.factor, *motion.turn, *motion.shift] for motion in self.placements]
        common = {name: value for name, value in super().to_json().items() if name != "placements"}
        return {"representation": GROUP, "placements": told, **common}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "GroupMeta":
        """As of ``Facts``."""
        told = values.get("placements")
        if not isinstance(told, list) or not 1 <= len(told) <= MOST_PARTS:
            raise FormatError(f"META: 'placements' must be a list of 1 to {MOST_PARTS}")
        return replace(super().of_json(values), placements=tuple(map(_placement, told)))


def _placement(told: Any) -> Similarity:
    numbers = isinstance(told, list) and len(told) == _NUMBERS
    if not numbers or not all(map(finite, told)):
        raise FormatError(f"META: a placement must be {_NUMBERS} numbers: factor, quaternion w x y z, shift")
    factor, *rest = (float(x) for x in told)
    turn, shift = rest[:4], rest[4:]
    length = math.hypot(*turn)
    drawable = FACTORS[0] <= factor <= FACTORS[1] and all(abs(x) < FARTHEST for x in shift)
    if not drawable or not 0.999 < length < 1.001:
        raise FormatError("META: a placement leads beyond what can be drawn, or its quaternion has not length 1")
    w, x, y, z = (part / length for part in turn)
    return Similarity((w, x, y, z), factor, (shift[0], shift[1], shift[2]))


def pack_group(files: Sequence[tuple[bytes, int]], meta: GroupMeta) -> bytes:
    """The bytes of a group.

    Args:
        files: Whole files, none of them a group or cut, and how many rows each has.
        meta: Where they stand; one placement for each.

    Raises:
        ConfigError: Too many, or facts that no reader takes.
    """
    if not 1 <= len(files) <= MOST_PARTS or len(files) != len(meta.placements):
        raise ConfigError(f"{len(files)} scenes with {len(meta.placements)} placements; a group has 1 to {MOST_PARTS}")
    sections, start = [packed_section("META", write_facts(meta))], 0
    for number, (data, rows) in enumerate(files):
        crc = zlib.crc32(data)
        sections.append(Section(info_of(KIND, Run(number, start, rows), decoded_crc=crc), data))
        start += rows
    return pack(sections, start, MustUnderstand.REPRESENTATION)


def group_meta_of(container: Container) -> GroupMeta:
    """The facts of an open group; errors as of ``facts.parse_facts``."""
    return parse_facts(content_of(container, "META"), GroupMeta)


def parts_of(container: Container, limits: DecodeLimits) -> list[Container]:
    """The files of an open group.

    Raises:
        FormatError: They are damaged, cut, or not those that META and the table of contents tell.
        UnsupportedVersion: One of them is a group.
        LimitExceeded: They ask for more than ``limits`` allow.
    """
    container.refuse_others((KIND, "META", "EDIT"), "a group")
    entries, count = container.chunks(KIND), len(group_meta_of(container).placements)
    if len(entries) != count:
        raise FormatError(f"{len(entries)} sections {KIND}, META places {count}; the file is damaged")
    parts = []
    for entry in entries:
        check_codec(entry.info)
        part = read_container(bytes(container.read(entry).body), limits)
        compare_crc(entry.info.decoded_crc, entry.stored_crc, str(entry.info))
        if part.truncated or part.header.rows != entry.info.rows:
            raise FormatError(f"{entry.info}: is cut, or has not the {entry.info.rows} rows that it promises")
        if is_group(part):
            raise UnsupportedVersion(f"{entry.info}: is a group itself, which no part may be")
        parts.append(part)
    return parts


def count_objects(container: Container, limits: DecodeLimits) -> int:
    """How many objects a file lists, those that edits removed included."""
    if is_group(container):
        return sum(count_objects(part, limits) for part in parts_of(container, limits))
    found = container.of_kind("LABL")
    return int.from_bytes(content_of(container, "LABL")[:2], "little") if found else 0
