"""Stages 2 and 3 as nerfstudio sees them: outputs, losses and figures of a training view, and their checkpoints."""

import torch
from torch import Tensor

from csgaussian_ns.core.errors import CheckpointError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.semantic.losses import mask_losses
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.semantic import SemanticSettings


def training_outputs(scene: TrainableScene, camera: Camera, rasterizer: Rasterizer) -> dict[str, Tensor]:
    """The feature image of a view with a gradient to features alone, and the rate once it is paid for."""
    gaussians, rate = scene.in_semantic_training(camera)
    rendering = rasterizer(gaussians, camera)
    outputs = {"semantic_feature": rendering.image, "accumulation": rendering.alpha}
    return outputs if rate is None else outputs | {"feature_rate": rate}


def losses(outputs: dict[str, Tensor], labels: Tensor | None, settings: SemanticSettings) -> dict[str, Tensor]:
    """What stages 2 and 3 minimise; a view without masks counts with its rate alone.

    Args:
        outputs: Of ``training_outputs``.
        labels: Layers of label maps ``[L, H, W]``, if the view has any.
        settings: Weights.
    """
    feature, coverage = outputs["semantic_feature"], outputs["accumulation"]
    if labels is None:
        labels = torch.zeros(0, *feature.shape[:2], dtype=torch.int32, device=feature.device)
    found = mask_losses(
        feature,
        coverage,
        labels.to(feature.device),
        settings.min_mask_pixels,
        settings.rank_weights,
        settings.unlabelled_is_nothing,
    )
    weighted = {
        "smoothing": settings.smoothing_weight * found.smoothing,
        "contrast": settings.contrast_weight * found.contrast,
    }
    if "feature_rate" in outputs:
        weighted["feature_rate"] = settings.lambda_feature_rate * outputs["feature_rate"]
    return weighted


def figures(outputs: dict[str, Tensor], anchors: int) -> dict[str, Tensor]:
    """What people see of a step of stages 2 and 3 besides the losses: anchors, and the size of the coded features."""
    found = {"anchors": torch.tensor(float(anchors))}
    if "feature_rate" in outputs:
        channels = outputs["semantic_feature"].shape[-1]
        found["features_mb"] = outputs["feature_rate"].detach() * (anchors * channels / 8e6)
    return found


PREFIX = "scene.semantic."
"""Of the names of our tensors in a model's checkpoint."""


def present_in(state_dict: dict[str, Tensor]) -> bool:
    """Whether a checkpoint is of a run with stages 2 and 3, done or to come."""
    return any(name.startswith(PREFIX) for name in state_dict)


def completed(state_dict: dict[str, Tensor], scene: TrainableScene) -> dict[str, Tensor]:
    """A checkpoint of colour alone with the scene's own semantic tensors, which are not trained yet; any other as is.

    Args:
        state_dict: Of a model; ``scene`` is at its step, and is given room for its features.
        scene: That is about to read it.

    Raises:
        CheckpointError: The checkpoint is beyond the colour plan and holds no features.
    """
    if scene.semantic is None:
        return state_dict
    if present_in(state_dict):
        scene.semantic.resize_for(len(state_dict.get(f"{PREFIX}feature", ())))
        return state_dict
    if scene.step >= scene.plan.total:
        raise CheckpointError(
            f"the checkpoint is at step {scene.step}, beyond the {scene.plan.total} steps of colour, and holds no "
            f"semantic features. To add them to a run of colour, give a --max-num-iterations of at least "
            f"{scene.step + 1}"
        )
    ours = {f"{PREFIX}{name}": value for name, value in scene.semantic.state_dict().items()}
    return {**state_dict, **ours}
