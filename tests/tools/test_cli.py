"""The ``csg`` command: help, exit codes, one clean line per error."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

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
        raise {"typed": DataError("two\n  lines"), "stop": KeyboardInterrupt(), "bug": ZeroDivisionError()}[self.kind]


def test_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "COMMANDS", {"broken": _Broken})
    assert cli.main(["broken", "--kind", "typed"]) == 2
    assert capsys.readouterr().err == "csg: error: two lines\n"
    assert cli.main(["broken", "--kind", "stop"]) == 130
    with pytest.raises(ZeroDivisionError):  # our own bugs keep their traceback
        cli.main(["broken", "--kind", "bug"])


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, csgaussian_ns.tools.cli\n"
        "heavy = {'numpy', 'torch', 'scipy', 'PIL', 'embreex', 'trimesh', 'nerfstudio', 'numba'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
