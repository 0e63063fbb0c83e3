"""Where the weights lie that a file of latents names."""

import os
from functools import lru_cache
from pathlib import Path

from csgaussian_ns.core.errors import CheckpointError
from csgaussian_ns.feedforward.model import Model, read_model
from csgaussian_ns.format.latents.weights import MOST_BYTES

VARIABLE = "CSG_WEIGHTS"
"""Of the environment: a file of weights, or a folder with files called by their SHA-256."""
SUFFIX = ".csgw"


def model_named(digest: str) -> Model:
    """The model that a file names.

    Args:
        digest: SHA-256 of its file of weights, in hexadecimal digits.

    Raises:
        CheckpointError: It is not found, cannot be read, or is another one.
        FormatError: The file is none of weights, or damaged.
    """
    named = os.environ.get(VARIABLE, "")
    if not named:
        raise CheckpointError(
            f"the scene is decoded by the weights {digest}, which do not come with this package; name their file in "
            f"the environment variable {VARIABLE}, or a folder that holds them as {digest[:16]}..{SUFFIX}"
        )
    path = Path(named)
    if path.is_dir():
        path /= f"{digest}{SUFFIX}"
    try:
        state = path.stat()
        model = _read(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise CheckpointError(f"{VARIABLE}: the weights {digest} cannot be read: {error}") from error
    if model.digest != digest:
        raise CheckpointError(
            f"the scene is decoded by the weights {digest}, {VARIABLE} names {path} with {model.digest}; other weights "
            "make no picture of it"
        )
    return model


@lru_cache(maxsize=4)
def _read(path: Path, size: int, changed: int) -> Model:
    """A file, read again when its size or its time has changed."""
    with path.open("rb") as file:
        return read_model(file.read(min(size, MOST_BYTES) + 1))
