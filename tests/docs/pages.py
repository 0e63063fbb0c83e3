"""The pages of the documentation, and what they tell people to type."""

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SITE = sorted(path for path in (ROOT / "docs").glob("*.md"))
"""Pages of the site, without decisions."""
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "csgaussian_ns").rglob("*.md")])
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(^|\s)#.*")
_SHELLS = ("bash", "sh", "shell", "console")
_JOINED = re.compile(r"\s(?:&&|\|)\s")


class Command(NamedTuple):
    """One line of a shell block."""

    words: tuple[str, ...]
    stdin: str | None = None
    told: tuple[str, ...] = ()
    """What a ``console`` block says that it prints; … stands for anything."""

    def __str__(self) -> str:
        return shlex.join(self.words)

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2]


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, *languages: str) -> list[tuple[str, str]]:
    """Language and content of every fenced block of these languages, in their order."""
    return [(language, content) for language, content in _BLOCK.findall(text) if language in languages]


def steps(text: str) -> list[Command | str]:
    """What a page does, in its order: commands, and blocks of Python."""
    found: list[Command | str] = []
    for language, content in blocks(text, *_SHELLS, "python"):
        if language == "python":
            found.append(content)
        elif language == "console":
            found += [_session(*part.split("\n")) for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]]
        else:
            found += commands_of(content)
    return found


def shell_commands(text: str) -> list[Command]:
    """Every command in the shell blocks of a page."""
    return [step for step in steps(text) if isinstance(step, Command)]


def commands_of(block: str) -> list[Command]:
    """Words of every command; comments, line continuations and variables in front removed."""
    lines = block.replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in _JOINED.split(_COMMENT.sub("", line))]
    return [_command(part) for part in parts if part.strip()]


def _session(line: str, *told: str) -> Command:
    return _command(line)._replace(told=tuple(filter(None, told)))


def _command(line: str) -> Command:
    words = shlex.split(line)
    while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    stdin = words[words.index("<") + 1] if "<" in words else None
    return Command(tuple(takewhile(lambda word: word not in ("<", ">"), words)), stdin)  # output is looked at, not sent
