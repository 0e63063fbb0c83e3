"""Untrusted bytes, read from front to back and never beyond their end."""

import struct
from typing import Any

import numpy as np

from csgaussian_ns.core.errors import FormatError

_LENGTH = struct.Struct("<I")


class ByteReader:
    """Takes bytes from the front, without copying them: memory stays within what is there.

    Args:
        data: What to read.
        what: Its name, for messages.

    Every method raises FormatError where the bytes end too early.
    """

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self._data, self._what, self._at = memoryview(data), what, 0

    @property
    def left(self) -> int:
        """Bytes that nobody took."""
        return len(self._data) - self._at

    def take(self, size: int) -> memoryview:
        """The next ``size`` bytes."""
        if size > self.left:
            raise FormatError(f"{self._what}: {len(self._data)} bytes end inside a part of {size} at byte {self._at}")
        self._at += size
        return self._data[self._at - size : self._at]

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        """The next numbers of this form."""
        return form.unpack(self.take(form.size))

    def array(self, kind: str, count: int) -> np.ndarray:
        """The next ``count`` numbers of a numpy type, read-only."""
        return np.frombuffer(self.take(np.dtype(kind).itemsize * count), kind)

    def block(self) -> memoryview:
        """The next bytes that stand behind their length as u32."""
        return self.take(self.unpack(_LENGTH)[0])

    def rest(self) -> memoryview:
        """All that is left."""
        return self.take(self.left)

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            FormatError: Something is.
        """
        if self.left:
            raise FormatError(f"{self._what}: {self.left} bytes too many behind byte {self._at}")
