"""Weights of other people's networks: files that the user names, read without unpickling and never fetched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from csgaussian_ns.core.errors import CheckpointError, ConfigError


def read_weights(file: Path, read: Callable[[Path], Any], what: str, advice: str) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name.

    Args:
        file: Where it is.
        read: Its library's reader, which must not unpickle anything but tensors.
        what: What it should be, for messages.
        advice: Where to get one.

    Raises:
        ConfigError: No such file.
        CheckpointError: It is cut, damaged, or holds something else.
    """
    if not file.is_file():
        raise ConfigError(f"{what} {file}: there is no such file. {advice}")
    try:
        state = read(file)
    except Exception as error:  # the readers of foreign bytes raise what they meet
        raise CheckpointError(
            f"{what} {file} ({file.stat().st_size / 1e6:.1f} MB) cannot be read: damaged, incomplete, or no checkpoint "
            f"({type(error).__name__}: {short(error)}). {advice}"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{what} {file}: it holds no table of tensors. {advice}")
    return state


def short(error: BaseException, lines: int = 3, width: int = 300) -> str:
    """An error's text in one line: torch lists hundreds of tensors, one per line."""
    return " ".join(" ".join(str(error).splitlines()[:lines]).split())[:width]
