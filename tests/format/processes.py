"""Runs programs in fresh interpreters: with bounds checks in compiled code, without numba, with little memory."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 3 << 30  # of address space, most of which is what numba's compiler maps


def run_python(
    program: str,
    *,
    numba: bool = True,
    checked_kernels: Path | None = None,
    torch: bool = False,
    memory: int = MEMORY,
    seconds: int = 200,
) -> str:
    """What ``program`` prints.

    Args:
        program: Python source; the files of this folder can be imported.
        numba: False hides numba, so kernels run interpreted.
        checked_kernels: A folder for kernels with bounds checks and nothing else; then such are used.
        torch: The program uses it; its libraries alone may map more than ``memory``.
        memory: Bytes of address space beyond those libraries.
        seconds: How long it may take.
    """
    preamble = "import resource, sys\n" + ("import torch\n" if torch else "")
    preamble += "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
    preamble += f"resource.setrlimit(resource.RLIMIT_AS, 2 * (size + {memory},))\n"
    preamble += f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    # Some installed packages bring a package called tests, which would come before this folder.
    preamble += "import types; sys.modules['tests'] = types.ModuleType('tests')\n"
    preamble += f"sys.modules['tests'].__path__ = [{str(ROOT / 'tests')!r}]\n"
    if not numba:
        preamble += "sys.modules['numba'] = None\n"
    environment = dict(os.environ)
    if checked_kernels is not None:
        environment |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(checked_kernels)}
    command = [sys.executable, "-c", preamble + program]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
