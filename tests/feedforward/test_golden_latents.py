"""A file of latents that every release decodes for ever, to the same integers (scripts/make_golden_latents.py)."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.feedforward.found import VARIABLE, model_named
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.latents.coding import decode_latents
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from csgaussian_ns.receiver.load import load
from tests.format.variants import by_torch

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "latents"
FILE = "413fcdd46eb259a19a02101584959c23c3f959cf4f3669d1f3d4f8ae7407ced8"
WEIGHTS = "aa74b4201f46c3ad359be761ae70e70c834a6e6ae87e6d47b918ba7329148c63"
CONTENT = "5a232b625c20370c07d31bd48fcac0bbe4ef3cee9f38301f9ff3a997773b4007"
MEANS = (0.26642, 0.07933, 2.30464)
"""Means of the Gaussians' centres, as of the day when the file was made."""


@pytest.fixture(autouse=True)
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(FOLDER))


@pytest.mark.parametrize("arithmetic", ["auto", "float64", "int64", by_torch])
def test_it_decodes_as_on_its_first_day(arithmetic):
    data = (FOLDER / "v1_latents.csg").read_bytes()
    assert hashlib.sha256(data).hexdigest() == FILE, "a golden file was replaced; add a new one instead"
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted([f"{WEIGHTS}.csgw", "v1_latents.csg"])
    coder = model_named(WEIGHTS).coder
    assert decode_latents(read_container(data), coder, DEFAULT_LIMITS, arithmetic=arithmetic).digest() == CONTENT


def test_its_gaussians_are_where_they_were():
    scene = load(FOLDER / "v1_latents.csg")
    assert len(scene) == 640 and scene.digest() == CONTENT
    assert np.abs(scene.position.mean(axis=0) - MEANS).max() < 1e-4
