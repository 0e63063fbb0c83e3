"""Features as colours that people can look at."""

import torch
from jaxtyping import Float
from torch import Tensor

SPREAD = 2.0
"""Standard deviations of a principal component that span half of the colour range."""


@torch.no_grad()
def principal_colours(feature: Float[Tensor, "A D"]) -> Float[Tensor, "A 3"]:
    """The three directions in which ``feature`` varies most, as RGB in [0, 1]; the mean is grey.

    Alike features get alike colours in every view of a scene; between scenes colours mean nothing. Features of fewer
    than three channels leave the others grey.
    """
    centred = feature - feature.mean(dim=0) if len(feature) else feature
    covariance = centred.T @ centred / max(len(feature), 1)
    variance, direction = torch.linalg.eigh(covariance.double())
    variance, direction = variance.flip(0)[:3], direction.flip(1)[:, :3]
    # The sign of an eigenvector is arbitrary: its largest entry decides, so that every machine draws the same colours.
    largest = direction.abs().argmax(dim=0)
    direction = direction * torch.sign(direction.gather(0, largest[None]))
    scaled = centred.double() @ direction / (2 * SPREAD * variance.clamp(min=1e-12).sqrt())
    colours = feature.new_full((len(feature), 3), 0.5)
    colours[:, : scaled.shape[1]] += scaled.to(colours)
    return colours.clamp(0, 1)
