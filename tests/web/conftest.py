"""A browser for all tests of a file."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.visits import DRAWING, browser_with


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One that draws by software."""
    with browser_with(*DRAWING) as started:
        yield started
