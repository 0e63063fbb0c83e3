"""Shapes of arrays in annotations: those of jaxtyping where that is loaded, as by the tests, which check them.

jaxtyping loads asyncio, ssl and unittest.mock: a fifth of the time that ``csg info`` and ``csg edit`` take. Without it
an annotation is the plain type. Every module takes its shapes from here.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import (
        Bool,
        Float,
        Float32,
        Float64,
        Int,
        Int8,
        Int32,
        Int64,
        Integer,
        Shaped,
        UInt8,
        UInt16,
        UInt64,
    )
else:

    class Shaped:
        """``Shaped[type, "axes"]`` is the type."""

        def __class_getitem__(cls, item: tuple[Any, str]) -> Any:
            return item[0]

    Bool = Float = Float32 = Float64 = Int = Int8 = Int32 = Int64 = Integer = UInt8 = UInt16 = UInt64 = Shaped

__all__ = [
    "Bool",
    "Float",
    "Float32",
    "Float64",
    "Int",
    "Int8",
    "Int32",
    "Int64",
    "Integer",
    "Shaped",
    "UInt8",
    "UInt16",
    "UInt64",
]
