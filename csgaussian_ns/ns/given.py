"""What nerfstudio's commands are given: the run they shall look at, and how they tell what is wrong.

A config.yml names the folder that its run was made in. Whoever moves, renames or copies a run means the copy, but
nerfstudio does not hand on which file it was given.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nerfstudio.configs.experiment_config import ExperimentConfig

from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.texts import one_line


class _Given:
    """The folder of the config.yml that is being loaded."""

    folder: Path | None = None


@contextmanager
def given_run(config_file: Path) -> Iterator[None]:
    """While a run is loaded: it is the one in the folder of this file."""
    before, _Given.folder = _Given.folder, config_file.parent
    try:
        yield
    finally:
        _Given.folder = before


def folder_given() -> Path:
    """Where the run lies that is being loaded.

    Raises:
        ConfigError: None is: nerfstudio was asked by a program that does not say so.
    """
    if _Given.folder is None:
        raise ConfigError("no folder of a run is known; load it by a command of nerfstudio, or inside of given_run")
    return _Given.folder


def folder_of(config: ExperimentConfig) -> Path | None:
    """Where the run lies that is being loaded; ``None`` where one is trained, or its checkpoints stayed behind."""
    folder = _Given.folder
    return folder if folder is not None and (folder / config.relative_model_dir).is_dir() else None


def looking(command: Any) -> Any:
    """A command of nerfstudio that was parsed; one that looks at a run knows now where that is.

    And what of ours goes wrong in it is told in one line.
    """
    config_file, main = getattr(command, "load_config", None), getattr(command, "main", None)
    if isinstance(command, ExperimentConfig) or not isinstance(config_file, Path) or main is None:
        return command

    def run() -> None:
        try:
            with given_run(config_file):
                main()
        except CsgError as error:
            sys.exit(f"{Path(sys.argv[0]).name}: {one_line(error)}")

    command.main = run
    return command
