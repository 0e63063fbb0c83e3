"""The lambdas of a run: which one a step of training pays for, and which one the scene is decoded and coded at."""

import torch

from csgaussian_ns.entropy.base import EntropyModel
from csgaussian_ns.entropy.rate_steps import check_rate, place_of
from csgaussian_ns.stages.settings import SceneSettings


class Rates:
    """One lambda, or several of which any between may be chosen (HEMGS 3.3.1).

    Attributes:
        chosen: What the scene is decoded and coded at.
        trained: Those of training; empty where ``chosen`` is the only one.
    """

    def __init__(self, settings: SceneSettings, chosen: float, model: EntropyModel, paid: bool) -> None:
        """Let the steps of ``model`` follow lambda where several are trained and the rate is ``paid`` for at all.

        Raises:
            ConfigError: ``chosen`` lies outside of those of training.
        """
        self.chosen, self.trained, self._seed = chosen, settings.rate_weights if paid else (), settings.seed
        self._mask_slope = settings.rate_masks
        if self.trained:
            model.vary_rate(self.trained, settings.rate_form)
            check_rate(chosen, self.trained)

    def choose(self, weight: float) -> None:
        """Be decoded and coded at this lambda from now on.

        Raises:
            ConfigError: The run is not trained for it.
        """
        check_rate(weight, self.trained or (self.chosen,))
        self.chosen = weight

    def of_step(self, step: int) -> float:
        """Lambda of a step of training, drawn anew in each; a resumed run draws the same."""
        if not self.trained:
            return self.chosen
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step + (3 << 40))
        return self.trained[int(torch.randint(len(self.trained), (), generator=generator))]

    def severity(self, weight: float) -> float:
        """What logits of masks lose at a lambda, so that dearer rates keep fewer Gaussians; 0 in the middle."""
        return self._mask_slope * place_of(weight, self.trained) if self.trained else 0.0
