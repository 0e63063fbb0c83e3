"""The command as it is called."""

from tests.tools.conftest import csg

__all__ = ["csg"]
