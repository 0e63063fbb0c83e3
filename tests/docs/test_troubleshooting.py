"""Messages that the documentation explains are messages that the package gives.

Those in ``console`` blocks are provoked by ``test_examples``; of the others the source is searched for the text.
"""

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import ROOT, blocks

SHORT = 45
"""Characters in front of a message that name a file or a place in it."""
TELLING = 20
"""Characters that a text in the source must have to count as a message."""
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
MESSAGES = [line for _, block in blocks(PAGE, "text") for line in block.splitlines()]


@cache
def templates() -> list[re.Pattern[str]]:
    """Texts in the source, with anything in place of what is filled in."""
    found = set()
    for path in (ROOT / "csgaussian_ns").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        pieces = {piece for node in nodes if isinstance(node, ast.JoinedStr) for piece in node.values}
        for node in nodes:
            parts = node.values if isinstance(node, ast.JoinedStr) else [] if node in pieces else [node]
            texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
            if sum(len(text) for text in texts if isinstance(text, str)) >= TELLING:
                found.add("".join(re.escape(text) if isinstance(text, str) else ".{0,300}?" for text in texts))
    return [re.compile(f"(.*?){text}", re.DOTALL) for text in found]


def explained(message: str) -> bool:
    """Whether the source has all of a message but for the name of a file in front."""
    found = (template.fullmatch(message) for template in templates())
    return any(match and (len(match[1]) <= SHORT or explained(match[1])) for match in found)


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_are_in_the_source(message: str):
    assert explained(message)


def test_other_messages_are_not():
    assert not explained("the split leaves no view at all. Choose another one")
    assert not explained("this sentence stands nowhere in the source, so nobody can explain it")
    assert len(MESSAGES) > 20
