"""The plan for many scenes says what its script computes, from records that are there."""

import re
from dataclasses import fields, replace

import pytest

from scripts import fleet_plan


def number(rows: list[tuple[str, ...]], what: str) -> float:
    [value] = [row[1] for row in rows if row[0] == what]
    found = re.match(r"[\d,.]+", value)
    assert found is not None
    return float(found[0].replace(",", ""))


def test_tables_are_those_of_the_script():
    page = fleet_plan.PAGE.read_text("utf8")
    assert fleet_plan.with_tables(page) == page, "run: python scripts/fleet_plan.py"
    assert re.findall(r"<!-- (\w+) -->", page) == [
        mark for name in fleet_plan.tables() for mark in (name, "end")
    ]  # fmt: skip


def test_a_table_that_drifted_is_seen():
    page = fleet_plan.PAGE.read_text("utf8")
    assert "9,167 GPU hours" in page
    assert fleet_plan.with_tables(page.replace("9,167 GPU hours", "9,168 GPU hours")) == page


def test_each_assumption_is_named():
    rows = fleet_plan.assumed_rows(fleet_plan.Assumed())
    assert len(rows) == len(fields(fleet_plan.Assumed)) and all(len(what) > 5 for what, _ in rows)


def test_what_follows_grows_as_it_must():
    measured, assumed = fleet_plan.read(), fleet_plan.Assumed()
    rows = fleet_plan.result_rows(measured, assumed)
    slower = fleet_plan.result_rows(replace(measured, train_seconds=3 * measured.train_seconds), assumed)
    assert number(slower, "training") == pytest.approx(3 * number(rows, "training"), rel=1e-3)
    assert number(slower, "tasks that a spot machine loses") > number(rows, "tasks that a spot machine loses")
    twice = fleet_plan.result_rows(measured, replace(assumed, scenes=2 * assumed.scenes))
    for what in ("training", "photos", "objects in the store", "checkpoints sent away for that"):
        assert number(twice, what) == pytest.approx(2 * number(rows, what), rel=0.02)
    assert number(rows, "training") == round(1e5 * 330 / 3600)
    prices = fleet_plan.price_rows(measured, assumed)
    assert number(prices, "training and encoding, spot") == pytest.approx(
        assumed.spot_share * number(prices, "training and encoding, on demand"), rel=1e-3
    )
