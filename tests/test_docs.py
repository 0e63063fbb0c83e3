"""What the documentation says exists: commands, links, options."""

import re
from dataclasses import replace
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.semantic.scenes import loaded, scene_of_balls

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "csgaussian_ns").rglob("*.md")])
SHELL_BLOCK = re.compile(r"^```(?:bash|sh|shell|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
# Commands that are the system's or nerfstudio's, not ours.
FOREIGN = {"git", "cd", "pip", "python", "python3", "source", ".", "ls", "export", "unzip", "pre-commit"}
NERFSTUDIO = {"ns-train", "ns-eval", "ns-viewer", "ns-render", "ns-export", "ns-process-data", "ns-install-cli"}


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def shell_commands(text: str) -> list[list[str]]:
    """Words of every command in the shell blocks of a page; comments, prompts and line continuations removed."""
    commands = []
    for block in SHELL_BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = re.sub(r"(^|\s)#.*", "", line).strip().removeprefix("$ ").split()
            while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                words = words[1:]
            if words:
                commands.append(words)
    return commands


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_the_two_commands_come_first():
    commands = shell_commands((ROOT / "README.md").read_text())
    assert ["make", "demo"] in commands[:3]
    assert ["make", "test"] in commands[:3]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    entry_points = distribution("csgaussian-ns").entry_points
    methods = {point.name for point in entry_points if point.group == "nerfstudio.method_configs"}
    scripts = {point.name for point in entry_points if point.group == "console_scripts"}
    unknown = []
    for words in shell_commands(page.read_text()):
        program, rest = words[0].rpartition("/")[2], words[1:]
        if program == "make":
            known = bool(rest) and rest[0] in targets
        elif program == "ns-train":
            known = bool(rest) and rest[0] in methods
        elif program.startswith("python") and rest[:1] == ["-m"] and rest[1].startswith("csgaussian_ns"):
            known = find_spec(rest[1]) is not None
        elif program == "run":
            known = (ROOT / words[0]).exists()
        else:
            known = program in FOREIGN | NERFSTUDIO | scripts
        if not known:
            unknown.append(" ".join(words))
    assert unknown == []


@pytest.mark.parametrize("page", ["README.md", "docs/objects.md"])
def test_examples_in_python_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In a folder with a file and a capture, of objects that have the names of the examples."""
    coded = scene_of_balls()
    assert coded.semantics is not None
    names = ("cup", "plate", "lamp")
    things = tuple(replace(thing, name=name) for thing, name in zip(coded.semantics.objects, names, strict=True))
    scene = loaded(replace(coded, semantics=replace(coded.semantics, objects=things)))
    monkeypatch.setattr("csgaussian_ns.load", {"out/scene.csg": scene}.get, raising=False)
    monkeypatch.chdir(tmp_path)
    arriving = {"https://host/scene.csg", "scene.csg"}
    monkeypatch.setattr(
        "csgaussian_ns.stream", lambda source, camera=None: [scene] * (source in arriving), raising=False
    )
    known: dict = {}
    for block in PYTHON_BLOCK.findall((ROOT / page).read_text()):
        exec(block, known)
    assert known["picture"].shape == (270, 480, 3) and known["picture"].max() > 100
    assert known["cup"].name == "cup" and (known["seen"] is None or known["seen"] in scene.objects)


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
