"""Sizes that people type."""

import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500kB", 500_000),
        ("500KB", 500_000),
        ("1.5MB", 1_500_000),
        (" 1.5 mb ", 1_500_000),
        ("480KiB", 491_520),
        ("2GiB", 2 << 30),
        ("123456", 123_456),
        ("77B", 77),
        (".5k", 500),
        ("3.M", 3_000_000),
    ],
)
def test_sizes_are_read(text: str, size: int):
    assert parse_size(text, "--target-size") == size


@pytest.mark.parametrize(
    "text",
    ["", "kB", "-5kB", "5 apples", "1e6", "nan", "inf", "0", "0.0001kB", "1,5MB", "5kB5", "5kb/s", "9" * 400, "٥kB x"],
)
def test_what_is_no_size_is_refused_in_one_line(text: str):
    with pytest.raises(ConfigError, match=r"--target-size .*: expected a size such as 500kB") as caught:
        parse_size(text, "--target-size")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
