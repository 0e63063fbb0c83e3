"""What the documentation says of nerfstudio: its commands take our options, and what it would get from us fits.

Commands are parsed by their own parsers, up to where they would start to work; ``test_commands`` runs their like. Of
``ns-train`` the parser has our methods alone, as that of all methods takes long to make.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from typing import get_type_hints

import pytest
import tyro

from csgaussian_ns.ns.export import ExportCsgBitstream
from csgaussian_ns.tools.cli import COMMANDS as COMMANDS_OF_CSG
from csgaussian_ns.tools.look import LookOptions
from scripts.method_configs import our_methods
from tests.docs.pages import PAGES, ROOT, SITE, Command, page_id, shell_commands
from tests.sampled_types import types_sampled

external_methods = pytest.importorskip("nerfstudio.configs.external_methods", reason="needs pip install -e '.[train]'")
PATCH = ROOT / "docs/upstream/external_methods.patch"
COMMANDS = {
    command: page
    for page in PAGES
    for command in shell_commands(page.read_text())
    if command.program.startswith("ns-") and "--help" not in command.words
}
"""Each once, with a page that has it."""
OF_NERFSTUDIO = {"--load-config", "--load-dir", "--load-checkpoint", "--eval-mode", "--help"}


class _Parsed(Exception):
    """What a command was told."""


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Command], object]:
    """Has a command parse its options; returns the outcome."""
    monkeypatch.chdir(tmp_path)  # where ns-process-data makes its folders
    for check in ("check_ffmpeg_installed", "check_colmap_installed"):
        monkeypatch.setattr(f"nerfstudio.utils.install_checks.{check}", lambda *_: None)
    usual = tyro.cli

    def stopping(form: object, *args: object, **options: object) -> None:
        raise _Parsed(usual(form, *args, **options))  # type: ignore[arg-type]

    def parsed(command: Command) -> object:
        monkeypatch.setattr(sys, "argv", list(command.words))
        if command.program == "ns-train":
            form = tyro.extras.subcommand_type_from_defaults(our_methods())
            with types_sampled(1):  # nerfstudio gives whole numbers where its classes say float
                return usual(tyro.conf.SuppressFixed[tyro.conf.FlagConversionOff[form]])
        [script] = entry_points(group="console_scripts", name=command.program)
        with monkeypatch.context() as patch:
            patch.setattr(tyro, "cli", stopping)
            with pytest.raises(_Parsed) as found:
                script.load()()
        return found.value.args[0]

    return parsed


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_commands_of_nerfstudio_take_these_options(command: Command, parse: Callable[[Command], object]):
    found = vars(parse(command))
    given = {"--data": "data", "--load-config": "load_config", "--output-dir": "output_dir"}
    for option, name in given.items():
        if option in command.words:
            value = command.words[command.words.index(option) + 1]
            assert str(found[name]) == value, page_id(COMMANDS[command])


def test_an_option_that_does_not_exist_is_noticed(parse: Callable[[Command], object]):
    for words in (
        ["ns-train", "csgaussian", "--pipeline.model.lambda", "1"],
        ["ns-export", "csg-bitstream", "--to", "x"],
    ):
        with pytest.raises(SystemExit):
            parse(Command(tuple(words)))


def options_of(kind: type) -> set[str]:
    """Of a dataclass, as its command calls them: fields, and what they are called otherwise."""
    told = [
        item
        for hint in get_type_hints(kind, include_extras=True).values()
        for item in getattr(hint, "__metadata__", ())
    ]
    called = {getattr(item, "name", None) for item in told} | {item.name.replace("_", "-") for item in fields(kind)}
    return {f"--{name}" for name in called - {None}}


def test_options_that_pages_mention_exist():
    classes = [*COMMANDS_OF_CSG.values(), ExportCsgBitstream, LookOptions]
    known = OF_NERFSTUDIO | {option for kind in classes for option in options_of(kind)}
    mentioned = {
        option
        for page in [ROOT / "README.md", *SITE]
        for code in re.findall(r"`([^`\n]+)`", page.read_text())
        for option in re.findall(r"(?:^| )(--[a-z][a-z.-]*[a-z])(?![.*a-z-])", code)
    }
    assert len(mentioned) > 30 and len(mentioned - known) > 4
    for option in mentioned - known:
        attrgetter(option.removeprefix("--").replace("-", "_"))(our_methods()["csgaussian"])  # raises if there is none


def test_the_patch_for_nerfstudio_fits(tmp_path: Path):
    installed = Path(external_methods.__file__)
    patched = tmp_path / "nerfstudio/configs" / installed.name
    patched.parent.mkdir(parents=True)
    shutil.copy(installed, patched)
    command = ["patch", "-p1", "--forward", "--fuzz", "0", "-i", str(PATCH)]
    if shutil.which("patch") is None:
        pytest.skip("needs the program patch")
    for more in (["--dry-run"], []):
        done = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    spec = spec_from_file_location("patched_external_methods", patched)
    assert spec is not None and spec.loader is not None
    module = sys.modules.setdefault(spec.name, module_from_spec(spec))
    spec.loader.exec_module(module)
    ours = module.external_methods[-1]
    assert len(module.external_methods) == len(external_methods.external_methods) + 1
    assert {slug for slug, _ in ours.configurations} == set(our_methods())
    page = (ROOT / "docs/upstream/csgaussian.md").read_text()
    assert f"pip install {ours.pip_package}\n" in page and "methods/csgaussian.html" in ours.instructions
    assert all(f"| `{slug}`" in page for slug in our_methods())
