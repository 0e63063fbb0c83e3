"""Imports modules in a fresh process while chosen packages cannot be imported.

import-linter reads source files. It does not see what an eager parent ``__init__`` or a lazy helper pulls in when a
module is really loaded; this does. tests/test_architecture.py also proves that the blocker blocks.
"""

import subprocess
import sys
from collections.abc import Iterable

_BLOCKER = """
import sys

blocked = set(sys.argv.pop(1).split(","))

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is blocked by the test")

sys.meta_path.insert(0, Blocker)
"""

_IMPORTS = """
import importlib

then, *modules = sys.argv[1:]
for module in modules:
    try:
        importlib.import_module(module)
    except ImportError as error:
        print(f"{module}: {error}")
exec(then)
print("loaded:", " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def command_without(blocked: Iterable[str], program: str, *arguments: str) -> list[str]:
    """Runs ``program`` with ``sys`` imported and these arguments in ``sys.argv``, without the ``blocked`` packages."""
    return [sys.executable, "-c", _BLOCKER + program, ",".join(blocked), *arguments]


def import_without(
    modules: Iterable[str], blocked: Iterable[str], folder: str | None = None, then: str = "pass"
) -> tuple[list[str], set[str]]:
    """Import ``modules`` one after another in a new interpreter where ``blocked`` packages raise ImportError.

    Args:
        modules: Full module names.
        blocked: Top-level package names.
        folder: Working directory of the new interpreter, from which modules can be imported too.
        then: Program that runs after the imports; its lines come after those of the failures.

    Returns:
        One line per module that failed, and the top-level packages that were loaded at the end.
    """
    command = command_without(blocked, _IMPORTS, then, *modules)
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines and lines[-1].startswith("loaded:"), done.stdout
    return lines[:-1], set(lines[-1].split()[1:])
