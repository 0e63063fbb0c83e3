"""Training over many scenes, step by step: whoever stops it at any moment goes on from the last checkpoint.

What a step does depends on its number, the seed and the state alone, so a run that was killed and resumed ends as one
that was not.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from csgaussian_ns.core.errors import CheckpointError, ConfigError, CsgError
from csgaussian_ns.core.files import make_folder, replacing
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.batches import Batch, Batches
from csgaussian_ns.feedforward.freeze import Sample, freeze
from csgaussian_ns.feedforward.objective import RATE_WEIGHT, Cost, Given, Target, Weights, cost
from csgaussian_ns.feedforward.optimizer import MatrixOptimizer
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.feedforward.trained import TrainedNetwork
from csgaussian_ns.render.backend import choose_rasterizer

CALIBRATED_ON = 6
"""Scenes that the entropy model of the file of weights is calibrated on."""
_MOST_SKIPPED = 50


@dataclass(frozen=True)
class LoopOptions:
    """How a run is trained.

    Attributes:
        steps: In all.
        rate: Of learning, at its highest; it falls to 0 in half a cosine.
        warm_steps: In which it rises from 0.
        rate_weight: Of a bit per pixel at level 0, once ``rising`` steps are done.
        rising: Share of the steps in which that weight rises from 0: first pictures are learnt, then to spend less.
        help_weight: Of colours in ``objective.help_of``, before the first step; it falls to a tenth over ``helped``.
        helped: Share of the steps in which it falls.
        depth_weight: Of depths that are known.
        largest_gradient: Its length, at most.
        averaged: Share of the past in the running mean of the weights, which is what is kept of a run.
        seed: Of the weights before training, and of noise.
        half: Whether convolutions are computed in bfloat16.
    """

    steps: int = 60_000
    rate: float = 4e-4
    warm_steps: int = 500
    rate_weight: float = RATE_WEIGHT
    rising: float = 0.3
    help_weight: float = 1.0
    helped: float = 0.6
    depth_weight: float = 1.0
    largest_gradient: float = 1.0
    averaged: float = 0.999
    seed: int = 0
    half: bool = False

    def check(self) -> None:
        """See that they can work.

        Raises:
            ConfigError: They cannot.
        """
        if self.steps < 1 or self.warm_steps < 0 or not 0 <= self.averaged < 1:
            raise ConfigError(
                f"steps {self.steps}, warm steps {self.warm_steps}, averaged {self.averaged}; expected at least 1 and "
                "0, and a share below 1"
            )
        if not (
            self.rate > 0
            and min(self.rate_weight, self.help_weight, self.depth_weight) >= 0
            and self.largest_gradient > 0
        ):
            raise ConfigError(
                "rate and largest_gradient must be above 0, rate_weight, help_weight and depth_weight at least 0"
            )
        if not (0 <= self.rising <= 1 and 0 <= self.helped <= 1):
            raise ConfigError(f"rising {self.rising} and helped {self.helped}; expected shares of the steps, 0 to 1")

    def rate_at(self, step: int) -> float:
        """Of learning."""
        share = min(1.0, (step + 1) / max(1, self.warm_steps))
        return self.rate * share * 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))

    def weights_at(self, step: int) -> Weights:
        """Of the parts of the cost."""
        risen = min(1.0, (step + 1) / max(1.0, self.rising * self.steps))
        fallen = min(1.0, step / max(1.0, self.helped * self.steps))
        return Weights(self.rate_weight * risen, self.help_weight * 0.1**fallen, self.depth_weight)


class Told(NamedTuple):
    """What a step, or a scene that is measured, cost: PSNR of the targets in dB, KiB of the latents' bits."""

    step: int
    level: int
    loss: float
    psnr: float
    kib: float


