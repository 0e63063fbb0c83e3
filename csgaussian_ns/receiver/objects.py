"""The objects of a scene as a Python user asks for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.core.texts import printable
from csgaussian_ns.semantic.names import named, numbered


@dataclass(frozen=True, repr=False)
class Objects:
    """In the order of their numbers; ``objects[3]`` is by number, ``objects["red mug"]`` by name or how it begins."""

    all: tuple[SceneObject, ...]

    def __repr__(self) -> str:
        told = ", ".join(f"{entry.id} {entry.name}".strip() for entry in self.all[:8])
        return f"<{len(self.all)} objects: {printable(told)}{', ...' if len(self.all) > 8 else ''}>"

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[SceneObject]:
        return iter(self.all)

    def __contains__(self, key: object) -> bool:
        return any(key in (entry, entry.id, entry.name) for entry in self.all)

    def __getitem__(self, key: Any) -> SceneObject:
        """The object of a number, of Python or of numpy, or of a name.

        Raises:
            QueryError: There is none, or several have that name; the message lists what there is.
        """
        if isinstance(key, Integral):
            return numbered(self.all, int(key))
        if not isinstance(key, str):
            raise QueryError(f"objects are asked for by number or name, not by {type(key).__name__}")
        found = named(self.all, key)
        if len(found) > 1:
            numbers = ", ".join(str(entry.id) for entry in found)
            raise QueryError(f"several objects are called {found[0].name!r}: {numbers}; ask by number")
        return found[0]
