"""The shipped tables of the format, one file of little-endian integers each. Readers and writers load them alone.

An erfc, a tanh or a sine of a maths library may differ in its last bit between machines, so no device computes them.
FORMAT.md says what each holds; scripts/make_tables.py builds them.
"""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int64

FOLDER = Path(__file__).parent
SHA256 = {
    "symbols.bin": "47158647da311bc5ff3c06fc01341c922bb8c37ca628bf7ab7a0c9917c0b6456",
    "steps.bin": "045f2651b21e78c184f6bc23e6e557e5ab8287bda4fbeaa6a1c0d5bd12afc605",
    "log_steps.bin": "de8a893ff050147bf30028968f2f64dc8f2205edf4388922cb5272ff5a675e74",
    "sines.bin": "72a8f3b68be5634c754fca2448bcd3616257326f1fdb1908d73df310a46d29d8",
}


def shipped(name: str) -> bytes:
    """The content of a table.

    Raises:
        FormatError: The installed file is not the one this version was released with: with it everything would decode
            to garbage.
    """
    data = (FOLDER / name).read_bytes()
    if sha256(data).hexdigest() != SHA256[name]:
        raise FormatError(f"{name} is not the one this version was released with; install the package again")
    return data


@lru_cache
def integers(name: str) -> Int64[np.ndarray, " entries"]:
    """The numbers of a table of i32, read-only, read once per process; errors as of ``shipped``."""
    numbers = np.frombuffer(shipped(name), "<i4").astype(np.int64)
    numbers.flags.writeable = False
    return numbers
