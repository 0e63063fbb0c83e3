"""Texts as vectors for a question to a scene: encoded here, or read from a file."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from csgaussian_ns.core.errors import ConfigError, QueryError

if TYPE_CHECKING:
    import numpy as np

    from csgaussian_ns.core.semantic_layer import SemanticLayer
    from csgaussian_ns.semantic.text import TextEncoder


def encoder_for(layer: "SemanticLayer", weights: Path | None) -> "TextEncoder":
    """The encoder whose name the scene recorded, from a weights file.

    Raises:
        QueryError: The scene holds no embeddings.
        ConfigError: No weights are given.
        CsgError: The weights cannot be read, or are of another encoder.
    """
    from csgaussian_ns.semantic.text import architecture_of, load_openclip

    if not layer.text_encoder:
        raise QueryError(
            "the scene holds no text embeddings, so it cannot be asked by text; ask by name, id or pixel, or export it "
            "again with an encoder"
        )
    if weights is None:
        raise ConfigError(
            f"--text needs the encoder that the file names, {layer.text_encoder!r}: give its weights with "
            "--text-weights, or an encoded text with --vector"
        )
    encoder = load_openclip(weights, architecture_of(layer.text_encoder))
    if encoder.name != layer.text_encoder:
        raise QueryError(
            f"the weights {weights} are those of {encoder.name!r}, the scene's objects were described by "
            f"{layer.text_encoder!r}; their vectors cannot be compared. Give the weights that the sender used"
        )
    return encoder


def read_vector(path: Path) -> "np.ndarray":
    """A vector from a NumPy file (``.npy``).

    Raises:
        ConfigError: It cannot be read or holds anything but a row of numbers.
    """
    import numpy as np

    try:
        numbers = np.lib.format.read_array(io.BytesIO(path.read_bytes()), allow_pickle=False)  # it may be a pipe
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"--vector {path} cannot be read: {error}; expected a .npy file with one vector") from error
    if numbers.squeeze().ndim != 1 or numbers.dtype.kind not in "fiu":
        raise ConfigError(f"--vector {path} holds {numbers.dtype} {list(numbers.shape)}; expected one row of numbers")
    return numbers.squeeze().astype(np.float64)


def read_vectors(path: Path, names: Sequence[str]) -> "dict[str, np.ndarray]":
    """A vector for each of ``names`` from a JSON object of names and lists of numbers.

    Raises:
        ConfigError: It is not such an object, or a name is missing.
    """
    import numpy as np

    try:
        content = json.loads(path.read_text("utf8"))
        return {name: np.array([float(x) for x in content[name]], np.float64) for name in names}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"--vectors {path}: expected a JSON object with a list of numbers for each of {', '.join(names)}; {error!r}"
        ) from error
