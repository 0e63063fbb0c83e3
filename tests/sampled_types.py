"""Types and shapes of arguments, checked in some rounds of a long loop: in all of them it takes three times as long."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import config

ONE_IN = 19
"""Prime, so that whatever repeats in a loop meets the checks too."""


@contextmanager
def types_sampled(number: int) -> Iterator[None]:
    """Round ``number`` calls functions as a user does, without jaxtyping around them; one round of 19, with it."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", before or number % ONE_IN != 0)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", before)
