"""What ``csg`` says, to any reader: a terminal of any width and encoding, a pipe, a full disk, nobody."""

import io
import json
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from csgaussian_ns.core.errors import ConfigError, SlowStart
from csgaussian_ns.core.texts import printable

LEAST_COLUMN = 10
"""Characters that a column of a table keeps on the narrowest terminal, if it has as many."""


@contextmanager
def streams_ready() -> Iterator[None]:
    """Make the standard streams fit to be written to, before anything is opened; warnings of ours become one line.

    What an encoding lacks is shown as an escape. A stream that is closed becomes the null device: else the next file
    would get its number, and libraries that report there would write into it.

    Raises:
        ConfigError: The standard output is closed.
    """
    heard = sys.stdout is not None
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115  # as long as we live
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if not heard:
        raise ConfigError("the standard output is closed; to throw it away, send it to /dev/null")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning(warnings.showwarning)
        yield


def tell(text: str) -> None:
    """One line to stdout; names and other texts from outside need no further care.

    Raises:
        BrokenPipeError, ConfigError: As ``delivered``.
    """
    with delivered():
        print(printable(text))


def tell_json(facts: Any) -> None:
    """Facts to stdout as JSON, in plain ASCII.

    Raises:
        BrokenPipeError, ConfigError: As ``delivered``.
    """
    with delivered():
        print(json.dumps(facts, indent=1))


def tell_table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """A table to stdout. Long cells are folded to the width of a terminal, and nothing is left out on a narrow one.

    Args:
        headings: Texts of our own.
        rows: From anywhere.
        title: From anywhere.

    Raises:
        BrokenPipeError, ConfigError: As ``delivered``.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(*headings, title=title and Text(printable(title)))
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    widths = [max(Text(printable(cell)).cell_len for cell in cells) for cells in zip(headings, *rows, strict=True)]
    for column, width in zip(table.columns, widths, strict=True):
        column.overflow, column.min_width = "fold", min(width, LEAST_COLUMN)
    frame = 3 * len(widths) + 1
    if console.is_terminal or "COLUMNS" in os.environ:
        console.width = max(console.width, frame + sum(min(width, LEAST_COLUMN) for width in widths))
    else:
        console.width = frame + sum(widths)
    with console.capture() as shown:
        console.print(table)
    with delivered():
        print(shown.get(), end="")


def remark(text: str) -> None:
    """One line to stderr, about an error or how far we are; where it cannot be written the work goes on."""
    try:
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


@contextmanager
def delivered() -> Iterator[None]:
    """Make sure that all that the block prints has arrived.

    Raises:
        BrokenPipeError: The reader has seen enough, as in ``csg info | head -1``.
        ConfigError: It could not be written.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        _silence(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        raise ConfigError(f"cannot write to the standard output: {error.strerror}; send it elsewhere") from error


def _silence(stream: TextIO) -> None:
    """Let what the stream still holds go nowhere, or Python would complain about it at exit."""
    with suppress(OSError):  # a stream without a number, as in tests
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_warning(usual: Any) -> Any:
    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, SlowStart):
            remark(f"csg: {message}")
        else:
            usual(message, category, *where, **more)

    return show
