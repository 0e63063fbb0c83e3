"""What ``csg`` says reaches any reader, or the failure does."""

import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from csgaussian_ns.core.errors import ConfigError, SlowStart
from csgaussian_ns.tools.terminal import delivered, remark, streams_ready, tell, tell_json, tell_table

NAMES = (
    "a red mug with a handle",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "杯子杯子杯子杯子杯子杯子",
    "[/] :mug:",
)
HEADINGS = ("object", "name", "centre", "anchors")
ROWS = [(str(i), name, "-0.0512 0.123 -0.0012", "12,345") for i, name in enumerate(NAMES)]


@contextmanager
def full(name: str) -> Iterator[TextIO]:
    """A standard stream whose disk is full."""
    with open("/dev/full", "w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, name, stream)
        yield stream


def column(shown: str, number: int) -> list[str]:
    """Rows of a table, cells folded over several lines joined again, without spaces."""
    cells = [line.split("│")[1:-1] for line in shown.splitlines() if line.startswith("│")]
    rows: list[str] = []
    for line in cells:
        if line[0].strip():
            rows.append("")
        rows[-1] += line[number]
    return ["".join(row.split()) for row in rows]


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 200])
def test_a_narrow_terminal_loses_nothing(width: int, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    tell_table(HEADINGS, ROWS)
    shown = capsys.readouterr().out
    assert column(shown, 1) == ["".join(name.split()) for name in NAMES]
    assert column(shown, 2) == ["-0.05120.123-0.0012"] * 4 and "…" not in shown
    if width >= 60:
        assert max(map(len, shown.splitlines())) <= width


def test_a_pipe_gets_rows_of_one_line(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    tell_table((*HEADINGS, "more"), [(*row, "x" * 100) for row in ROWS], title="\u202etitle")
    shown = capsys.readouterr().out
    rows = [line for line in shown.splitlines() if line.startswith("│")]
    assert len(rows) == len(ROWS) and all(
        name in row and "x" * 100 in row for name, row in zip(NAMES, rows, strict=True)
    )
    assert r"\u202etitle" in shown


def test_names_cannot_steer_a_terminal(capsys):
    evil = "a\x1b[2J\nb\u202e\u200b"
    tell(evil)
    remark(evil)
    tell_table(("name",), [(evil,)])
    tell_json({"name": evil})
    out, err = capsys.readouterr()
    escaped = r"a\x1b[2J\nb\u202e\u200b"
    assert out.splitlines()[0] == escaped and err == f"{escaped}\n" and f"│ {escaped} │" in out
    assert not set(evil) - set("a[2Jb\n") & set(out)


def test_what_an_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, "ascii"))
    with streams_ready():
        tell("Gerät 杯 \udcff")
        tell_table(("name",), [("Gerät",)])
    lines = buffer.getvalue().decode("ascii").splitlines()
    assert lines[0] == r"Ger\xe4t \u676f \udcff" and r"| Ger\xe4t |" in lines


@pytest.mark.parametrize("say", [lambda: tell("a"), lambda: tell_json([1]), lambda: tell_table(("a",), [("b",)])])
def test_a_full_disk_is_an_error_and_then_silence(say: Callable[[], None]):
    with full("stdout") as stream:
        with pytest.raises(ConfigError, match="standard output: No space left on device"):
            say()
        stream.flush()  # Python does so at exit, and would complain


def test_what_others_print_is_delivered_too():
    with full("stdout"), pytest.raises(ConfigError, match="No space left"), delivered():
        sys.stdout.write("help")
        raise SystemExit(0)


def test_a_remark_that_cannot_be_written_stops_nothing():
    with full("stderr") as stream:
        remark("3/9")
        stream.flush()
        assert os.fstat(stream.fileno()).st_rdev == os.stat(os.devnull).st_rdev, "what follows goes nowhere"


def test_a_slow_start_is_told_in_one_line(capsys):
    with streams_ready():
        warnings.simplefilter("always")
        warnings.warn("compiles anew", SlowStart, stacklevel=1)
        assert capsys.readouterr().err == "csg: compiles anew\n"
        with pytest.warns(UserWarning, match="another"):
            warnings.warn("another", UserWarning, stacklevel=1)
