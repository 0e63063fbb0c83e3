"""Commands of this environment, each in a process forked from one that has their common imports behind it.

Those imports take longer than a short run itself. A forked process has them for nothing, and still is a process that
runs the installed script: with arguments, a working folder, output and an exit code.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

SCRIPTS = Path(sys.executable).parent
SECONDS = 250
"""A command that takes longer is killed."""

_SERVER = """
import gc, json, os, runpy, signal, sys

gc.disable()
exec(sys.argv[1])
gc.freeze()  # or else each child would go through all imported objects when it ends, and so copy their memory: 1.5 s
for line in sys.stdin:
    call = json.loads(line)
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    os._exit(0)
gc.enable()
signal.alarm(call["seconds"])
os.chdir(call["cwd"])
for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), *call["outputs"])):
    os.dup2(file, number)
sys.argv = call["command"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Forked:
    """Runs scripts of this environment in processes forked from one that has run ``preamble``.

    Args:
        preamble: Python source: what the scripts import in common. It may start no threads.
    """

    def __init__(self, preamble: str) -> None:
        self._outputs = TemporaryFile(), TemporaryFile()  # noqa: SIM115  # open as long as this object is
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVER, preamble],
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "COLUMNS": "200"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[file.fileno() for file in self._outputs],
        )

    def __call__(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a script by its name, with arguments, in the folder ``cwd``; answers as ``subprocess.run`` does."""
        assert self._server.stdin is not None and self._server.stdout is not None
        for file in self._outputs:
            file.seek(0)
            file.truncate()
        call = {
            "command": [str(SCRIPTS / command[0]), *command[1:]],
            "cwd": str(cwd),
            "seconds": SECONDS,
            "outputs": [file.fileno() for file in self._outputs],
        }
        self._server.stdin.write(json.dumps(call) + "\n")
        self._server.stdin.flush()
        code = self._server.stdout.readline()
        assert code, "the process that others are forked from has ended"
        printed = []
        for file in self._outputs:
            file.seek(0)
            printed.append(file.read().decode())
        return subprocess.CompletedProcess(call["command"], int(code), *printed)

    def close(self) -> None:
        """End the process that others were forked from."""
        self._server.communicate()
        for file in self._outputs:
            file.close()


@dataclass(frozen=True)
class TypedRun:
    """A run made by ``ns-train``.

    Attributes:
        folder: Where the command was typed.
        printed: What it printed.
        config: config.yml, seen from ``folder``.
    """

    folder: Path
    printed: str
    config: str
