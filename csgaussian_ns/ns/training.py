"""A training view at one step: what is drawn, what it costs, what people see of it. A type per kind of stage."""

from dataclasses import dataclass

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.ns.quality import Batch, compared, psnr
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.semantic.losses import mask_losses
from csgaussian_ns.stages import objective
from csgaussian_ns.stages.colour import Rate
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.semantic import SemanticSettings


@dataclass(frozen=True)
class ColourStep:
    """A view while colour is trained: distortion, volume regulariser, and the rate once it is paid for.

    Attributes:
        image: Rendered RGB, with a gradient to everything.
        background: RGB behind the scene, and behind photos with transparency.
        volume: Of the Gaussians, see ``stages.objective``.
        rate: Of what is in view; ``None`` before it is paid for.
        anchors: Of the scene.
        layout: What of an anchor is coded.
        lambda_rate, lambda_mask: Weights of the rate and of its mask term.
    """

    image: Float[Tensor, "H W 3"]
    background: Float[Tensor, "3"]
    volume: Float[Tensor, ""]
    rate: Rate | None
    anchors: int
    layout: AttributeLayout
    lambda_rate: float
    lambda_mask: float

    @staticmethod
    def of(
        scene: TrainableScene,
        camera: Camera,
        rasterizer: Rasterizer,
        background: Float[Tensor, "3"],
        mask_share: float,
    ) -> "ColourStep":
        """Draw a view, and let growth watch; ``mask_share`` is the weight of the mask term inside the rate."""
        while True:
            index, (anchors, rate, real) = scene.in_training(camera)
            spawned = scene.spawned(anchors, camera)
            observer = scene.observer(index, spawned, (camera.width, camera.height))
            image = rasterizer(spawned.gaussians, camera, background, observer=observer).image
            volume = objective.volume(spawned.gaussians.scales, spawned.real)
            if not scene.outgrown():
                break
        scene.count_view(index, spawned.opacity, real)
        weight = scene.rates.of_step(scene.step)
        weights = (weight, weight * mask_share)
        return ColourStep(image, background, volume, rate, len(scene.anchors), scene.layout, *weights)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """What is minimised, ready to be summed."""
        image, target = compared(self.image, batch, self.background)
        losses = {
            "distortion": objective.colour_distortion(image, target),
            "volume": objective.VOLUME_WEIGHT * self.volume,
        }
        if self.rate is not None:
            losses["rate"] = self.lambda_rate * self.rate.per_parameter
            losses["mask"] = self.lambda_mask * self.rate.mask
        return losses

    def figures(self, batch: Batch) -> dict[str, Tensor]:
        """Number of anchors, PSNR of the view, bits per attribute. For people."""
        image, target = compared(self.image, batch, self.background)
        figures = {"psnr": psnr(image.detach(), target), "anchors": torch.tensor(float(self.anchors))}
        if self.rate is not None:
            figures |= {f"bits_{name}": bits for name, bits in zip(self.layout.names, self.rate.per_type, strict=True)}
            figures["attributes_mb"] = self.rate.per_parameter.detach() * (self.anchors * self.layout.channels) / 8e6
        return figures


@dataclass(frozen=True)
class SemanticStep:
    """A view in stages 2 and 3: what masks ask of features, and the features' rate once it is paid for.

    Attributes:
        feature: Rendered features, with a gradient to features alone.
        coverage: Rendered alpha.
        rate: Bits per channel of what is in view; ``None`` before it is paid for.
        anchors: Of the scene.
        settings: Weights.
    """

    feature: Float[Tensor, "H W D"]
    coverage: Float[Tensor, "H W 1"]
    rate: Float[Tensor, ""] | None
    anchors: int
    settings: SemanticSettings

    @staticmethod
    def of(scene: TrainableScene, camera: Camera, rasterizer: Rasterizer, settings: SemanticSettings) -> "SemanticStep":
        """Draw the features of a view."""
        gaussians, rate = scene.in_semantic_training(camera)
        rendering = rasterizer(gaussians, camera)
        return SemanticStep(rendering.image, rendering.alpha, rate, len(scene.anchors), settings)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """What is minimised, ready to be summed; a view without masks counts with its rate alone."""
        settings, labels = self.settings, batch.get("labels")
        if labels is None:
            labels = torch.zeros(0, *self.feature.shape[:2], dtype=torch.int32)
        found = mask_losses(
            self.feature,
            self.coverage,
            labels.to(self.feature.device),
            settings.min_mask_pixels,
            settings.rank_weights,
            settings.unlabelled_is_nothing,
        )
        losses = {
            "smoothing": settings.smoothing_weight * found.smoothing,
            "contrast": settings.contrast_weight * found.contrast,
        }
        if self.rate is not None:
            losses["feature_rate"] = settings.lambda_feature_rate * self.rate
        return losses

    def figures(self, _: Batch) -> dict[str, Tensor]:
        """Number of anchors, size of the coded features. For people."""
        figures = {"anchors": torch.tensor(float(self.anchors))}
        if self.rate is not None:
            figures["features_mb"] = self.rate.detach() * (self.anchors * self.feature.shape[-1] / 8e6)
        return figures
