"""Every option of ours is documented, read by the code, and listed in method_configs.md."""

import ast
import inspect
from dataclasses import dataclass, field, fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts import method_configs

PACKAGE = Path(__file__).resolve().parents[2] / "csgaussian_ns"


def names_read(paths: list[Path]) -> set[str]:
    """Every attribute name that some code reads (``something.name``)."""
    return {
        node.attr
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


@pytest.fixture(scope="module")
def methods() -> dict[str, object]:
    if find_spec("nerfstudio") is None:
        pytest.skip("nerfstudio is not installed (extra: train)")
    if find_spec("csgaussian_ns.ns.config") is None:
        pytest.skip("csgaussian_ns.ns.config does not exist yet")
    return method_configs.our_methods()


def test_every_option_is_documented(methods):
    sections = method_configs.collect(methods)
    assert sections, "no config class of ours was found"
    silent = [f"{name}.{o.name}" for name, s in sections.items() for o in s.options.values() if not o.meaning]
    assert silent == []


def test_every_option_is_annotated(methods):
    """A class attribute without annotation looks like an option and is none."""
    bare = []
    for name, section in method_configs.collect(methods).items():
        annotated = set(inspect.get_annotations(section.cls))
        plain = {key for key, value in vars(section.cls).items() if not key.startswith("_") and not callable(value)}
        plain = {key for key in plain if not isinstance(vars(section.cls)[key], property | classmethod | staticmethod)}
        bare += [f"{name}.{key}" for key in plain - annotated]
    assert bare == []


def redefined(cls: type) -> set[str]:
    """Fields that a foreign base class has already: our class only changes the default, and the base reads them."""
    foreign = [base for base in cls.__mro__ if is_dataclass(base) and not base.__module__.startswith("csgaussian_ns")]
    return {item.name for base in foreign for item in fields(base)}


def test_every_option_is_read(methods):
    read = names_read(sorted(PACKAGE.rglob("*.py")))
    unread = []
    for name, section in method_configs.collect(methods).items():
        unread += [f"{name}.{key}" for key in set(section.options) - read - redefined(section.cls)]
    assert unread == []


def test_the_page_is_up_to_date(methods):
    assert method_configs.PAGE.read_text() == method_configs.render(methods), "run: make docs"


@dataclass
class Inner:
    rate: float = 0.5
    """Speed in units
    per step."""
    dead: int = 3


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    groups: dict = field(default_factory=lambda: {"x": {"slow": Inner(rate=2.0)}, "y": {"slow": Inner()}})
    """By name."""


def test_the_collector_finds_nested_options_and_missing_text(tmp_path):
    sections = method_configs.collect(
        {"one": Outer(), "two": Outer(inner=Inner(rate=1.0))}, Outer.__module__.split(".")[0]
    )
    assert sections["Inner"].places == ["--inner", "--groups.<group>.slow"]
    assert sections["Inner"].options["rate"].meaning == "Speed in units per step."
    assert sections["Inner"].options["rate"].values == {"one": ["0.5", "2.0"], "two": ["1.0", "2.0", "0.5"]}
    assert sections["Inner"].options["dead"].meaning == ""
    assert set(sections["Outer"].options) == {"groups"}
    (tmp_path / "code.py").write_text("def use(config):\n    config.dead = 1\n    return config.rate\n")
    assert names_read([tmp_path / "code.py"]) == {"rate"}
