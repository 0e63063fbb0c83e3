"""``benchmarks/hemgs_rates.py``: bytes at equal quality."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.neighbours import Neighbours
from csgaussian_ns.format.networks.near import Neighbourhood


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    return importlib.import_module("hemgs_rates")


def test_variants_by_name_or_numbers(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    script = importlib.import_module("hemgs")
    assert script.variant("2,7,3").keywords["selection"] == Neighbourhood(waves=2, most=7, reach=3)
    assert script.variant("hemgs") is Neighbours
    with pytest.raises(ConfigError, match="waves,neighbours,reach"):
        script.variant("2,7")


def test_bytes_at_equal_quality(rates: Any):
    files = [(100e3, 26.0), (150e3, 27.0), (240e3, 27.8), (400e3, 28.3)]
    assert rates.bd_rate(files, files) == pytest.approx(0)
    assert rates.bd_rate(files, [(1.1 * size, psnr) for size, psnr in files]) == pytest.approx(10)
    assert rates.bd_rate([(100, 20.0), (200, 21.0)], [(100, 20.5), (200, 21.5)]) == pytest.approx(100 * (2**-0.5 - 1))
    assert rates.bd_rate(files, [*files, (200e3, 26.5)]) == pytest.approx(0)  # a file that a smaller one beats
    assert rates.bd_rate(files, [(100, 20.0), (200, 21.0)]) is None  # no quality in common
    assert rates.bd_psnr(files, [(size, psnr + 0.3) for size, psnr in files]) == pytest.approx(0.3)
    assert rates.bd_psnr(files, [(100, 20.0), (200, 21.0)]) is None  # nor a size
    with pytest.raises(ConfigError, match="PSNR rises"):
        rates.bd_rate(files, [(100, 27.0), (200, 26.5)])
    with pytest.raises(ConfigError, match=r"no runs of .* at lambda \[0\.5\]"):
        rates.dedicated(rates.Options(lambdas=(0.5,)))
