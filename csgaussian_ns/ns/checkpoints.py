"""What a checkpoint of a model holds of stages 2 and 3."""

from torch import Tensor

from csgaussian_ns.core.errors import CheckpointError
from csgaussian_ns.stages.scene import TrainableScene

PREFIX = "scene.semantic."
"""Of the names of our tensors in a model's checkpoint."""


def holds_semantics(state_dict: dict[str, Tensor]) -> bool:
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
    if holds_semantics(state_dict):
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
