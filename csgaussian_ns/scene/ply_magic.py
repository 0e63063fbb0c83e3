"""How a ``.ply`` file begins; apart from its reader, so that whoever only asks loads no numpy."""

from io import BufferedIOBase

MAGIC = b"ply"


def is_ply(stream: BufferedIOBase) -> bool:
    """Whether a seekable file begins like a PLY file where the stream stands; it then stands there again."""
    found = stream.read(len(MAGIC) + 1)
    stream.seek(-len(found), 1)
    return found in (MAGIC + b"\n", MAGIC + b"\r")
