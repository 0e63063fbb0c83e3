"""LPIPS beside the implementation of torchmetrics, with random weights: real ones are a file of the user's own."""

import math
from pathlib import Path

import pytest
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.render.lpips import Lpips, load_lpips

other = pytest.importorskip("torchmetrics.functional.image.lpips", reason="torchmetrics comes with nerfstudio")
pytest.importorskip("torchvision", reason="torchmetrics needs it for LPIPS")


@pytest.fixture(params=["alex", "vgg"])
def reference(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(3)
    return other._LPIPS(pretrained=True, net=request.param, pnet_rand=True).eval()


def test_as_torchmetrics_has_it(reference: torch.nn.Module, tmp_path: Path):
    torch.save(reference.state_dict(), tmp_path / "weights.pt")
    ours = load_lpips(tmp_path / "weights.pt")
    assert ours.net == reference.pnet_type
    one, two = torch.rand(70, 90, 3), torch.rand(70, 90, 3)
    for first, second in ((one, two), (one, 0.9 * one), (torch.zeros(64, 64, 3), torch.ones(64, 64, 3))):
        with torch.no_grad():
            expected = reference(*(2 * part.permute(2, 0, 1)[None] - 1 for part in (first, second)))
        assert math.isclose(ours(first, second), float(expected), rel_tol=1e-3) and float(expected) > 0
    assert ours(one, one) == 0
    with pytest.raises(ConfigError, match="at least 32 pixels a side; these are 40x20"):
        ours(torch.rand(20, 40, 3), torch.rand(20, 40, 3))


def test_what_is_no_file_of_weights(tmp_path: Path):
    path = tmp_path / "weights.pt"
    with pytest.raises(ConfigError, match="cannot be read as weights of LPIPS: FileNotFoundError"):
        load_lpips(path)
    path.write_text("something")
    with pytest.raises(ConfigError, match=r"weights.pt cannot be read as weights of LPIPS: .*; torch.save"):
        load_lpips(path)
    for wrong in ([1], {"net.slice1.0.weight": torch.zeros(64, 3, 3, 3)}, {}):
        torch.save(wrong, path)
        with pytest.raises(ConfigError, match=r"weights.pt: expected weights of LPIPS; torch.save"):
            load_lpips(path)
    with pytest.raises(ConfigError, match="expected weights of LPIPS"):
        Lpips({"net.slice1.0.weight": torch.zeros(2, 3, 11, 11)})
