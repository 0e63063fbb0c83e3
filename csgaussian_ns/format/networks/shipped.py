"""Networks that do not travel in files: they come with the package, and an entropy model names them by their hash.

What scenes share (a network trained on many of them) need not be paid for by each. ``shipped`` holds one file per
network, in the layout of ``network_bytes``, called by the SHA-256 of its bytes; none is shipped yet.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from csgaussian_ns.core.errors import FormatError, UnsupportedVersion
from csgaussian_ns.format.networks.fixed_point import IntegerNetwork
from csgaussian_ns.format.networks.network_bytes import from_bytes

FOLDER = Path(__file__).parent / "shipped"


@lru_cache
def shipped_network(digest: bytes) -> IntegerNetwork:
    """The network whose bytes have this SHA-256 (32 bytes), read once per process.

    Raises:
        UnsupportedVersion: This version does not have it.
        FormatError: The installed file is not the one it is called after.
    """
    file = FOLDER / f"{digest.hex()}.bin"
    if not file.is_file():
        raise UnsupportedVersion(f"the file needs network {digest.hex()[:16]}.., which a newer version may bring")
    data = file.read_bytes()
    found = sha256(data).hexdigest()
    if found != digest.hex():
        raise FormatError(
            f"{file.name} is network {found[:16]}.., not {digest.hex()[:16]}.., the network that it is called after; "
            "install the package again"
        )
    return from_bytes(data)
