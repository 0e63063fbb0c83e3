"""Modules of others that ours import are loaded from their compiled files, under jaxtyping's import hook too.

jaxtyping looks for compiled files of another name while a module of ours is executed, and so for everything that is
imported meanwhile: 1900 modules of torch, scipy, nerfstudio, ... would be compiled from source in every process, 17 s
of it. Its own name is needed for the code of our modules alone, which is what it rewrites.
"""

from functools import partial
from importlib.machinery import SourceFileLoader
from types import CodeType
from unittest.mock import patch

from jaxtyping import _import_hook


class _Loader(_import_hook._JaxtypingLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        named = partial(_import_hook._optimized_cache_from_source, self._typechecker.get_hash())
        with patch("importlib._bootstrap_external.cache_from_source", named):
            return super().get_code(fullname)

    exec_module = SourceFileLoader.exec_module


def use_compiled_imports() -> None:
    """From now on. jaxtyping's finder asks its module for the loader each time."""
    _import_hook._JaxtypingLoader = _Loader