class Training:
    """A run: a network, its optimiser, and where it is.

    Attributes:
        step: Steps done.
    """

    def __init__(self, settings: Settings, options: LoopOptions, batches: Batches, device: str = "cpu") -> None:
        """Begin with random weights; errors as of the options."""
        options.check()
        self.settings, self.options, self.batches, self.device = settings, options, batches, device
        torch.manual_seed(options.seed)
        self.network = TrainedNetwork(settings).to(device)
        self.network.half_convolutions = options.half
        self._mean = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        self._optimizer = MatrixOptimizer(self.network.parameters(), options.rate)
        self._rasterizer = choose_rasterizer("auto", device)
        self.step = self._skipped = 0

    def advance(self) -> Told:
        """Do one step.

        Raises:
            CsgError: The cost was no number many times in a row.
        """
        torch.manual_seed(self.options.seed * 1_000_003 + self.step)
        batch = self.batches.at(self.step)
        self._optimizer.at(self.options.rate_at(self.step))
        self._optimizer.zero_grad()
        found = self._cost(batch)
        found.loss.backward()
        length = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.options.largest_gradient)
        if bool(torch.isfinite(length)):
            self._optimizer.step()
            self._skipped = 0
            self._average()
        else:
            self._skipped += 1
            if self._skipped > _MOST_SKIPPED:
                raise CsgError(f"step {self.step}: {_MOST_SKIPPED} steps in a row had no finite cost; lower the rate")
        self.step += 1
        return self._told(found, batch)

    def _cost(self, batch: Batch) -> Cost:
        photos = torch.from_numpy(batch.photos).to(self.device)
        targets = [
            Target(torch.from_numpy(photo).to(self.device), self._placed(camera)) for photo, camera in batch.targets
        ]
        given = Given(photos, batch.views, torch.from_numpy(batch.depths).to(self.device))
        weights = self.options.weights_at(self.step)
        return cost(self.network, given, targets, batch.level, self._rasterizer, weights)

    def _placed(self, camera: Camera) -> Camera:
        pose = torch.from_numpy(np.asarray(camera.world_to_camera, np.float32)).to(self.device)
        return Camera(pose, camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)

    def _told(self, found: Cost, batch: Batch) -> Told:
        pixels = len(batch.views) * batch.views.width * batch.views.height
        loss, psnr, bits = (float(part.detach()) for part in (found.loss, found.psnr, found.bits_per_pixel))
        return Told(self.step, batch.level, loss, psnr, bits * pixels / 8192)

    @torch.no_grad()
    def _average(self) -> None:
        # The mean of a young run forgets faster: its weights at random are soon gone.
        share = min(self.options.averaged, (1 + self.step) / (10 + self.step))
        for name, value in self.network.named_parameters():
            self._mean[name].lerp_(value, 1 - share)

    @contextmanager
    def averaged(self) -> Iterator[TrainedNetwork]:
        """The network with the running mean of its weights, while the block runs."""
        own = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        self._load(self._mean)
        try:
            yield self.network
        finally:
            self._load(own)

    @torch.no_grad()
    def _load(self, values: dict[str, torch.Tensor]) -> None:
        for name, value in self.network.named_parameters():
            value.copy_(values[name])

    @torch.no_grad()
    def measure(
        self, held_out: Batches, scenes: int, tell: Callable[[int, int], None] = lambda done, all_: None
    ) -> list[Told]:
        """Mean over some steps of held-out scenes, for each level; with the running mean of the weights.

        Args:
            held_out: Scenes, chosen without variation.
            scenes: How many steps of them.
            tell: Called with how many are done, and of how many.
        """
        levels = range(self.settings.levels)
        found: list[list[Told]] = [[] for _ in levels]
        with self.averaged():
            for number in range(scenes):
                torch.manual_seed(number)
                batch = held_out.at(number)
                for level in levels:
                    one = batch._replace(level=level)
                    found[level].append(self._told(self._cost(one), one))
                tell(number + 1, scenes)
        return [
            Told(self.step, level, *(sum(part) / scenes for part in list(zip(*found[level], strict=True))[2:]))
            for level in levels
        ]

    def weights(self) -> bytes:
        """The file of weights of the run as it is; see ``freeze``."""
        batches = [self.batches.at(number) for number in range(min(CALIBRATED_ON, 4 * len(self.batches)))]
        with self.averaged() as network:
            return freeze(network, [Sample(batch.photos, batch.views) for batch in batches])

    def write(self, path: Path) -> None:
        """Write a checkpoint: whole, or not at all.

        Raises:
            ConfigError: It cannot be written.
        """
        make_folder(path.parent)
        with replacing(path) as file:
            torch.save(self.state(), file)

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "step": self.step,
            "settings": self.settings.to_json(),
            "options": asdict(self.options),
            "network": self.network.state_dict(),
            "mean": self._mean,
            "optimizer": self._optimizer.state_dict(),
            "pipeline": {},  # commands of nerfstudio look for one; what they show is made by the file of weights
        }

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            CheckpointError: It cannot be read, or is of a network of other sizes.
        """
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)  # noqa: TID251  # no code in it
            if state["settings"] != self.settings.to_json():
                raise CheckpointError(
                    f"{path} is of a network of the sizes {state['settings']}, this run has {self.settings.to_json()}; "
                    "give the same options as before"
                )
            self.network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._mean = {name: value.to(self.device) for name, value in state["mean"].items()}
            self.step = int(state["step"])
        except CheckpointError:
            raise
        except Exception as error:
            raise CheckpointError(
                f"{path} cannot be read as a checkpoint of codecsplat: {str(error).splitlines()[0]}"
            ) from error
