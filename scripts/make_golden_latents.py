"""Make the file of latents, and its weights, that tests/feedforward/test_golden_latents.py decodes for ever.

Run it for a new version of the format alone, into new names: files that are there are never replaced. Other machines
round a float otherwise and would make another file; what they decode from this one is the same.
"""

from pathlib import Path

import numpy as np
import torch

from csgaussian_ns.feedforward.freeze import Sample, freeze
from csgaussian_ns.feedforward.model import read_model
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.feedforward.trained import TrainedNetwork
from csgaussian_ns.feedforward.views import Views

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "golden" / "latents"
TINY = Settings(
    channels=4, latent=3, hyper=2, hidden=6, matching=2, planes=3, partners=1, blocks=1, upsampling=1, levels=2
)


def views() -> Views:
    """Two cameras side by side."""
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 0, 3] = -0.3
    return Views(poses, np.array([[50.0, 50.0, 40.0, 32.0]] * 2), 80, 64, 1.0, 5.0)


def main() -> None:
    """Write both files."""
    torch.manual_seed(1)
    photos = np.random.default_rng(1).uniform(0, 1, (2, 3, 64, 80)).astype(np.float32)
    weights = freeze(TrainedNetwork(TINY), [Sample(photos, views())])
    model = read_model(weights)
    files = {f"{model.digest}.csgw": weights, "v1_latents.csg": model.encode(photos, views(), 1).data}
    for name, data in files.items():
        if (FOLDER / name).exists():
            raise SystemExit(f"{name} is there already")
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
