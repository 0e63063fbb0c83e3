"""Every entropy model of the registry, made integer: in a file, the same on all arithmetics, safe against damage."""

import random

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.integer import integer_hyperprior
from csgaussian_ns.entropy.registry import MODELS, new_model
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.networks import encodings
from csgaussian_ns.format.networks.hyperprior import IntegerHyperprior, read_hyperprior, write_hyperprior
from tests.codec.scenes import hyper_carm, random_scene
from tests.sampled_types import types_sampled

LAYOUT = AttributeLayout(6, 2, (1.0, 0.2, 0.2))
every = pytest.mark.parametrize("name", MODELS)
alone = pytest.mark.parametrize("name", [name for name in MODELS if name != "spaced"])  # which reads distances, too


def some_voxels(count: int = 400) -> np.ndarray:
    return np.unique(np.random.default_rng(0).integers(-300, 300, (count, 3)).astype(np.int32), axis=0)


def some_hyperprior(name: str) -> tuple[IntegerHyperprior, np.ndarray]:
    grid = some_voxels()
    model = hyper_carm(name, LAYOUT, 16, 8)
    model.encoding.fit(torch.from_numpy(grid))
    return integer_hyperprior(model.hyperprior, model.encoding, grid), grid


def test_names_and_numbers_are_each_used_once():
    coded = {hyper_carm(name, LAYOUT, 16, 8).encoding.CODED for name in MODELS}
    assert coded == set(encodings.ENCODINGS.values())
    assert len(encodings.ENCODINGS) == len(coded) and {0, 1, 2, 3} == set(encodings.ENCODINGS)
    with pytest.raises(ConfigError, match="inr, triplane, hashgrid, factorised"):
        new_model("oracle", LAYOUT, Widths(16))
    with pytest.raises(ConfigError, match="at least 6"):
        new_model("inr", AttributeLayout(5, 2, (1.0, 0.2, 0.2)), Widths(16, 8))


@every
def test_floats_and_integers_say_the_same_of_a_place(name: str):
    grid = some_voxels()
    encoding = hyper_carm(name, LAYOUT, 16, 8).encoding
    encoding.fit(voxels := torch.from_numpy(grid))
    integers = encoding.integers(grid)
    coded, trained = torch.from_numpy(integers(grid)), encoding(voxels).detach()
    assert coded.shape == trained.shape == (len(grid), encoding.channels) and integers.channels == encoding.channels
    assert int(coded.abs().max()) <= integers.LIMIT
    assert float((coded * encoding.UNIT - trained).abs().max()) <= encoding.UNIT * 1.01
    rows = torch.tensor([3, 0, 9])
    assert torch.equal(encoding(voxels, rows), trained[rows])


@every
def test_a_scene_comes_back_and_its_model_is_counted(name: str):
    scene = random_scene(600, encoding=name)
    encoded = encode(scene, chunk_anchors=256)
    digests = {decode(encoded.data, arithmetic=a).digest() for a in ("auto", "float32", "float64", "int64")}
    assert len(digests) == 1
    assert encoded.bytes_by_kind["NETE"] > 100 and sum(encoded.bytes_by_kind.values()) == len(encoded.data)


@alone
def test_batches_and_arithmetic_change_no_bit(name: str):
    hyperprior, grid = some_hyperprior(name)
    whole = hyperprior.prior(grid, "int64")
    for arithmetic in ("float32", "float64"):
        assert all(map(np.array_equal, hyperprior.prior(grid, arithmetic), whole))
    for rows in (slice(0, 1), slice(7, 60)):
        assert all(
            np.array_equal(part, all_[rows]) for part, all_ in zip(hyperprior.prior(grid[rows]), whole, strict=True)
        )


@alone
def test_a_stored_hyperprior_is_the_same_function(name: str):
    hyperprior, grid = some_hyperprior(name)
    data = write_hyperprior(hyperprior)
    again = read_hyperprior(data, LAYOUT)
    assert write_hyperprior(again) == data
    assert all(map(np.array_equal, again.prior(grid), hyperprior.prior(grid)))


@alone
def test_damage_is_refused_or_harmless(name: str):
    """A flipped bit gives a typed error or another function (the known answer's business), never anything else."""
    hyperprior, grid = some_hyperprior(name)
    data = write_hyperprior(hyperprior)
    dice, refused = random.Random(0), 0
    for number in range(200):
        damaged = bytearray(data[: dice.randrange(len(data))] if number % 5 == 0 else data)
        if number % 5:
            damaged[dice.randrange(min(len(data), 120 if number % 2 else len(data)))] ^= 1 << dice.randrange(8)
        try:
            with types_sampled(number):
                read_hyperprior(bytes(damaged), LAYOUT).prior(grid[:5])
        except FormatError:
            refused += 1
    assert refused >= 45


def test_unknown_encodings_and_wrong_networks_are_refused():
    hyperprior, _ = some_hyperprior("inr")
    data = write_hyperprior(hyperprior)
    with pytest.raises(FormatError, match="unknown number 250"):
        read_hyperprior(b"\xfa" + data[1:], LAYOUT)
    with pytest.raises(FormatError, match="encoding and attributes need 1 up to 511"):
        read_hyperprior(b"\x01" + data[1:], LAYOUT)
    with pytest.raises(FormatError, match="attributes need 63 up to 511 and 45"):
        read_hyperprior(data, AttributeLayout(9, 2, (1.0, 0.2, 0.2)))
