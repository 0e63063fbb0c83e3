"""Sizes of files as people write them."""

import re

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.texts import quoted

UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1000, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}
UNITS |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
LARGEST = 1 << 50
_SIZE = re.compile(r"(\d+\.?\d*|\.\d+)\s*([A-Za-z]*)")


def parse_size(text: str, option: str) -> int:
    """Bytes of ``500kB``, ``1.5 MB``, ``480KiB`` or ``500000``; units in any case, k is 1000, Ki is 1024.

    Raises:
        ConfigError: It is no size, less than a byte, or more than ``LARGEST``; the message begins with ``option``.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = UNITS.get(match[2].lower()) if match else None
    size = round(float(match[1]) * unit) if match and unit and len(match[1]) < 20 else 0
    if not 1 <= size <= LARGEST:
        raise ConfigError(f"{option} {quoted(text)}: expected a size such as 500kB, 1.5MB, 480KiB or 500000 (bytes)")
    return size
