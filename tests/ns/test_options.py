"""What ``ns.options`` answers about methods, before anything is trained."""

from collections.abc import Iterator

import pytest

from csgaussian_ns.fleet.options import Ask, Nerfstudio

pytestmark = pytest.mark.slow
LITE, MANY = "csgaussian-lite", "csgaussian-hemgs-lite"


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """As ``csg batch`` asks: a process of its own."""
    with Nerfstudio() as made:
        yield made


def test_names_and_whether_a_file_can_be_made(ask: Ask):
    told = ask({"method": LITE, "arguments": None})
    assert told["csg"] is True and {"--max-num-iterations", "--pipeline.model.lambda-rate"} <= set(told["options"])
    other = ask({"method": "nerfacto", "arguments": None})
    assert other["csg"] is False and "--max-num-iterations" in other["options"]
    assert {LITE, MANY} <= set(ask({"method": "csgaussian-light", "arguments": None})["methods"])


def test_values(ask: Ask):
    good = ["--pipeline.model.lambda-rate", "0.002"]
    assert ask({"method": LITE, "arguments": good}) == {"error": None}
    told = ask({"method": LITE, "arguments": ["--pipeline.model.lambda-rate", "much"]})["error"]
    assert told is not None and "much" in told and "\n" not in told


def test_lambdas_of_the_file(ask: Ask):
    assert ask({"method": MANY, "arguments": [], "rate": 0.01}) == {"error": None}
    told = ask({"method": MANY, "arguments": [], "rate": 0.5})["error"]
    assert told is not None and told.startswith("lambda 0.5 lies outside of 0.002..0.016")
    weights = ["--pipeline.model.scene.rate-weights", "0.1", "0.9"]
    assert ask({"method": MANY, "arguments": weights, "rate": 0.5}) == {"error": None}
    told = ask({"method": LITE, "arguments": [], "rate": 0.004})["error"]
    assert told == "its runs are trained for one lambda alone; csgaussian-hemgs is for many"
