"""A command in a process of its own: forked where its imports are there already, watched, and ended in time."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.fleet.commands import COMMANDS, run_here

POLL = 0.02
"""Seconds between two looks at a command; more for one that takes long."""
TICK = 2.0
"""Seconds between two notes of how long a command runs."""
PARENT_DEATH_SIGNAL = 1
"""Of Linux's prctl."""
HERE = "import sys; from csgaussian_ns.fleet.commands import run_here; sys.exit(run_here(sys.argv[1:]))"


class Timeout(CsgError, TimeoutError):
    """A task that took longer than it was allowed to."""


def run(
    command: Sequence[str],
    log: Path,
    output: Path,
    deadline: float,
    forking: bool,
    kept: int,
    tick: Callable[[], None] = lambda: None,
) -> int:
    """Run a command to its end.

    Args:
        command: One of ``COMMANDS``, or a program.
        log: Gets what it says on stderr, at its end.
        output: Gets what it says on stdout; may be ``log``.
        deadline: In ``time.monotonic``.
        forking: Whether a command of ours is forked from this process, which must have one thread.
        kept: Number of an open file that the command holds, too.
        tick: Called every ``TICK`` seconds.

    Returns:
        Its exit code; negative for a signal.

    Raises:
        Timeout: It is killed.
        ConfigError: A file cannot be opened.
    """
    files = [os.open(os.devnull, os.O_RDONLY)]
    try:
        for file in (output, log):
            flags = os.O_APPEND if file == log else os.O_TRUNC
            files.append(os.open(file, os.O_WRONLY | os.O_CREAT | flags | os.O_CLOEXEC, 0o644))
        child = _forked(command, files) if forking and command[0] in COMMANDS else _started(command, files, kept)
    finally:
        for file in files:
            os.close(file)
    return _waited(child, deadline, tick)


def end_group() -> None:
    """End this process and all that it started."""
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _forked(command: Sequence[str], files: Sequence[int]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _end_with(os.getppid())
        for number, file in enumerate(files):
            os.dup2(file, number)
        code = run_here(command)
    except BaseException:  # noqa: BLE001  # nothing of the parent may run on here
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                code = code or 1
        os._exit(code & 255)


def _end_with(parent: int) -> None:
    """Have the system end this process when its parent ends, however that comes; Linux alone can."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, int(signal.SIGKILL))
    if os.getppid() != parent:  # it ended before it could be said
        os._exit(1)


def _started(command: Sequence[str], files: Sequence[int], kept: int) -> int:
    words = [sys.executable, "-W", "ignore", "-c", HERE, *command] if command[0] in COMMANDS else list(command)
    stdin, stdout, stderr = files
    process = subprocess.Popen(words, stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=[kept])
    process.returncode = 0  # waited for by its number
    return process.pid


def _waited(child: int, deadline: float, tick: Callable[[], None]) -> int:
    above, began = os.getppid(), time.monotonic()
    ticked = began
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        now = time.monotonic()
        if os.getppid() != above:  # whoever wanted this is gone
            end_group()
        if now > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise Timeout(f"stopped after {now - began:.0f} s of this stage; --timeout allows no more")
        if now > ticked + TICK:
            ticked = now
            tick()
        time.sleep(min(POLL + 0.05 * (now - began), 0.25))
