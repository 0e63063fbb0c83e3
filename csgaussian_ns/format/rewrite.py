"""A file with some sections replaced. All others stay as they are, unknown ones too, byte by byte."""

from collections.abc import Mapping
from dataclasses import replace

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.bodies import inflated, packed_section
from csgaussian_ns.format.container import Container, pack
from csgaussian_ns.format.kinds import Layer
from csgaussian_ns.format.layout import Section


def rewrite(container: Container, contents: Mapping[str, bytes | None]) -> bytes:
    """The file with other plain contents of sections that occur once.

    Order, flags, fields and bodies of everything else are kept. Of a file that was cut, the semantic layer is left out
    as a whole: a header that knows nothing of the cut would promise what is not there.

    Args:
        container: What is rewritten; its bodies are read and verified.
        contents: Plain content by kind. ``None`` leaves the section out. A kind that the file lacks comes
            last in its layer.

    Raises:
        FormatError: A body is damaged, or a kind occurs several times.
        ConfigError: More bytes than a kind may have.
    """
    kept, left = [], dict(contents)
    for entry in container.entries:
        kind = entry.info.kind
        if container.truncated and entry.info.layer >= Layer.SEMANTIC:
            continue
        if kind not in contents:
            kept.append(container.read(entry))
            continue
        if kind not in left:
            raise FormatError(f"{kind} occurs several times, so it cannot be replaced as a whole")
        content = left.pop(kind)
        if content is not None:
            kept.append(_replaced(Section(entry.info, container.read(entry).body), content))
    made = [packed_section(kind, content) for kind, content in left.items() if content is not None]
    kept = sorted(kept + made, key=lambda section: section.info.layer >= Layer.SEMANTIC)  # a stable sort
    header = container.header
    return pack(kept, header.rows, header.must_understand, header.optional, header.minor)


def _replaced(section: Section, content: bytes) -> Section:
    """The section itself where its content is the same, else one that is deflated if that helps."""
    if inflated(section.info.codec, section.body, section.info.kind) == content:
        return section
    made = packed_section(section.info.kind, content)
    info = replace(section.info, codec=made.info.codec, decoded_crc=made.info.decoded_crc)
    return Section(info, made.body)
