"""Integer networks: one result everywhere, and nothing inexact gets through."""

import dataclasses
import hashlib
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.format.networks import fixed_point
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork, evaluate
from tests.format.networks import networks
from tests.format.variants import by_torch

GOLDEN = "096c3784ac7b0d17eb3cefbbc0345f56e602b7fb8d61df100ccff2ce8fd1937f"
"""SHA-256 of the outputs (little-endian int64) of ``networks.network()`` on ``networks.inputs(1000)``."""
FORMATS = ("auto", "float32", "float64", "int64")
ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import hashlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import networks
from csgaussian_ns.format.networks.fixed_point import evaluate
digest = lambda array: hashlib.sha256(np.ascontiguousarray(array, dtype="<i8").tobytes()).hexdigest()
network, inputs = networks.network(), networks.inputs(1000)
print(digest(evaluate(network, inputs, "float32")))
print(digest(evaluate(network, inputs, "float64")))
print(digest(evaluate(network, inputs)))
real = np.sin(np.arange(200 * 128, dtype=np.float32)).reshape(200, 128)
print(hashlib.sha256((real @ real.T).tobytes()).hexdigest())
"""


def digest(outputs: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(outputs, dtype="<i8").tobytes()).hexdigest()


def by_hand(network: IntegerNetwork, row: list[int]) -> list[int]:
    """The definition, in Python's integers."""
    for layer in network.layers:
        sums = [sum(w * x for w, x in zip(weights, row, strict=True)) for weights in layer.weight.tolist()]
        scaled = [
            ((total + bias) * multiplier + 2 ** (layer.shift - 1)) // 2**layer.shift
            for total, bias, multiplier in zip(sums, layer.bias.tolist(), layer.multiplier.tolist(), strict=True)
        ]
        row = [max(layer.lowest, min(layer.highest, value)) for value in scaled]
    return row


def test_outputs_follow_the_definition():
    network, inputs = networks.network(), networks.inputs(5)
    assert evaluate(network, inputs).tolist() == [by_hand(network, row) for row in inputs.tolist()]


@pytest.mark.parametrize("arithmetic", FORMATS)
def test_every_arithmetic_gives_the_golden_bits(arithmetic):
    network, inputs = networks.network(), networks.inputs(1000)
    for kind in (np.int16, np.int32, np.int64):
        assert digest(evaluate(network, inputs.astype(kind), arithmetic)) == GOLDEN


@pytest.mark.parametrize("arithmetic", FORMATS)
def test_another_library_gives_the_golden_bits(arithmetic):
    assert digest(by_torch(networks.network(), networks.inputs(1000), arithmetic)) == GOLDEN


@pytest.mark.gpu
@pytest.mark.parametrize("arithmetic", ["auto", "float32", "float64"])
def test_cuda_gives_the_golden_bits(arithmetic):
    assert digest(by_torch(networks.network(), networks.inputs(1000), arithmetic, "cuda")) == GOLDEN


@pytest.mark.parametrize("rows", [1, 7, 777, 100_000])
def test_blocks_and_batches_change_nothing(rows):
    network, inputs = networks.network(), networks.inputs(1000)
    assert digest(evaluate(network, inputs, block_rows=rows)) == GOLDEN
    parts = [evaluate(network, inputs[first : first + max(7, rows)]) for first in range(0, 1000, max(7, rows))]
    assert digest(np.concatenate(parts)) == GOLDEN


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_order_of_summation_changes_nothing(seed):
    network, inputs = networks.network(), networks.inputs(1000)
    order = np.random.default_rng(seed).permutation(63)
    first = dataclasses.replace(network.layers[0], weight=np.ascontiguousarray(network.layers[0].weight[:, order]))
    permuted = IntegerNetwork((first, *network.layers[1:]), network.input_limit)
    assert digest(evaluate(permuted, inputs[:, order])) == GOLDEN


def test_several_threads_may_evaluate_at_once():
    network, inputs = networks.network(), networks.inputs(1000)
    found: list[str] = []
    workers = [
        threading.Thread(target=lambda: found.append(digest(evaluate(network, inputs, block_rows=50))))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [GOLDEN] * 4


def test_other_kernels_of_the_matrix_library_change_nothing():
    variants = [{"OPENBLAS_CORETYPE": name} for name in ("Haswell", "Nehalem", "Prescott")]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(Path(networks.__file__).parent)],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variant},
            stdout=subprocess.PIPE,
            text=True,
        )
        for variant in variants
    ]
    answers = [child.communicate(timeout=200)[0].split() for child in children]
    assert [answer[:3] for answer in answers] == [[GOLDEN] * 3] * 3
    if platform.machine() == "x86_64":
        # The variants are real: an ordinary float32 product does differ between them.
        assert len({answer[3] for answer in answers}) > 1


