"""csgaussian: small, streamable, understandable splat assets. Importing this package imports nothing heavy.

What ``__all__`` lists is stable: within a major version names, arguments and meanings stay. All else in submodules may
change at any time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csgaussian_ns.core.edits import Crop, Keep, Move, Recolour, Remove, Rename, Rotate, Scale, Target
    from csgaussian_ns.core.errors import (
        BackendUnavailable,
        ConfigError,
        CsgError,
        DataError,
        FormatError,
        LimitExceeded,
        QueryError,
        UnsupportedVersion,
    )
    from csgaussian_ns.core.semantic_layer import SceneObject
    from csgaussian_ns.core.types import Camera, Rendering
    from csgaussian_ns.format.limits import DecodeLimits
    from csgaussian_ns.receiver.growing import stream
    from csgaussian_ns.receiver.load import load
    from csgaussian_ns.receiver.scene import LoadedScene
    from csgaussian_ns.semantic.appearance import Appearance, Hide, Highlight, Isolate

__version__ = "0.1.0"
_ERRORS = (
    "BackendUnavailable",
    "ConfigError",
    "CsgError",
    "DataError",
    "FormatError",
    "LimitExceeded",
    "QueryError",
    "UnsupportedVersion",
)
_EDITS = ("Crop", "Keep", "Move", "Recolour", "Remove", "Rename", "Rotate", "Scale", "Target")
_HOMES = {
    **dict.fromkeys(_ERRORS, "core.errors"),
    **dict.fromkeys(_EDITS, "core.edits"),
    "SceneObject": "core.semantic_layer",
    **dict.fromkeys(("Camera", "Rendering"), "core.types"),
    "DecodeLimits": "format.limits",
    "load": "receiver.load",
    "stream": "receiver.growing",
    "LoadedScene": "receiver.scene",
    **dict.fromkeys(("Appearance", "Hide", "Highlight", "Isolate"), "semantic.appearance"),
}
__all__ = [
    "Appearance",
    "BackendUnavailable",
    "Camera",
    "ConfigError",
    "Crop",
    "CsgError",
    "DataError",
    "DecodeLimits",
    "FormatError",
    "Hide",
    "Highlight",
    "Isolate",
    "Keep",
    "LimitExceeded",
    "LoadedScene",
    "Move",
    "QueryError",
    "Recolour",
    "Remove",
    "Rename",
    "Rendering",
    "Rotate",
    "Scale",
    "SceneObject",
    "Target",
    "UnsupportedVersion",
    "__version__",
    "load",
    "stream",
]


def __getattr__(name: str) -> Any:  # any public name
    """Import public names when they are first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'csgaussian_ns' has no attribute {name!r}")
    value = getattr(import_module(f"csgaussian_ns.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
