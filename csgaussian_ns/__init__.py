"""csgaussian: small, streamable, understandable splat assets. Importing this package imports nothing heavy."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csgaussian_ns.codec.decode import decode as load
    from csgaussian_ns.format.limits import DecodeLimits

__version__ = "0.1.0"
__all__ = ["DecodeLimits", "__version__", "load"]


def __getattr__(name: str) -> Any:  # any public name
    """Import ``load`` and ``DecodeLimits`` when they are first asked for."""
    if name == "load":
        from csgaussian_ns.codec.decode import decode

        return decode
    if name == "DecodeLimits":
        from csgaussian_ns.format.limits import DecodeLimits

        return DecodeLimits
    raise AttributeError(f"module 'csgaussian_ns' has no attribute {name!r}")
