"""Changes files the way an attacker does: with checksums that are right again."""

import zlib
from dataclasses import replace

import numpy as np

from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.format.layout import ENTRY_BYTES, HEADER_BYTES, Section
from csgaussian_ns.format.object_bytes import write_objects
from csgaussian_ns.format.objects import ObjectTexts
from csgaussian_ns.format.rewrite import rewrite
from csgaussian_ns.format.semantics import read_semantic_facts

ONCE = ("META", "NETE", "NETR", "NETS", "LABL")


def with_checksums(data: bytes | bytearray) -> bytes:
    """The file with the checksums of all bodies, and of header and table, computed anew; lengths are taken as they are.

    Checksums of decoded content are not touched: they are what must find the damage then.
    """
    changed = bytearray(data)
    entries = int.from_bytes(changed[20:24], "little")
    for place in range(HEADER_BYTES, HEADER_BYTES + entries * ENTRY_BYTES, ENTRY_BYTES):
        if place + ENTRY_BYTES > len(changed):
            break
        offset, length = (int.from_bytes(changed[place + at : place + at + 8], "little") for at in (16, 24))
        body = changed[min(offset, len(changed)) : min(offset + length, len(changed))]
        changed[place + 40 : place + 44] = zlib.crc32(body).to_bytes(4, "little")
    changed[44:48] = bytes(4)
    front = changed[: HEADER_BYTES + entries * ENTRY_BYTES]
    changed[44:48] = zlib.crc32(front).to_bytes(4, "little")
    return bytes(changed)


def rewritten(data: bytes, kind: str, content: bytes | None = None, **info: int) -> bytes:
    """The file with other fields of the first section of a kind, or with other plain content, all checksums right."""
    container = read_container(data)
    sections = container.sections()
    place = next(i for i, section in enumerate(sections) if section.info.kind == kind)
    if content is not None:
        info = {"codec": 0, "decoded_crc": zlib.crc32(content), **info}
    body = sections[place].body if content is None else content
    sections[place] = Section(replace(sections[place].info, **info), body)
    return pack(sections, container.header.rows)


def with_embeddings(data: bytes, names: tuple[str, ...]) -> bytes:
    """The file with these names of its objects, each with an embedding of an encoder of some other writer."""
    container = read_container(data)
    facts = read_semantic_facts(container)
    assert facts is not None
    texts = ObjectTexts.of(names, np.eye(len(names), 5), "some-encoder")
    return rewrite(container, {"LABL": write_objects(facts.table, texts)})


def inflated_sections(data: bytes) -> bytes:
    """The file with plain content wherever it is deflated: a changed byte of a zlib stream rarely gets past zlib."""
    container = read_container(data)
    kinds = [entry.info.kind for entry in container.entries if entry.info.kind in ONCE]
    for kind in kinds:
        data = rewritten(data, kind, content_of(container, kind))
    return data
