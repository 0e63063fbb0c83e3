"""Folders that ``csg`` writes pictures to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import make_folder

NUMBERED_PICTURE = re.compile(r"(orbit|view)_[0-9]{4,}\.png")
"""What the pictures of an orbit, and of views that a file tells of, are called."""


@contextmanager
def output_folder(path: Path) -> Iterator[None]:
    """A folder for what the block writes; if the block fails, folders that were made for it and are empty go again.

    Raises:
        ConfigError: It cannot be made.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        make_folder(path)
        yield
    except BaseException:
        for folder in made:
            with suppress(OSError):  # not empty
                folder.rmdir()
        raise


def remove_earlier(folder: Path) -> None:
    """Remove the numbered pictures of an earlier call, which could be taken for those of the next; all else stays.

    Raises:
        ConfigError: One cannot be removed.
    """
    for path in sorted(folder.iterdir()):
        if NUMBERED_PICTURE.fullmatch(path.name) and path.is_file():
            try:
                path.unlink(missing_ok=True)  # another call may do the same
            except OSError as error:
                raise ConfigError(
                    f"cannot replace {path} of an earlier call: {error.strerror}; choose another output"
                ) from error
