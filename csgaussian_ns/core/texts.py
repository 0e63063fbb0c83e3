"""Texts that come from outside and go into files and onto terminals."""

MAX_TEXT_BYTES = 255
"""What a file has room for, in UTF-8."""


def has_control(text: str) -> bool:
    """Whether a text could move a terminal's cursor."""
    return any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)


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


def quoted(value: object) -> str:
    """A value from outside for a message: in ASCII without control characters, and cut."""
    return shortened(ascii(value), 99)
