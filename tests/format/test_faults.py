"""The checks bite: a decoder with one deliberate fault must refuse the file, not return another scene."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import CsgError, FormatError
from csgaussian_ns.format import attribute_streams
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.networks import fixed_point, hyper_carm, hyperprior, positional
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.format.tables import integers
from tests.codec.scenes import random_scene


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(random_scene(400, feature_dim=20, num_offsets=3, kept=0.7), chunk_anchors=200).data


def wrong_step(patch: pytest.MonkeyPatch) -> None:
    real = hyperprior.integer_steps
    patch.setattr(hyperprior, "integer_steps", lambda raw: real(raw) + (raw == raw.max()))


def requantiser_off_by_one(patch: pytest.MonkeyPatch) -> None:
    real = hyper_carm.requantise
    patch.setattr(hyper_carm, "requantise", lambda values, *how: (real(values, *how) + 1).clip(-511, 511))


def swapped_networks(patch: pytest.MonkeyPatch) -> None:
    """Slices in another order: the second CARM network is fed the anchors in reverse."""
    real = hyper_carm.evaluate
    patch.setattr(hyper_carm, "evaluate", lambda network, inputs, *how: real(network, inputs[::-1], *how))


def swapped_types(patch: pytest.MonkeyPatch) -> None:
    real = hyperprior.IntegerPrior.channels
    patch.setattr(
        hyperprior.IntegerPrior, "channels", lambda self, which, kind, family: real(self, which, 2 - kind, family)
    )


def swapped_anchors(patch: pytest.MonkeyPatch) -> None:
    real = hyper_carm.IntegerHyperCarm.walk
    rolled = lambda model, grid, *rest: real(model, np.roll(grid, 1, 0), *rest)  # noqa: E731
    patch.setattr(hyper_carm.IntegerHyperCarm, "walk", rolled)


def _floating(network: fixed_point.IntegerNetwork, inputs: np.ndarray, _: str = "auto") -> np.ndarray:
    values = inputs.astype(np.float32)
    for layer in network.layers:
        values = values @ layer.weight.T.astype(np.float32) + layer.bias.astype(np.float32)
        values = values * (layer.multiplier.astype(np.float32) / np.float32(2**layer.shift))
        values = values.clip(layer.lowest, layer.highest)
    return np.rint(values).astype(np.int64)


def floating_hyperprior(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hyperprior, "evaluate", _floating)


def floating_autoregression(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hyper_carm, "evaluate", _floating)


def noise_of_a_blas(patch: pytest.MonkeyPatch) -> None:
    """One output in a thousand differs by one."""
    real, random = hyper_carm.evaluate, np.random.default_rng(0)

    def evaluate(
        network: fixed_point.IntegerNetwork, inputs: np.ndarray, how: fixed_point.Arithmetic = "auto"
    ) -> np.ndarray:
        out = real(network, inputs, how)
        return out + (random.random(out.shape) < 1e-3)

    patch.setattr(hyper_carm, "evaluate", evaluate)


def changed_sine(patch: pytest.MonkeyPatch) -> None:
    table = integers("sines.bin").copy()
    table[300:310] += 1
    patch.setattr(positional, "integers", lambda name: table)


def swapped_probabilities(patch: pytest.MonkeyPatch) -> None:
    tables = load_tables()
    changed = tables.frequencies.copy()
    # two neighbours of unequal frequency in the middle of a much used table
    middle = int(tables.offsets[40] - tables.minimum[40])
    changed[[middle, middle + 2]] = changed[[middle + 2, middle]]
    cumulative = np.concatenate([[0], np.cumsum(changed)[:-1]])
    starts = np.repeat(cumulative[tables.offsets], tables.sizes)
    patch.setattr(
        attribute_streams,
        "load_tables",
        lambda: replace(tables, frequencies=changed, cumulative=(cumulative - starts).astype("i4")),
    )


FAULTS = (
    wrong_step,
    requantiser_off_by_one,
    swapped_networks,
    swapped_types,
    swapped_anchors,
    floating_hyperprior,
    floating_autoregression,
    noise_of_a_blas,
    changed_sine,
    swapped_probabilities,
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_fault_is_noticed(data: bytes, monkeypatch: pytest.MonkeyPatch, fault):
    assert len(decode(data, threads=1).grid) > 300  # sound before
    fault(monkeypatch)
    with pytest.raises(FormatError, match=r"known answer|checksum|rANS"):
        decode(data, threads=1)


@pytest.mark.parametrize("fault", [floating_autoregression, noise_of_a_blas], ids=lambda fault: fault.__name__)
def test_checksums_of_decoded_content_are_what_notices(data: bytes, monkeypatch: pytest.MonkeyPatch, fault):
    """Without them such a fault could pass: so they are not decoration."""
    expected = decode(data, threads=1).digest()
    fault(monkeypatch)
    monkeypatch.setattr("csgaussian_ns.format.chunks.compare_crc", lambda *_: None)
    monkeypatch.setattr("csgaussian_ns.format.streams.rans.Decoder.finish", lambda _: None)
    with suppress(CsgError):
        assert decode(data, threads=1).digest() != expected


def test_a_bound_that_float32_does_not_hold_gives_other_sums():
    """The check of 2^24 in ``IntegerNetwork`` is needed: beyond it float32 is wrong, and ``auto`` takes float64."""
    random = np.random.default_rng(0)
    weight = random.integers(-127, 128, (64, 512)).astype(np.int8)
    ones = np.ones(64, np.int64)
    layer = fixed_point.IntegerLayer(weight, 0 * ones, ones, 1, -fixed_point.MAX_OUTPUT, fixed_point.MAX_OUTPUT)
    network = fixed_point.IntegerNetwork((layer,), 32767)
    inputs = random.integers(-32767, 32768, (200, 512))
    assert max(network.row_bounds()) > fixed_point.FLOAT32_BOUND
    exact = fixed_point.evaluate(network, inputs, "int64")
    assert np.array_equal(fixed_point.evaluate(network, inputs), exact)
    assert not np.array_equal(_floating(network, inputs), exact)
