"""What lists of scenes say, which people write by hand: JSON files, with or without a mark of their encoding."""

import json
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import DataError


def read_json(path: Path, expected: str) -> Any:
    """What a file says.

    Args:
        path: The file.
        expected: What it should hold, for people.

    Raises:
        DataError: It cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; {expected}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}; {expected}") from error
