"""A trained run as the other commands need it: loaded, and handed over to the codec."""

from pathlib import Path

import torch
from jaxtyping import Float
from nerfstudio.pipelines.base_pipeline import Pipeline
from nerfstudio.utils.eval_utils import eval_setup
from torch import Tensor

from csgaussian_ns import __version__
from csgaussian_ns.codec.checks import check_finite
from csgaussian_ns.codec.encode import TrainedScene
from csgaussian_ns.codec.scene import SceneMeta
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.texts import storable
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.meaning import has_meaning, with_meaning
from csgaussian_ns.ns.model import model_of


def load_run(config_file: Path, need_images: bool = True) -> Pipeline:
    """The pipeline of a finished or interrupted run, at its last checkpoint.

    Raises:
        ConfigError: No such file.
    """
    if not config_file.is_file():
        raise ConfigError(f"{config_file} does not exist; give the config.yml that ns-train wrote")
    _, pipeline, _, _ = eval_setup(config_file, test_mode="test" if need_images else "inference")
    return pipeline


def orbit_of(poses: Float[Tensor, "V 3 4"]) -> dict[str, list[float] | float]:
    """Where the photographer went, so that a receiver can look from there without any photo.

    Args:
        poses: Camera-to-world, OpenGL axes, training frame.

    Returns:
        ``focus``, the point nearest to all optical axes; ``radius``, the median horizontal distance of the cameras
        from it; ``height``, their median height above it.
    """
    position, direction = poses[:, :, 3].double(), -poses[:, :, 2].double()
    across = torch.eye(3, dtype=torch.float64) - direction[:, :, None] * direction[:, None, :]
    both = torch.einsum("vij,vj->i", across, position)
    focus = torch.linalg.lstsq(across.sum(dim=0), both).solution
    away = position - focus
    radius, height = away[:, :2].norm(dim=1).median(), away[:, 2].median()
    return {"focus": focus.tolist(), "radius": float(radius), "height": float(height)}


@torch.no_grad()
def trained_scene(pipeline: Pipeline, semantics: bool = True) -> TrainedScene:
    """What the codec needs of a run.

    Args:
        pipeline: The run.
        semantics: With features and objects, if the run has got that far.

    Raises:
        ConfigError: The run was trained without rate, so it has no entropy model to code with; or the masks that its
            semantics were trained with cannot be read any more.
        QuantisationError: The checkpoint holds NaN or infinity; the message names the tensor.
    """
    model = model_of(pipeline)
    scene = model.scene
    if not scene.plan.at(scene.step).rate:
        raise ConfigError(
            f"this run has not been trained for compression: its last step is {scene.step}, stage "
            f"{scene.plan.at(scene.step).name!r}. Train it to the end, with --pipeline.model.lambda-rate above 0"
        )
    meaning = semantics and has_meaning(pipeline)
    check_finite({name: p for name, p in scene.named_parameters() if meaning or not name.startswith("semantic.")})
    manager = pipeline.datamanager
    assert isinstance(manager, CSGaussianDataManager)
    outputs = manager.train_dataparser_outputs
    background = tuple(float(x) for x in model.background_color)
    meta = SceneMeta(
        voxel_size=float(scene.anchors.voxel_size),
        feature_dim=scene.layout.feature_dim,
        num_offsets=scene.layout.num_offsets,
        base_steps=scene.layout.base_steps,  # type: ignore[arg-type]
        background=background,  # type: ignore[arg-type]
        transform=tuple(float(x) for x in outputs.dataparser_transform[:3, :4].flatten()),
        scale=float(outputs.dataparser_scale),
        tool=f"csgaussian_ns {__version__}",
        name=storable(manager.get_datapath().name),
        extra={"orbit": orbit_of(outputs.cameras.camera_to_worlds), **manager.held_out_names()},
    )
    trained = TrainedScene(
        scene.anchors.grid,
        scene.decoded().anchors,
        scene.entropy,
        scene.decoders,
        meta,
        rate_weight=scene.rate_weight,
        network_bits=scene.settings.network_bits,
    )
    return with_meaning(pipeline, trained) if meaning else trained
