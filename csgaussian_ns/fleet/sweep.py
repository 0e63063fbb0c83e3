"""Sweeps: options with lists of values, and the rows that they stand for."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.fleet.task import Value

MOST = 100_000
"""Tasks that one row may stand for."""


def expanded(options: Mapping[str, Any], where: str) -> Iterator[tuple[dict[str, Value], dict[str, Value]]]:
    """Every combination of the values of options, the last option changing first.

    A list is a sweep; a list in it, as in ``[[0.002, 0.004]]``, is one value of several words.

    Args:
        options: By name.
        where: For messages.

    Yields:
        Values of all options, and of those that change.

    Raises:
        DataError: A value is neither a text nor a number, a list is empty, or there are too many combinations.
    """
    choices = {name: _choices(value, f"{where}: {name}") for name, value in options.items()}
    count = 1
    for values in choices.values():
        count *= len(values)
    if count > MOST:
        raise DataError(f"{where}: its sweep has {count:,} combinations; expected {MOST:,} at most")
    swept = [name for name, values in choices.items() if len(values) > 1]
    for chosen in itertools.product(*choices.values()):
        values = dict(zip(choices, chosen, strict=True))
        yield values, {name: values[name] for name in swept}


def _choices(value: Any, where: str) -> list[Value]:
    if not isinstance(value, list):
        return [_value(value, where)]
    if not value:
        raise DataError(f"{where}: expected values, got an empty list")
    chosen = [
        tuple(_value(part, where) for part in one) if isinstance(one, list) else _value(one, where) for one in value
    ]
    if len({str(one) for one in chosen}) < len(chosen):
        raise DataError(f"{where}: a value is given twice in {quoted(value)}")
    return chosen  # type: ignore[return-value]


def _value(value: Any, where: str) -> Any:
    if not isinstance(value, str | int | float):
        raise DataError(f"{where}: expected a text, a number, true or false, or a list of them, got {quoted(value)}")
    return value
