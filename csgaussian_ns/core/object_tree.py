"""What objects are parts of: objects may make up a whole, and wholes larger ones."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Ids = tuple[int, ...]
"""Objects, by ascending number."""
MOST_LEVELS = 16
"""Wholes that may lie in one another: each lists its objects."""


@dataclass(frozen=True)
class ObjectTree:
    """A forest above the objects 1..N of a scene. Its wholes are numbered on from N + 1; parts come before wholes.

    Attributes:
        objects: How many objects there are, N.
        parents: Of each object and then of each whole the whole that it is a part of, from 1 on; 0 for none.
    """

    objects: int
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what is no forest.

        Raises:
            ValueError: Too few parents, one that there is not, a whole that lies in itself or too deep, or
                one of a single part.
        """
        wholes = len(self.parents) - self.objects
        if wholes < 0:
            raise ValueError(f"{len(self.parents)} parents; expected one for each of {self.objects} objects")
        parts = [0] * (wholes + 1)
        for place, parent in enumerate(self.parents):
            own = place + 1 - self.objects
            if not 0 <= parent <= wholes:
                raise ValueError(f"node {place + 1} is a part of whole {parent}; expected 0..{wholes}")
            if 0 < parent <= own:
                raise ValueError(
                    f"whole {own} is a part of whole {parent}, which is itself or before it; wholes come after their "
                    "parts, so that none lies in itself"
                )
            parts[parent] += 1
        level = [0] * (wholes + 1)
        for own in range(wholes, 0, -1):
            level[own] = level[self.parents[self.objects + own - 1]] + 1
        if max(level) > MOST_LEVELS:
            raise ValueError(f"{max(level)} wholes lie in one another; expected at most {MOST_LEVELS}")
        few = [number for number in range(1, wholes + 1) if parts[number] < 2]
        if few:
            raise ValueError(f"whole {few[0]} has {parts[few[0]]} parts; expected at least 2")

    @property
    def wholes(self) -> int:
        """How many there are."""
        return len(self.parents) - self.objects

    def parts_of(self, node: int) -> Ids:
        """Objects and wholes that whole ``node``, from N + 1 on, is made of, by their numbers; none of an object."""
        return tuple(place + 1 for place, parent in enumerate(self.parents) if parent == node - self.objects > 0)

    def members(self) -> list[Ids]:
        """The objects that each node is made of, by its number less 1; an object is made of itself."""
        found: list[list[int]] = [[n + 1] if n < self.objects else [] for n in range(len(self.parents))]
        for place, parent in enumerate(self.parents):
            if parent:
                found[self.objects + parent - 1] += found[place]
        return [tuple(sorted(own)) for own in found]

    def chain(self, number: int) -> tuple[Ids, ...]:
        """An object alone, then what it is a part of, from small to large."""
        if not 1 <= number <= self.objects:
            return ((number,),)
        members, chain = self.members(), list[Ids]([(number,)])
        parent = self.parents[number - 1]
        while parent:
            chain.append(members[self.objects + parent - 1])
            parent = self.parents[self.objects + parent - 1]
        return tuple(chain)

    def without(self, stay: Sequence[int]) -> "ObjectTree":
        """The tree of the objects ``stay`` alone, which then count from 1; wholes with fewer than two parts go."""
        heirs: dict[int, list[int]] = {}  # of each whole, the numbers of its parts that are left, new ones of wholes
        parents, wholes = [0] * len(stay), list[int]()
        new = {old: place for place, old in enumerate(stay)}
        for place, parent in enumerate(self.parents):
            node = place + 1
            if node > self.objects:
                left = heirs.get(node - self.objects, [])
                if len(left) > 1:
                    wholes.append(0)
                    for part in left:
                        (parents if part >= 0 else wholes)[part if part >= 0 else -part - 1] = len(wholes)
                    left = [-len(wholes)]
            else:
                left = [new[node]] if node in new else []
            if parent:
                heirs.setdefault(parent, []).extend(left)
        return ObjectTree(len(stay), (*parents, *wholes))


def side_by_side(trees: Iterable[ObjectTree]) -> ObjectTree:
    """Trees side by side, their objects and wholes numbered on."""
    objects, of_objects, of_wholes = 0, list[int](), list[int]()
    for tree in trees:
        moved = [parent + len(of_wholes) if parent else 0 for parent in tree.parents]
        of_objects += moved[: tree.objects]
        of_wholes += moved[tree.objects :]
        objects += tree.objects
    return ObjectTree(objects, (*of_objects, *of_wholes))


def larger(tree: ObjectTree | None, ids: Collection[int]) -> Ids:
    """The smallest whole that some objects are but a part of; the objects themselves where there is none."""
    chosen = set(ids)
    wholes = [own for own in (tree.members() if tree and chosen else []) if chosen < set(own)]
    return min(wholes, key=len, default=tuple(sorted(chosen)))


def smaller(tree: ObjectTree | None, ids: Collection[int], towards: int) -> Ids:
    """The largest part of some objects that object ``towards`` is in; the objects themselves where there is none."""
    chosen = set(ids)
    parts = [own for own in (tree.members() if tree else []) if towards in own and set(own) < chosen]
    return max(parts, key=len, default=tuple(sorted(chosen)))
