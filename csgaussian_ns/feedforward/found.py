"""Where the weights lie that a file of latents names, and those that photos are compressed by."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from csgaussian_ns.core.errors import CheckpointError
from csgaussian_ns.feedforward.model import Model, read_model
from csgaussian_ns.format.latents.weights import MOST_BYTES

VARIABLE = "CSG_WEIGHTS"
"""Of the environment: a file of weights, or a folder with files called by their SHA-256."""
OPTION = "--weights"
"""Of commands: the same."""
SUFFIX = ".csgw"
SHIPPED = Path(__file__).parent / "shipped"
"""Weights that come with the package, each file called by its SHA-256: those of now, and others that files name."""
CURRENT = SHIPPED / "current.txt"
"""Says which of them photos are compressed by where nothing else is named."""


class _Named:
    """What an option names."""

    path: Path | None = None


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """While the block runs, weights are looked for there before the environment is asked; ``None`` changes nothing."""
    before = _Named.path
    _Named.path = path or before
    try:
        yield
    finally:
        _Named.path = before


def _told() -> tuple[str, Path | None]:
    """Who names a file or folder, and which."""
    if _Named.path is not None:
        return OPTION, _Named.path
    named = os.environ.get(VARIABLE, "")
    return VARIABLE, Path(named) if named else None


def model_named(digest: str) -> Model:
    """The model that a file names: that of the package, or what an option or the environment names.

    Args:
        digest: SHA-256 of its file of weights, in hexadecimal digits.

    Raises:
        CheckpointError: It is not found, cannot be read, or is another one.
        FormatError: The file is none of weights, or damaged.
    """
    shipped = SHIPPED / f"{digest}{SUFFIX}"
    who, path = ("this package", shipped) if shipped.is_file() else _told()
    if path is None:
        raise CheckpointError(
            f"the scene is decoded by the weights {digest}, which do not come with this package; name their file by "
            f"{OPTION} or in the environment variable {VARIABLE}, or a folder that holds them as "
            f"{digest[:16]}..{SUFFIX}"
        )
    if path.is_dir():
        path /= f"{digest}{SUFFIX}"
    model = _opened(path, f"{who}: the weights {digest}")
    if model.digest != digest:
        raise CheckpointError(
            f"the scene is decoded by the weights {digest}, {who} names {path} with {model.digest}; other weights "
            "make no picture of it"
        )
    return model


def model_to_compress_by() -> Model:
    """The model of the file that an option or the environment names; else that of the package.

    Raises:
        CheckpointError: It cannot be read, or is a folder.
        FormatError: The file is none of weights, or damaged.
    """
    who, path = _told()
    if path is None:
        who, path = "this package", SHIPPED / f"{CURRENT.read_text('ascii').strip()}{SUFFIX}"
    if path.is_dir():
        raise CheckpointError(f"{who} {path} is a folder; photos are compressed by one file in it, name that")
    return _opened(path, f"{who}: the weights")


def _opened(path: Path, what: str) -> Model:
    try:
        state = path.stat()
        return _read(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise CheckpointError(f"{what} cannot be read: {error}") from error


@lru_cache(maxsize=4)
def _read(path: Path, size: int, changed: int) -> Model:
    """A file, read again when its size or its time has changed."""
    with path.open("rb") as file:
        return read_model(file.read(min(size, MOST_BYTES) + 1))
