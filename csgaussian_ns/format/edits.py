"""The edits of a file: read from it, and put into it. No other section is read for that, let alone decoded."""

import hashlib
import struct
from collections.abc import Sequence

from csgaussian_ns.core.edits import Edit, targets_of
from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.edit_bytes import BINDING_BYTES, read_edits, write_edits
from csgaussian_ns.format.groups import count_objects
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from csgaussian_ns.format.rewrite import rewrite

KIND = "EDIT"
_SEMANTIC = ("NETS", "LABL", "SEMA")
_FREE = (KIND, "META")
_SECTION = struct.Struct("<4sII")


def binding_of(container: Container) -> bytes:
    """What names the scene of a file, in 16 bytes: the same as long as it decodes to the same.

    The first bytes of the SHA-256 of kind, chunk (u32) and decoded CRC-32 (u32) of all critical sections and those of
    the semantic layer's own kinds, but META and EDIT, in the order of kind and chunk.
    """
    infos = [entry.info for entry in (*container.entries, *container.missing)]
    bound = [info for info in infos if (info.critical or info.kind in _SEMANTIC) and info.kind not in _FREE]
    told = sorted((info.kind.encode(), info.chunk, info.decoded_crc) for info in bound)
    return hashlib.sha256(b"".join(_SECTION.pack(*entry) for entry in told)).digest()[:BINDING_BYTES]


def edits_of(container: Container) -> tuple[Edit, ...]:
    """The operations, in order; none where the file has no such section.

    Raises:
        FormatError: They were cut off, are damaged, or were made for another scene.
    """
    if any(entry.info.kind == KIND for entry in container.missing):
        raise FormatError(
            "the scene was edited, and the file is cut before its edits: what is left is not what was meant to be "
            "seen. Fetch it again, or load the unedited scene with edits=False"
        )
    if not container.of_kind(KIND):
        return ()
    scene, edits = read_edits(content_of(container, KIND))
    if scene != binding_of(container):
        raise FormatError(
            "EDIT: these edits were made for another scene; make them anew for this one, drop them all by "
            f"csg edit --undo {len(edits)}, or load the unedited scene with edits=False"
        )
    _check_ids(container, edits)
    return edits


def stored_edits(container: Container) -> int:
    """Number of the operations in the section, whichever scene they were made for; errors as of ``read_edits``."""
    return len(read_edits(content_of(container, KIND))[1]) if container.of_kind(KIND) else 0


def with_edits(container: Container, edits: Sequence[Edit]) -> bytes:
    """The file with these edits in place of its own; with none it is the file of before it was edited.

    All other sections keep their bytes.

    Raises:
        ConfigError: Edits that no reader takes, or the file is cut.
        FormatError: A body is damaged.
    """
    check_whole(container)
    if not edits:
        return rewrite(container, {KIND: None})
    try:
        _check_ids(container, edits)
    except FormatError as error:
        raise ConfigError(str(error)) from error
    return rewrite(container, {KIND: write_edits(binding_of(container), edits)})


def check_whole(container: Container) -> None:
    """Refuse to edit a cut file.

    Raises:
        ConfigError: It is one.
    """
    if container.truncated:
        raise ConfigError("the file is cut after its colours, and edits come last; fetch it again")


def _check_ids(container: Container, edits: Sequence[Edit]) -> None:
    highest = max((max(targets_of(edit), default=0) for edit in edits), default=0)
    objects = count_objects(container, DEFAULT_LIMITS) if highest else 0
    if highest > objects:
        raise FormatError(f"EDIT: object {highest} is edited; the file has {objects} objects")
