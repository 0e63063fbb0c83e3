"""Integer networks and inputs for tests, from plain integer arithmetic: the same in every process and version."""

from itertools import pairwise

import numpy as np

from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork


def numbers(count: int, lowest: int, highest: int, seed: int) -> np.ndarray:
    """Scattered integers in ``lowest..highest``, int64."""
    mixed = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(1000003 * seed)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return ((mixed >> np.uint64(33)) % np.uint64(highest - lowest + 1)).astype(np.int64) + lowest


def network(widths: tuple[int, ...] = (63, 64, 64, 20), seed: int = 1) -> IntegerNetwork:
    """A W8/A10 network whose hidden activations use their range and whose outputs have 8 fractional bits."""
    layers = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        is_last = number == len(widths) - 2
        salt = 10 * seed + number
        layers.append(
            IntegerLayer(
                weight=numbers(outputs * inputs, -127, 127, salt).reshape(outputs, inputs).astype(np.int8),
                bias=numbers(outputs, -200000, 200000, salt + 3),
                multiplier=numbers(outputs, 8000, 32767, salt + 5),
                shift=23,
                lowest=-(1 << 23) if is_last else 0,
                highest=(1 << 23) - 1 if is_last else 1023,
            )
        )
    return IntegerNetwork(tuple(layers), 511)


def inputs(rows: int, columns: int = 63, seed: int = 7) -> np.ndarray:
    return numbers(rows * columns, -511, 511, seed).reshape(rows, columns)


def wide_network() -> IntegerNetwork:
    """Activations of 12 bits over 256 inputs: sums reach 2**27, beyond what float32 holds."""
    layer = IntegerLayer(
        weight=numbers(16 * 256, 90, 127, 2).reshape(16, 256).astype(np.int8),
        bias=np.zeros(16, dtype=np.int64),
        multiplier=np.full(16, 2, dtype=np.int64),
        shift=1,
        lowest=-(1 << 30),
        highest=1 << 30,
    )
    return IntegerNetwork((layer,), 4095)


def wide_inputs() -> np.ndarray:
    return numbers(100 * 256, 2001, 4095, 3).reshape(100, 256)
