"""What a command answers: words for people, or the same facts for programs."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import tyro

from csgaussian_ns.tools.terminal import tell, tell_json

AsJson = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Print one JSON object instead of words.")]
"""Type of the field ``json`` that every command has."""


def answer(as_json: bool, facts: Mapping[str, Any], words: str | Callable[[], None]) -> None:
    """Print what a command found or did, which is all that it prints on stdout.

    Args:
        as_json: Whether programs listen.
        facts: Plain values by name, for JSON; sizes in bytes, times in seconds, files as they were given.
        words: One line, or a function that tells more than one.

    Raises:
        BrokenPipeError, ConfigError: As ``terminal.delivered``.
    """
    if as_json:
        tell_json(facts)
    elif isinstance(words, str):
        tell(words)
    else:
        words()
