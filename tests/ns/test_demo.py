"""``make demo``: its commands run apart from each other, and know the options that it gives them."""

import sys
from typing import Any

import pytest
from nerfstudio.configs.method_configs import all_methods

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.ns import demo


def test_a_command_runs_in_a_process_of_its_own(capfd):
    before = list(sys.argv)
    demo._command("csg", "--help")
    assert "demo-scene" in capfd.readouterr().out
    assert sys.argv == before


def test_a_command_that_fails_ends_the_demo(capfd):
    with pytest.raises(CsgError, match="csg ended with exit code 2"):
        demo._command("csg", "info", "no/such/file.csg")
    assert "no/such/file.csg" in capfd.readouterr().err


@pytest.mark.parametrize("option", demo.SMALL_AND_QUICK)
def test_an_option_changes_the_method(option: str):
    value: Any = all_methods["csgaussian-lite"]
    for name in option.split("."):
        attribute = name.replace("-", "_")
        value = value[attribute] if isinstance(value, dict) else getattr(value, attribute)
    assert str(value) != demo.SMALL_AND_QUICK[option]
