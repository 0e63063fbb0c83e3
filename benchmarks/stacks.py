"""What stands on or in what in a demo scene: the wholes that its objects are parts of."""

import json
from pathlib import Path

import numpy as np

RAISED = 0.006
"""Above the table, from which something stands on something else, in metres."""
UNDER = 0.012
"""How far below the lowest point of a thing lies what it stands on; in a bowl that is a little above it."""
SIDES = 0.15
"""Share of its foot that is left out on each side: neighbours reach under the corners of its box."""
FEWEST = 12
"""Surface points of what carries it, below a thing."""


def wholes_of(root: Path) -> list[tuple[int, ...]]:
    """Ids of the objects of each stack, of two or more, by falling size.

    Args:
        root: Folder of a demo scene.
    """
    content = (root / "instance_points.ply").read_bytes()
    rows = np.frombuffer(content.split(b"end_header\n", 1)[1], [("place", "<f4", 3), ("owner", "u1")])
    place, owner = rows["place"].astype(np.float64), rows["owner"]
    ids = sorted(int(key) for key in json.loads((root / "instances.json").read_text()) if int(key) > 0)
    table = min(place[owner == number, 2].min() for number in ids)
    root_of = {number: number for number in ids}

    def top(number: int) -> int:
        return number if root_of[number] == number else top(root_of[number])

    for number in ids:
        own = place[owner == number]
        lowest = own[:, 2].min()
        if lowest - table < RAISED:
            continue
        foot = own[own[:, 2] < lowest + 0.02]
        low, high = np.quantile(foot[:, :2], (SIDES, 1 - SIDES), axis=0)
        near = (np.abs(place[:, 2] - lowest) < UNDER) & ((place[:, :2] > low) & (place[:, :2] < high)).all(axis=1)
        for other in ids:
            if other != number and (near & (owner == other)).sum() >= FEWEST:
                root_of[top(number)] = top(other)
    stacks = [tuple(n for n in ids if top(n) == first) for first in ids if top(first) == first]
    return sorted((stack for stack in stacks if len(stack) > 1), key=lambda stack: (-len(stack), stack))
