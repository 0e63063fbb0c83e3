"""Types of options that may be left out."""

from typing import TypeVar, Union

T = TypeVar("T")

Maybe = Union[T, None]  # noqa: UP007
"""``Maybe[str]`` is ``str | None`` in words that tyro checks a default against without typeguard, which takes 0.2 s."""