def test_beyond_the_bound_float32_is_wrong_and_refused():
    """Control: the bound is real. 12-bit activations over 256 inputs reach 2**27."""
    network, inputs = networks.wide_network(), networks.wide_inputs()
    exact = evaluate(network, inputs, "int64")
    assert (fixed_point._by_product(network.layers[0], "float32")(inputs) != exact).mean() > 0.5
    with pytest.raises(QuantisationError, match="float32 is not exact"):
        evaluate(network, inputs, "float32")
    for arithmetic in ("auto", "float64"):
        assert digest(evaluate(network, inputs, arithmetic)) == digest(exact)


def test_sums_beyond_32_bits_are_summed_in_64(monkeypatch):
    inputs = np.full((3, 256), 4095, np.int64)
    wide = dataclasses.replace(networks.wide_network().layers[0], bias=np.full(16, (1 << 31) - 1))
    network, seen, real = IntegerNetwork((wide,), 4095), [], fixed_point._by_kernel
    monkeypatch.setattr(fixed_point, "_by_kernel", lambda layer, kind: seen.append(kind) or real(layer, kind))
    assert evaluate(network, inputs).tolist() == [by_hand(network, row) for row in inputs.tolist()]
    evaluate(networks.network(), networks.inputs(2))
    assert seen == [np.int64, np.int32, np.int32, np.int32]


@pytest.mark.parametrize("arithmetic", FORMATS)
def test_without_numba_auto_is_a_matrix_product(arithmetic, monkeypatch):
    monkeypatch.setattr(fixed_point, "COMPILED", False)
    monkeypatch.delattr(fixed_point, "layer_outputs")
    assert digest(evaluate(networks.network(), networks.inputs(1000), arithmetic)) == GOLDEN


def test_the_bound_itself_is_where_float32_ends():
    def one_row(total: int) -> IntegerNetwork:
        # A row of ones: its bound is exactly `total` times the limit of the input.
        weight, one = np.ones((1, total), dtype=np.int8), np.ones(1, dtype=np.int64)
        return IntegerNetwork((IntegerLayer(weight, one, one, 1, 0, 1),), 1 << 12)

    fits, too_much = one_row((1 << 12) - 1), one_row(1 << 12)
    assert fits.row_bounds() == [(1 << 24) - (1 << 12)] and too_much.row_bounds() == [1 << 24]
    evaluate(fits, np.zeros((1, (1 << 12) - 1), dtype=np.int64), "float32")
    with pytest.raises(QuantisationError):
        evaluate(too_much, np.zeros((1, 1 << 12), dtype=np.int64), "float32")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shift": 0}, "shift 0"),
        ({"shift": 41}, "shift 41"),
        ({"lowest": 5, "highest": 5}, "ascending"),
        ({"highest": 1 << 31}, "fit into int32"),
        ({"multiplier": np.zeros(64, dtype=np.int64)}, "multipliers"),
        ({"multiplier": np.full(64, 1 << 15, dtype=np.int64)}, "multipliers"),
        ({"bias": np.full(64, 1 << 31, dtype=np.int64)}, "biases"),
    ],
)
def test_layers_out_of_range_are_refused(change, message):
    with pytest.raises(QuantisationError, match=message):
        dataclasses.replace(networks.network().layers[0], **change)


def test_networks_that_do_not_fit_are_refused():
    network = networks.network()
    wide_activations = dataclasses.replace(network.layers[0], highest=1 << 15)
    for layers, limit, message in (
        ((), 511, "at least one layer"),
        ((network.layers[0], network.layers[0]), 511, "64 outputs meet 63 inputs"),
        ((wide_activations, *network.layers[1:]), 511, "inputs of layer 1 reach 32768"),
        (network.layers, 0, "inputs of layer 0"),
        (network.layers, 1 << 15, "inputs of layer 0"),
    ):
        with pytest.raises(QuantisationError, match=message):
            IntegerNetwork(layers, limit)


def test_inputs_are_checked():
    network = networks.network()
    for bad in (512, -512):
        given = np.zeros((3, 63), dtype=np.int64)
        given[2, 5] = bad
        with pytest.raises(QuantisationError, match="limit of 511"):
            evaluate(network, given)
    with pytest.raises(ValueError, match="takes 63 inputs"):
        evaluate(network, np.zeros((3, 62), dtype=np.int64))
    assert evaluate(network, np.zeros((0, 63), dtype=np.int32)).shape == (0, 20)
