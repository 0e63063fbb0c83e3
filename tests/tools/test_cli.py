"""The ``csg`` command: help, exit codes, one clean line per error."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.tools import cli


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "csgaussian_ns.tools.cli", *args], capture_output=True, text=True)


def test_help_lists_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in cli.COMMANDS)


def test_help_of_a_command_lists_its_options() -> None:
    done = run("demo-scene", "--help")
    assert done.returncode == 0
    assert all(f"--{name}" in done.stdout for name in ("seed", "views", "width", "height", "objects", "overwrite"))


def test_typed_error_is_one_line_and_code_2(tmp_path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    done = run("demo-scene", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip().count("\n") == 0
    assert done.stderr.startswith("csg: error: ") and "--overwrite" in done.stderr


def test_unknown_command_is_refused() -> None:
    assert run("no-such-command").returncode == 2


@dataclass(frozen=True)
class _Broken:
    """Raises what it is told to."""

    kind: str

    def run(self) -> None:
        errors = {
            "typed": DataError("two\n  lines\u202e"),
            "system": FileNotFoundError(2, "No such file or directory", "a\x1b"),
            "full": OSError(28, "No space left on device"),
            "encoding": UnicodeEncodeError("ascii", "Gerät", 3, 4, "ordinal not in range"),
            "closed": BrokenPipeError(32, "Broken pipe"),
            "stop": KeyboardInterrupt(),
            "bug": ZeroDivisionError(),
        }
        raise errors[self.kind]


@pytest.mark.parametrize(
    ("kind", "code", "told"),
    [
        ("typed", 2, r"csg: error: two lines\u202e"),
        ("system", 2, r"csg: error: a\x1b: No such file or directory"),
        ("full", 2, "csg: error: a file or stream: No space left on device"),
        ("encoding", 2, "csg: error: 'Gerät' cannot be written in ascii; set PYTHONUTF8=1"),
        ("closed", 141, None),
        ("stop", 130, "csg: stopped"),
    ],
)
def test_exit_codes(kind: str, code: int, told: str | None, monkeypatch, capsys) -> None:
    monkeypatch.setattr(cli, "COMMANDS", {"broken": _Broken})
    assert cli.main(["broken", "--kind", kind]) == code
    out, err = capsys.readouterr()
    assert err == ("" if told is None else f"{told}\n") and out == ""


def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMANDS", {"broken": _Broken})
    with pytest.raises(ZeroDivisionError):
        cli.main(["broken", "--kind", "bug"])


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, csgaussian_ns.tools.cli\n"
        "heavy = {'numpy', 'torch', 'scipy', 'PIL', 'embreex', 'trimesh', 'nerfstudio', 'numba'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"csg {csgaussian_ns.__version__}\n"


SHELL = "exec {python} -m csgaussian_ns.tools.cli {arguments}"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("--help > /dev/full", 2, "csg: error: cannot write to the standard output: No space left on device"),
        ("--version > /dev/full", 2, "csg: error: cannot write to the standard output: No space left on device"),
        ("info /nowhere > /dev/full", 2, "csg: error: /nowhere cannot be read: No such file or directory"),
        ("--version >&-", 2, "csg: error: the standard output is closed"),
        ("--version >&- 2>&-", 2, ""),
        ("info /nowhere 2> /dev/full", 2, ""),
        ("info - <&-", 2, "csg: error: standard input: the file has 0 bytes"),
    ],
)
def test_streams_that_take_or_give_nothing(arguments: str, code: int, told: str) -> None:
    command = SHELL.format(python=sys.executable, arguments=arguments)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == code and done.stdout == ""
    assert done.stderr.startswith(told) and done.stderr.count("\n") == (told != "")


def test_help_on_an_ascii_terminal() -> None:
    command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "render", "--help"]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False)
    assert done.returncode == 0 and b"--camera" in done.stdout and done.stdout.isascii() and done.stderr == b""
