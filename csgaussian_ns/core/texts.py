"""Texts that come from outside and go into files and onto terminals."""

import unicodedata

MAX_TEXT_BYTES = 255
"""What a file has room for, in UTF-8."""

_UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
"""Unicode's categories of what has no shape of its own: control, direction, zero width, ends of lines, unassigned."""
_UNSEEN_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
"""Letters and marks by category that Unicode lets every program leave out."""
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def has_control(text: str) -> bool:
    """Whether a text could move a terminal's cursor."""
    return any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


def printable(text: str) -> str:
    """The text as it is shown to people: what could steer a terminal, turn the reading direction or hide is escaped.

    So two texts that look the same are the same but for letters of like shape, and one text is one line.
    """
    return "".join(c.encode("unicode_escape").decode("ascii") if _is_unseen(c) else c for c in text)


def one_line(message: object) -> str:
    """An error, or another text of several lines, in one line that can be shown."""
    if isinstance(message, OSError) and message.strerror:
        files = [str(name) for name in (message.filename, message.filename2) if name is not None]
        message = f"{' and '.join(files) or 'a file or stream'}: {message.strerror}"
    return printable(" ".join(str(message).split()))


def storable(text: str) -> str:
    """The text with ``?`` in place of characters that a file cannot hold, cut to its room."""
    shown = "".join("?" if has_control(c) or "\ud800" <= c <= "\udfff" else c for c in text)
    return shown.encode("utf8")[:MAX_TEXT_BYTES].decode("utf8", "ignore")


def is_storable(text: str) -> bool:
    """Whether a file can hold it: UTF-8 without control characters, not too long."""
    try:
        return len(text.encode("utf8")) <= MAX_TEXT_BYTES and not has_control(text)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return False


def shortened(text: str, most: int) -> str:
    """The text, or its begin where it is longer than ``most`` characters."""
    return text if len(text) <= most else f"{text[:most]}..."


def counted(number: int, what: str) -> str:
    """A number of things, whose plural ends in s."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def quoted(value: object, most: int = 99) -> str:
    """A value from outside for a message: in ASCII without control characters, and cut."""
    return shortened(ascii(value), most)


def _is_unseen(c: str) -> bool:
    return (
        unicodedata.category(c) in _UNSEEN
        or c in _UNSEEN_LETTERS
        or any(ord(c) in selectors for selectors in _VARIATION_SELECTORS)
    )
