"""What a reader is willing to spend on an untrusted file. Every bound is checked before memory is taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from csgaussian_ns.core.errors import LimitExceeded

BYTES_PER_SYMBOL = 64
"""Memory that decoding a chunk takes at most, per channel of an anchor; measured 40."""


@dataclass(frozen=True)
class DecodeLimits:
    """Bounds on one file. The defaults hold any scene a workstation can show; a service may want less.

    Attributes:
        max_file_bytes: Length of the file.
        max_sections: Entries of the table of contents.
        max_rows: Anchors or Gaussians of the whole scene.
        max_symbols_per_chunk: Coded values of one section.
        max_memory_bytes: Memory that decoding may take at one time, estimated by the decoder.
        max_network_operations: Multiplications of all networks in the file, evaluated once for every anchor: minutes of
            one core.
    """

    max_file_bytes: int = 1 << 31
    max_sections: int = 1 << 16
    max_rows: int = 1 << 24
    max_symbols_per_chunk: int = 1 << 26
    max_memory_bytes: int = 1 << 33
    max_network_operations: int = 1 << 40

    def check(self, limit: str, value: int, where: str) -> None:
        """Refuse ``value`` where it is above a limit.

        Args:
            limit: Name of one of the attributes.
            value: What the file asks for.
            where: What asks for it, for the message.

        Raises:
            LimitExceeded: It is above.
        """
        bound = getattr(self, limit)
        if value > bound:
            raise LimitExceeded(
                f"{where}: {value} is more than {limit} = {bound}. "
                f"If you trust the file, read it with DecodeLimits({limit}={value})."
            )


DEFAULT_LIMITS = DecodeLimits()


@contextmanager
def within_memory(limits: DecodeLimits) -> Iterator[None]:
    """Where the machine has less memory than the limits allow, say so.

    Raises:
        LimitExceeded: It has.
    """
    try:
        yield
    except MemoryError as error:
        raise LimitExceeded(
            f"decoding needs more memory than this machine gives ({error}); decode some chunks at a time, or bound it "
            f"by max_memory_bytes, which is {limits.max_memory_bytes}"
        ) from error
