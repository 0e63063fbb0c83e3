"""What a reader of a representation is asked for, and what it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import Facts
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.scene.scene import Scene


@dataclass(frozen=True)
class Wanted:
    """What to read, and how; see ``receiver.load.load``."""

    limits: DecodeLimits = DEFAULT_LIMITS
    chunks: Sequence[int] | None = None
    semantics: bool = True
    threads: int | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    edits: bool = True


@runtime_checkable
class Coded(Protocol):
    """What was decoded, whatever it is made of: ``format.scene.CodedScene`` for one. As it was before any edit."""

    @property
    def meta(self) -> Facts:
        """Facts."""
        ...

    @property
    def semantics(self) -> SemanticLayer | None:
        """What is known of each row."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether the file was cut after its colours."""
        ...

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What shall be seen of it."""
        ...

    @property
    def slots(self) -> Bool[np.ndarray, "R K"]:
        """Which of its slots each row draws a Gaussian in."""
        ...

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def digest(self) -> str:
        """SHA-256 of all that was decoded."""
        ...

    def named_arrays(self) -> dict[str, np.ndarray]:
        """All rows as arrays, by name.

        Raises:
            ConfigError: They have none in common.
        """
        ...


class Opened(NamedTuple):
    """A scene as it comes out of a file, before any edit.

    Attributes:
        scene: To be drawn.
        rows: What its rows are called, in the plural.
        coded: What was decoded.
    """

    scene: Scene
    rows: str
    coded: Coded


Reader = Callable[[Container, Wanted], Opened]
