"""What the documentation says exists: commands, links, options."""

import re
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, page_id, shell_commands

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
# Commands that are the system's or nerfstudio's, not ours.
FOREIGN = {"git", "cd", "pip", "python", "python3", "source", ".", "ls", "export", "unzip", "pre-commit", "curl"}
NERFSTUDIO = {"ns-train", "ns-eval", "ns-viewer", "ns-render", "ns-export", "ns-process-data", "ns-install-cli"}


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_the_two_commands_come_first():
    commands = [command.words for command in shell_commands((ROOT / "README.md").read_text())]
    assert ("make", "demo") in commands[:3]
    assert ("make", "test") in commands[:3]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    entry_points = distribution("csgaussian-ns").entry_points
    methods = {point.name for point in entry_points if point.group == "nerfstudio.method_configs"}
    scripts = {point.name for point in entry_points if point.group == "console_scripts"}
    unknown = []
    for command in shell_commands(page.read_text()):
        words, program, rest = command.words, command.program, command.words[1:]
        if program == "make":
            known = bool(rest) and rest[0] in targets
        elif program == "ns-train":
            known = bool(rest) and rest[0] in methods
        elif program.startswith("python") and rest[:1] == ("-m",) and rest[1].startswith("csgaussian_ns"):
            known = find_spec(rest[1]) is not None
        elif program == "run":
            known = (ROOT / words[0]).exists()
        else:
            known = program in FOREIGN | NERFSTUDIO | scripts
        if not known:
            unknown.append(str(command))
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_relative_links_resolve(page):
    broken = []
    for match in LINK.finditer(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []
