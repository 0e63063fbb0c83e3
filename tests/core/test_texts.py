"""Texts that files can hold."""

import pytest

from csgaussian_ns.core.texts import is_storable, storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [("Gerät 1", "Gerät 1"), ("a\nb\x1b[2J", "a?b?[2J"), ("\ud800x\x9b", "?x?"), ("ü" * 200, "ü" * 127), ("", "")],
)
def test_what_a_file_cannot_hold_is_replaced(text: str, stored: str):
    assert storable(text) == stored and is_storable(stored)
    assert is_storable(text) is (text == stored)
