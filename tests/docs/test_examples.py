"""What the documentation tells people to type works: each page, from its top to its bottom, in a folder of its own.

Commands of ``csg`` run in this process, with fewer and smaller views where they do not say how many; Python runs as it
stands. ``https://host/`` is a server of ours. Commands of nerfstudio need a run: ``tests/ns/test_documented.py`` parses
them, ``tests/ns/test_commands.py`` runs their like.
"""

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import tyro

from csgaussian_ns.tools import cli
from tests.docs import place
from tests.docs.pages import PAGES, ROOT, SITE, Command, page_id, shell_commands, steps
from tests.receiver.servers import Behaviour, serving

RUN = [ROOT / "README.md", *SITE, ROOT / "docs/upstream/csgaussian.md"]
NOT_RUN = {
    "csg masks --checkpoint": "needs weights of Segment Anything",
    "csg demo-scene": "takes half a minute; tests/tools/test_demo_folder.py runs it",
    "csg batch": "trains; tests/fleet runs its like",
    "csg view": "serves until somebody ends it, a page that has to be built; tests/web/test_page.py looks at it",
    "csg export scene.sog": "needs splat-transform, a program for Node",
}
"""Words of commands of ours that are parsed only, and why."""
NOT_OURS = {
    "git": "clones",
    "cd": "goes there",
    "source": "activates an environment",
    "pip": "installs; tests/test_bare_install.py does",
    "make": "builds, tests and measures; its targets are compared with the Makefile",
    "run": "of .ci, is what calls this test",
    "ns": "needs a training; tests/ns/test_documented.py parses its options, tests/ns/test_commands.py runs its like",
}
"""Programs of others that are not run, and why. ``ns`` stands for all of nerfstudio."""
SHORTER = {
    "render": {"--views": "1", "--width": "48"},
    "export": {"--steps": "1", "--views": "4", "--width": "48"},
}
"""Options that make examples shorter where they do not have them."""
LOCAL = "http://127.0.0.1:8000"


class Reader:
    """Types what a page says, in the current folder."""

    def __init__(self, closing: ExitStack, scene: bytes, capsys: pytest.CaptureFixture[str]) -> None:
        self.closing, self.capsys = closing, capsys
        self.server = Behaviour(scene)
        self.moved = {"https://host": closing.enter_context(serving(self.server)).rpartition("/")[0]}
        self.known: dict = {}
        self.ran = 0

    def do(self, step: Command | str) -> None:
        if isinstance(step, str):
            exec(compile(self.here(step), "a block of Python", "exec"), self.known)
        elif step.words[:2] == ("csg", "serve"):
            self.serve(step)
        elif step.program == "csg":
            self.csg(step)
        elif step.program == "curl":
            if shutil.which("curl"):
                done = subprocess.run([*map(self.here, step.words)], capture_output=True, text=True, check=True)
                assert done.stdout == "206\n"
        else:
            assert step.program.partition("-")[0] in NOT_OURS, f"nobody knows how to run {step}"
        self.ran += 1

    def here(self, text: str) -> str:
        for address, other in self.moved.items():
            text = text.replace(address, other)
        return text

    def csg(self, step: Command) -> None:
        words = [*map(self.here, step.words[1:])]
        shorter = SHORTER.get(words[0], {})
        self.server.failures = [404] if any("missing" in word for word in words) else []
        words += [word for name, value in shorter.items() if name not in words for word in (name, value)]
        with pytest.MonkeyPatch.context() as patch:
            if step.stdin is not None:
                patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(step.stdin).read_bytes())))
            code = cli.main(words)
        out, err = self.capsys.readouterr()
        assert code == (2 if any(line.startswith("csg: error:") for line in step.told) else 0), err
        for line in step.told:
            pattern = re.escape(self.here(line)).replace("…", ".*")
            assert re.search(f"^{pattern}$", out + err, re.MULTILINE), out + err

    def serve(self, step: Command) -> None:
        command = [sys.executable, "-u", "-m", "csgaussian_ns.tools.cli", *step.words[1:], "--port", "0"]
        process = self.closing.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        self.closing.callback(process.terminate)
        assert process.stdout is not None
        told = process.stdout.readline()
        address = re.match(r"(http://127\.0\.0\.1:\d+)/", told)
        assert address is not None, told
        self.moved[LOCAL] = address[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "place"
    folder.mkdir()
    place.make(folder)
    return folder


@pytest.fixture
def reader(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Reader]:
    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    with ExitStack() as closing:
        yield Reader(closing, (made / "scene.csg").read_bytes(), capsys)


def reason_not_to_run(command: Command) -> str | None:
    return next((why for words, why in NOT_RUN.items() if set(words.split()) <= set(command.words)), None)


@pytest.mark.parametrize("page", RUN, ids=page_id)
def test_a_page_does_what_it_says(page: Path, reader: Reader):
    found = [step for step in steps(page.read_text()) if isinstance(step, str) or reason_not_to_run(step) is None]
    for step in found:
        reader.do(step)
    assert reader.ran == len(found)
    if "picture" in reader.known:
        picture = reader.known["picture"]
        assert picture.shape == (270, 480, 3) and picture.max() > 100
    if "cup" in reader.known:
        assert reader.known["cup"].name == "cup"


def test_commands_that_are_not_run_can_be_parsed():
    commands = [command for page in PAGES for command in shell_commands(page.read_text()) if command.program == "csg"]
    silent = [command for command in commands if reason_not_to_run(command) is not None]
    assert {reason_not_to_run(command) for command in silent} == set(NOT_RUN.values()), "no reason without a command"
    for command in silent:
        parsed = tyro.extras.subcommand_cli_from_dict(dict(cli.COMMANDS), args=command.words[1:])
        assert isinstance(parsed, cli.COMMANDS[command.words[1]]), str(command)


def test_extras_exist():
    listed = (ROOT / "pyproject.toml").read_text().partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    extras = set(re.findall(r"^([a-z]+) = \[", listed, re.MULTILINE))
    groups = re.findall(r"`\[([a-z]+)\]`|'\.\[([a-z,]+)\]'", "".join(page.read_text() for page in RUN))
    named = {name for group in groups for name in "".join(group).split(",")}
    assert len(named) > 5 and named <= extras
