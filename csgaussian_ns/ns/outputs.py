"""Outputs of one view that are drawn when somebody asks for them."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping

from torch import Tensor


class Outputs(MutableMapping[str, Tensor]):
    """Images by name, ``[H, W, C]``. All names are there from the beginning; an image is drawn once it is asked for.

    nerfstudio calls for all outputs of a view and mostly looks at one, which it picks by name.
    """

    def __init__(self, drawn: Mapping[str, Tensor]) -> None:
        """Begin with what has been drawn."""
        self._drawn: dict[str, Tensor | None] = dict(drawn)
        self._draw: dict[str, Callable[[], Mapping[str, Tensor]]] = {}

    def later(self, names: tuple[str, ...], draw: Callable[[], Mapping[str, Tensor]]) -> None:
        """Add outputs that ``draw`` gives, all at once."""
        for name in names:
            self._drawn[name], self._draw[name] = None, draw

    @property
    def drawn(self) -> set[str]:
        """Names of those that somebody has asked for, and of those that came with them."""
        return {name for name, image in self._drawn.items() if image is not None}

    def __getitem__(self, name: str) -> Tensor:
        image = self._drawn[name]
        if image is None:
            self._drawn.update(self._draw[name]())
            image = self._drawn[name]
            assert image is not None, f"what draws {name} did not give it"
        return image

    def __setitem__(self, name: str, image: Tensor) -> None:
        self._drawn[name] = image

    def __delitem__(self, name: str) -> None:
        del self._drawn[name]

    def __contains__(self, name: object) -> bool:
        return name in self._drawn

    def __iter__(self) -> Iterator[str]:
        return iter(self._drawn)

    def __len__(self) -> int:
        return len(self._drawn)
