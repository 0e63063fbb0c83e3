"""Decodes one file in every way there is and prints the SHA-256 of the integers: in test_any_device.py, elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.networks import fixed_point
from csgaussian_ns.format.networks.fixed_point import IntegerNetwork

NETWORKS = "csgaussian_ns.format.networks"


@contextmanager
def networks_by(evaluate: Callable[..., Any]) -> Iterator[None]:
    """Let every network of the decoder be evaluated by this function."""
    names = (f"{NETWORKS}.{module}.evaluate" for module in ("hyper_carm", "hyperprior", "told"))
    with ExitStack() as patches:
        for name in names:
            patches.enter_context(mock.patch(name, evaluate))
        yield


def by_torch(network: IntegerNetwork, inputs: np.ndarray, arithmetic: str = "auto", device: str = "cpu") -> np.ndarray:
    """FORMAT.md 8 in another library: its matrix products, on the CPU or a GPU, sum in another order."""
    values = torch.from_numpy(inputs.astype(np.int64)).to(device)
    for layer, bound in zip(network.layers, network.row_bounds(), strict=True):
        exact = "float32" if bound < fixed_point.FLOAT32_BOUND else "float64"
        product = getattr(torch, exact if arithmetic == "auto" else arithmetic)
        weight, bias, multiplier = (
            torch.from_numpy(np.array(array)).to(device) for array in (layer.weight.T, layer.bias, layer.multiplier)
        )
        sums = (values.to(product) @ weight.to(product)).to(torch.int64)
        values = ((sums + bias) * multiplier + (1 << (layer.shift - 1))) >> layer.shift
        values = values.clamp(layer.lowest, layer.highest)
    return values.cpu().numpy()


def in_blocks(rows: int) -> Callable[..., np.ndarray]:
    """So many rows at a time."""
    return partial(fixed_point.evaluate, block_rows=rows)


def digests(data: bytes) -> dict[str, str]:
    """Digest by name of the way."""
    found = {
        f"{arithmetic}, {threads} threads": decode(data, arithmetic=arithmetic, threads=threads).digest()
        for arithmetic in ("auto", "float32", "float64", "int64")
        for threads in (1, 2, 4)
    }
    for arithmetic in ("float32", "float64", "int64"):
        with networks_by(by_torch):
            found[f"torch {arithmetic}"] = decode(data, arithmetic=arithmetic).digest()
    for rows in (1, 7, 1 << 20):
        with networks_by(in_blocks(rows)):
            found[f"blocks of {rows}"] = decode(data).digest()
    return found


if __name__ == "__main__":
    results = digests(Path(sys.argv[1]).read_bytes())
    sys.stdout.write(" ".join([str(len(results)), *sorted(set(results.values()))]) + "\n")
