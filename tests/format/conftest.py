"""What tests of several coders share."""

from pathlib import Path

import pytest

from tests.made_once import made_once


@pytest.fixture(scope="session")
def checked_kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder for kernels that are compiled with bounds checks, by whichever test of any worker needs one first."""
    return made_once(tmp_path_factory, "checked_kernels", lambda _: None)
