"""The shipped tables: what they hold, and that a change is noticed."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.quant import tables


def test_sine_table_is_the_rounded_sine():
    exact = [511 * math.sin(2 * math.pi * i / 1024) for i in range(1024)]
    assert tables.SINE_TABLE.tolist() == [round(value) for value in exact]
    # Far enough from every tie that a sine wrong in its last bits gives the same table.
    assert min(abs(abs(value - round(value)) - 0.5) for value in exact) > 1e-3


def test_step_table_is_the_rounded_hyperbolic_tangent():
    with localcontext() as context:
        context.prec = 40
        growth = [(2 * Decimal(i) / 64).exp() for i in range(-256, 257)]
        exact = [65536 * (Decimal("1.1") + (value - 1) / (value + 1)) for value in growth]
    assert tables.STEP_TABLE.tolist() == [int(value.to_integral_value()) for value in exact]
    assert min(abs(abs(value % 1) - Decimal("0.5")) for value in exact) > Decimal("1e-4")


def test_tables_cannot_be_written():
    for table in (tables.SINE_TABLE, tables.STEP_TABLE):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1


@pytest.mark.parametrize("entry", [0, 256, 512])
def test_a_changed_entry_is_noticed(entry):
    changed = tables.STEP_TABLE.copy()
    changed[entry] += 1
    with pytest.raises(QuantisationError, match="shipped table was changed"):
        tables.parse_table(" ".join(map(str, changed)), tables.STEP_SHA256)


def test_a_swapped_sine_entry_is_noticed():
    quarter = tables.SINE_TABLE[:257].copy()
    quarter[[100, 101]] = quarter[[101, 100]]
    with pytest.raises(QuantisationError):
        tables.parse_table(" ".join(map(str, quarter)), tables.SINE_SHA256, quarter_wave=True)
    again = tables.parse_table(" ".join(map(str, tables.SINE_TABLE[:257])), tables.SINE_SHA256, quarter_wave=True)
    assert np.array_equal(again, tables.SINE_TABLE)
