"""The ``csg`` command: help, exit codes, one clean line per error."""

import os
import shutil
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


@pytest.mark.parametrize("arguments", [(), ("-h",), ("--help",)])
def test_the_overview_groups_commands(csg, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    code, out, err = csg(*arguments)
    assert (code, err) == (0, "") and max(map(len, out.splitlines()[4:])) <= 60
    at = [out.index(f"\n{group}\n") for group in cli.GROUPS]
    assert at == sorted(at) and [*cli.GROUPS] == ["Look", "Change", "Measure", "Share", "Many", "Make"]
    for (_, commands), start, end in zip(cli.GROUPS.items(), at, [*at[1:], len(out)], strict=True):
        named = [line.split()[0] for line in out[start:end].splitlines() if line[:2] == "  " and line[2:3].strip()]
        assert named == [*commands]


def test_a_wide_terminal_gets_a_line_for_each_command() -> None:
    lines = cli.overview(250).splitlines()
    assert sum(line.startswith("  ") and line[2:].split()[0] in cli.COMMANDS for line in lines) == len(cli.COMMANDS)
    assert len(lines) == 6 + len(cli.COMMANDS) + 2 * len(cli.GROUPS) + 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("inof",), "there is no command 'inof'; did you mean info?"),
        (("frobnicate", "x"), "there is no command 'frobnicate'; expected one of info, verify, "),
        (("--json", "info", "x"), "--json: expected a command first, as in csg info --json"),
        (("--print-completion",), "--print-completion: expected one of bash, zsh, fish, got nothing"),
        (("--print-completion", "tcsh"), "--print-completion: expected one of bash, zsh, fish, got tcsh"),
    ],
)
def test_words_that_are_no_command(csg, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = csg(*arguments)
    assert (code, out) == (2, "") and err.startswith(f"csg: error: {told}") and err.count("\n") == 1


COMPLETED = """
source completion
complete -p csg
tab() { COMP_WORDS=(csg "$@") COMP_CWORD=$# COMPREPLY=(); _csg csg "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[*]}"; }
tab inf; tab render --lay; tab render x --layer obj; tab render x --layer ""; tab info scene; tab info ""
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes(csg, tmp_path) -> None:
    code, script, err = csg("--print-completion", "bash")
    assert (code, err) == (0, "")
    (tmp_path / "completion").write_text(script)
    done = subprocess.run(["bash", "-c", COMPLETED], capture_output=True, text=True, check=True, cwd=tmp_path)
    registered, *found = done.stdout.splitlines()
    assert registered == "complete -o bashdefault -o default -F _csg csg" and done.stderr == ""
    assert found == ["info", "--layer", "objects", "colour objects semantic", "", ""], "of nothing, bash makes files"


@pytest.mark.parametrize(
    ("shell", "begins", "ends"), [("zsh", "#compdef csg\n", "return found"), ("fish", "#", '-gt 1"')]
)
def test_scripts_for_other_shells(csg, shell: str, begins: str, ends: str) -> None:
    code, script, _ = csg("--print-completion", shell)
    assert code == 0 and script.startswith(begins) and script.rstrip().endswith(ends)
    assert all(f"'{name}': " in script for name in cli.COMMANDS)


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


def test_options_are_parsed_without_typeguard() -> None:
    """It takes half as long as all of the rest."""
    script = (
        "import sys, csgaussian_ns.tools.cli as cli\n"
        "for name in ('edit', 'export', 'import', 'info', 'render', 'select'):\n"
        "    try: cli.main([name, '--help'])\n"
        "    except SystemExit as done: assert done.code == 0 and 'typeguard' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.count("usage: csg ") == 6, done.stderr


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
