"""What tests of several coders share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def checked_kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder for kernels that are compiled with bounds checks, by whichever test needs one first."""
    return tmp_path_factory.mktemp("checked_kernels")
