"""The networks of a file on a device of torch: the same integers as everywhere else."""

from pathlib import Path

import pytest
import torch

from csgaussian_ns.codec import torch_networks
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.format import decode as numpy_side
from tests.codec.scenes import random_scene

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
OTHERS = {"v1_gaussians.csg", "v1_torchac.csg"}
"""No anchors; an optional coder."""
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(random_scene(3000), chunk_anchors=700).data


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_integers_and_all_tensors_are_there(data: bytes, device: str, monkeypatch: pytest.MonkeyPatch):
    used = set()
    evaluate = torch_networks.TorchNetworks.__call__

    def counted(self, network, inputs):
        used.add((self._device.type, network.num_outputs))
        return evaluate(self, network, inputs)

    monkeypatch.setattr(torch_networks.TorchNetworks, "__call__", counted)
    expected = numpy_side.decode(data)
    assert not used
    found = decode(data, device=device)
    assert {there for there, _ in used} == {device} and len(used) == 4  # the hyperprior and three channel networks
    assert found.digest() == expected.digest() == decode(data).digest()
    tensors = [found.grid, found.background, *vars(found.anchors).values(), *found.decoders.parameters()]
    assert {tensor.device.type for tensor in tensors} == {device}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", sorted({path.name for path in GOLDEN.glob("*.csg")} - OTHERS))
def test_golden_files(name: str, device: str):
    file = (GOLDEN / name).read_bytes()
    assert decode(file, device=device).digest() == numpy_side.decode(file).digest()


def test_whoever_lets_torch_round_products_gets_the_same(data: bytes):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert decode(data, device="cpu").digest() == numpy_side.decode(data).digest()
    finally:
        torch.set_float32_matmul_precision(before)


def test_a_device_that_is_not_there(data: bytes):
    with pytest.raises(ConfigError, match="'toaster'"):
        decode(data, device="toaster")
    if not torch.cuda.is_available():
        with pytest.raises(BackendUnavailable, match="no CUDA device"):
            decode(data, device="cuda")
