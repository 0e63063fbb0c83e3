"""Decodes one file in every way there is and prints the SHA-256 of the integers: in test_any_device.py, elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.quant import fixed_point
from csgaussian_ns.quant.fixed_point import Arithmetic


@contextmanager
def networks_by(evaluate: Callable[..., Any]) -> Iterator[None]:
    """Let every network of the decoder be evaluated by this function."""
    with (
        mock.patch("csgaussian_ns.entropy.integer.evaluate", evaluate),
        mock.patch("csgaussian_ns.entropy.integer_prior.evaluate", evaluate),
    ):
        yield


def by_numpy(
    network: fixed_point.IntegerNetwork, inputs: torch.Tensor, arithmetic: Arithmetic = "auto"
) -> torch.Tensor:
    """In numpy, whose BLAS is another one than torch's."""
    return torch.from_numpy(fixed_point.evaluate(network, inputs.numpy(), arithmetic))  # type: ignore[arg-type]


def in_blocks(rows: int) -> Callable[..., torch.Tensor]:
    """So many rows at a time."""

    def evaluate(
        network: fixed_point.IntegerNetwork, inputs: torch.Tensor, arithmetic: Arithmetic = "auto"
    ) -> torch.Tensor:
        return fixed_point.evaluate(network, inputs, arithmetic, rows)

    return evaluate


def on_cuda(network: fixed_point.IntegerNetwork, inputs: torch.Tensor, arithmetic: Arithmetic = "auto") -> torch.Tensor:
    """On the GPU."""
    return fixed_point.evaluate(network, inputs.cuda(), arithmetic).cpu()  # type: ignore[arg-type]


def digests(data: bytes) -> dict[str, str]:
    """Digest by name of the way."""
    found = {
        f"{arithmetic}, {threads} threads": decode(data, arithmetic=arithmetic, threads=threads).digest()
        for arithmetic in ("auto", "float32", "float64", "int64")
        for threads in (1, 2, 4)
    }
    for arithmetic in ("float32", "float64", "int64"):
        with networks_by(by_numpy):
            found[f"numpy {arithmetic}"] = decode(data, arithmetic=arithmetic).digest()
    for rows in (1, 7, 1 << 20):
        with networks_by(in_blocks(rows)):
            found[f"blocks of {rows}"] = decode(data).digest()
    return found


if __name__ == "__main__":
    results = digests(Path(sys.argv[1]).read_bytes())
    sys.stdout.write(" ".join([str(len(results)), *sorted(set(results.values()))]) + "\n")
