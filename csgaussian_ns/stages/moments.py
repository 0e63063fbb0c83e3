"""Values that hold for a moment of training, and are asked for more often than they change."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerMoment(Generic[T]):
    """A value that is computed once for each moment. Whoever asks says which moment it is: nobody has to forget it."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: tuple[Hashable, T] | None = None

    def at(self, moment: Hashable, compute: Callable[[], T]) -> T:
        """The value of ``moment``, which ``compute`` gives unless it was the last one that was asked for."""
        if self._known is None or self._known[0] != moment:
            self._known = moment, compute()
        return self._known[1]
