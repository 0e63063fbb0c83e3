"""Which objects of a list a number or a name means."""

from collections.abc import Iterable, Sequence

from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.core.texts import printable

LISTED = 30
"""Names that an error message lists at most."""


def numbered(objects: Sequence[SceneObject], number: int) -> SceneObject:
    """The one of an id.

    Raises:
        QueryError: There is none of that id; the message lists what there is.
    """
    return all_numbered(objects, [number])[0]


def all_numbered(objects: Sequence[SceneObject], numbers: Iterable[int]) -> list[SceneObject]:
    """Those of some ids, in their order; errors as of ``numbered``."""
    known = {entry.id: entry for entry in objects}
    numbers = list(numbers)
    for number in numbers:
        if number not in known:
            raise QueryError(f"there is no object {number}; the scene has {listing(objects)}")
    return [known[number] for number in numbers]


def named(objects: Sequence[SceneObject], name: str) -> list[SceneObject]:
    """All that are called exactly so, or those of the one name that begins so; any case.

    Raises:
        QueryError: No such object, or several names begin so; the message lists them.
    """
    wanted = name.strip().casefold()
    found = [entry for entry in objects if wanted and entry.name.casefold() == wanted]
    if found:
        return found
    found = [entry for entry in objects if wanted and entry.name.casefold().startswith(wanted)]
    if len({entry.name.casefold() for entry in found}) == 1:
        return found
    if found:
        raise QueryError(f"{name!r} begins the names of several objects: {listing(found)}; give more of one")
    if not any(entry.name for entry in objects):
        raise QueryError(f"no object of this scene has a name, so {name!r} cannot be found; ask by id or by pixel")
    raise QueryError(f"there is no object called {name!r}; the scene has {listing(objects)}")


def listing(objects: Sequence[SceneObject]) -> str:
    """Some objects, for messages."""
    told = [f"{entry.id} {entry.name}".strip() for entry in objects[:LISTED]]
    more = f" and {len(objects) - LISTED} more" if len(objects) > LISTED else ""
    return printable(", ".join(told) or "no objects") + more
