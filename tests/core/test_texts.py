"""Texts that files can hold and terminals can show."""

import pytest

from csgaussian_ns.core.texts import is_storable, one_line, printable, storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [("Gerät 1", "Gerät 1"), ("a\nb\x1b[2J", "a?b?[2J"), ("\ud800x\x9b", "?x?"), ("ü" * 200, "ü" * 127), ("", "")],
)
def test_what_a_file_cannot_hold_is_replaced(text: str, stored: str):
    assert storable(text) == stored and is_storable(stored)
    assert is_storable(text) is (text == stored)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Gerät 1, [red] \\ 杯子 שלום e\u0301", None),
        ("a\nb\x1b[2J\x9b\x7f", r"a\nb\x1b[2J\x9b\x7f"),
        ("mug\u202egpj.exe\u2066\u061c", r"mug\u202egpj.exe\u2066\u061c"),
        ("cu\u200bp\u200d\u2060\ufeff\u00ad", r"cu\u200bp\u200d\u2060\ufeff\xad"),
        ("\u2028\u2029\ud800\ue000\U000e0041", r"\u2028\u2029\ud800\ue000\U000e0041"),
        ("\u3164\u115f\ufe0f\U000e0100\u034f", r"\u3164\u115f\ufe0f\U000e0100\u034f"),
    ],
)
def test_what_steers_turns_or_hides_is_escaped(text: str, shown: str | None):
    assert printable(text) == (text if shown is None else shown)
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines\u202e"), r"two lines\u202e"),
        (OSError(28, "No space left on device"), "a file or stream: No space left on device"),
        (FileNotFoundError(2, "No such file", "a\x1b.csg"), r"a\x1b.csg: No such file"),
        (OSError(18, "Invalid cross-device link", "a", None, "b"), "a and b: Invalid cross-device link"),
        (OSError("cannot identify image file"), "cannot identify image file"),
    ],
)
def test_an_error_is_one_line(error: Exception, line: str):
    assert one_line(error) == line
