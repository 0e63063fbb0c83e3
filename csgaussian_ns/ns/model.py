"""The nerfstudio model: anchors, decoders and growth, trained on photos and shown in the viewer."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes, TrainingCallbackLocation
from nerfstudio.engine.optimizers import Optimizers
from nerfstudio.models.base_model import Model, ModelConfig
from nerfstudio.pipelines.base_pipeline import Pipeline
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.core.types import Gaussians, Rendering
from csgaussian_ns.ns.cameras import to_camera
from csgaussian_ns.ns.metrics import ImageQuality, psnr
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene import growth
from csgaussian_ns.scene.anchors import AnchorParams
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.growth import GrowthSettings
from csgaussian_ns.scene.optimizer_rows import move_state
from csgaussian_ns.scene.sfm_init import anchors_from_points, random_points
from csgaussian_ns.scene.spawn import Spawned, spawn
from csgaussian_ns.stages import objective
from csgaussian_ns.stages.schedule import PLANS

Batch = dict[str, Any]
"""One view as nerfstudio hands it over: ``image`` [H, W, 3 or 4], maybe ``mask`` [H, W, 1], and its ``image_idx``."""


@dataclass
class CSGaussianModelConfig(ModelConfig):
    """An anchor scene."""

    _target: type = field(default_factory=lambda: CSGaussianModel)
    enable_collider: bool = False
    """Rays are not used: whole images are rasterised."""
    backend: Literal["auto", "gsplat", "cpu", "reference"] = "auto"
    """Rasteriser: gsplat on CUDA, cpu elsewhere; reference is slow and exact."""
    plan: Literal["paper", "lite"] = "paper"
    """Schedule; it is scaled to the run's --max-num-iterations."""
    plan_steps: int = 0
    """Steps of the whole run; 0 takes the plan's own. Set from --max-num-iterations."""
    feature_dim: int = 50
    """Feature channels per anchor."""
    num_offsets: int = 10
    """Gaussians per anchor."""
    hidden_dim: int = 50
    """Width of the hidden layer of each decoder."""
    voxel_size: float = 0.0
    """Edge of an anchor voxel in the training frame's units; 0 derives it from the spacing of the points."""
    random_init_points: int = 20_000
    """Anchors to start from where the capture has no point cloud."""
    random_init_extent: float = 1.5
    """Half the edge of the cube they fill, in units of the scene box."""
    background: Literal["black", "white"] = "black"
    """Colour behind the scene, and behind photos with transparency."""
    growth: GrowthSettings = field(default_factory=GrowthSettings)
    """Thresholds of growth and pruning."""
    growth_seed: int = 0
    """Seed of the random choices of growth; with it and the step they repeat exactly."""


class CSGaussianModel(Model):
    """Scaffold-GS as the ground on which compression and semantics are built."""

    config: CSGaussianModelConfig
    background_color: Tensor

    def __init__(
        self,
        config: CSGaussianModelConfig,
        *args: Any,
        seed_points: tuple[Tensor, Tensor] | None = None,
        device: torch.device | str = "cpu",
        **kwargs: Any,
    ) -> None:
        """Build the scene from ``seed_points`` (positions, colours), or from random points where there are none."""
        self._seed_points = seed_points
        self._target_device = torch.device(device)
        super().__init__(config, *args, **kwargs)

    def populate_modules(self) -> None:
        """Create the first anchors and everything that is trained with them."""
        super().populate_modules()
        config = self.config
        plan = PLANS[config.plan]
        self.plan = plan.scaled_to(config.plan_steps) if config.plan_steps else plan
        self.step = 0
        self.rasterizer = choose_rasterizer(config.backend, self._target_device)
        self.anchors = self._first_anchors()
        self.decoders = Decoders(config.feature_dim, config.num_offsets, config.hidden_dim)
        self.growth_state = growth.GrowthState(len(self.anchors), config.num_offsets)
        self.quality = ImageQuality()
        level = 1.0 if config.background == "white" else 0.0
        self.register_buffer("background_color", torch.full((3,), level), persistent=False)

    def _first_anchors(self) -> AnchorParams:
        config = self.config
        if self._seed_points is not None:
            points = self._seed_points[0]
        else:
            half_extent = config.random_init_extent * float(self.scene_box.aabb.abs().max())
            points = random_points(config.random_init_points, half_extent, config.growth_seed)
            CONSOLE.print(
                f"[yellow]This capture has no point cloud: starting from {len(points)} random points within "
                f"+-{half_extent:g} units. A point cloud from structure from motion trains faster and better.[/yellow]"
            )
        voxel_size = config.voxel_size or None
        return anchors_from_points(points, config.feature_dim, config.num_offsets, voxel_size)

    def get_param_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        """One group per anchor attribute and per decoder, named like the options in ``method_configs.md``."""
        groups = {name: [getattr(self.anchors, name)] for name in AnchorParams.ROWS}
        return groups | {f"{name}_mlp": list(mlp.parameters()) for name, mlp in self.decoders.named_children()}

    def get_outputs(self, camera: Cameras) -> dict[str, Tensor]:  # type: ignore[override]
        """Render one camera: ``rgb``, ``accumulation``, and outside training ``depth``."""
        return self._render(camera, None)

    @torch.no_grad()
    def get_outputs_for_camera(self, camera: Cameras, obb_box: OrientedBox | None = None) -> dict[str, Tensor]:
        """Render one camera, inside ``obb_box`` only if one is given (the viewer's crop)."""
        return self._render(camera.to(self.device), obb_box)

    def _render(self, cameras: Cameras, crop: OrientedBox | None) -> dict[str, Tensor]:
        camera = to_camera(cameras)
        spawned = spawn(self.anchors, self.decoders, camera)
        gaussians = spawned.gaussians if crop is None else _cropped(spawned.gaussians, crop)
        rendering = self.rasterizer(gaussians, camera, self.background_color, with_depth=not self.training)
        outputs = {"rgb": rendering.image, "accumulation": rendering.alpha}
        if rendering.depth is not None:
            outputs["depth"] = rendering.depth
        if self.training and torch.is_grad_enabled():
            outputs["volume"] = objective.volume(gaussians.scales)
            self._observe(spawned, rendering, (camera.width, camera.height))
        return outputs

    def _observe(self, spawned: Spawned, rendering: Rendering, image_size: tuple[int, int]) -> None:
        """Feed the growth statistics, now and when the gradient of this very view arrives."""
        if self.plan.at(self.step).observe:
            growth.observe_opacity(self.growth_state, spawned.anchors, spawned.opacity)
            rendering.means2d.register_hook(
                partial(_observe_gradient, self.growth_state, spawned.slots, rendering.visible, image_size)
            )

    def get_metrics_dict(self, outputs: dict[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """PSNR of the view and the number of anchors, for progress and TensorBoard."""
        image, target = self._compared(outputs, batch)
        return {
            "psnr": psnr(image.detach(), target),
            "anchors": torch.tensor(float(len(self.anchors))),
        }

    def get_loss_dict(
        self, outputs: dict[str, Tensor], batch: Batch, metrics_dict: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Distortion and, in training, the volume regulariser; ready to be summed."""
        image, target = self._compared(outputs, batch)
        losses = {"distortion": objective.distortion(image, target)}
        if "volume" in outputs:
            losses["volume"] = objective.VOLUME_WEIGHT * outputs["volume"]
        return losses

    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: Batch
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Quality of one evaluation view, and photo and rendering side by side."""
        image, target = self._compared(outputs, batch)
        image = image.clamp(0, 1)
        pictures = {"img": torch.cat([target, image], dim=1), "accumulation": outputs["accumulation"]}
        return self.quality(image, target), pictures

    def _compared(self, outputs: dict[str, Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
        """Rendering and photo as floats, transparent photos over the background, both black outside the mask."""
        image, target = outputs["rgb"], batch["image"].to(self.device)
        if target.dtype == torch.uint8:
            target = target.float() / 255
        if target.shape[-1] == 4:
            target = target[..., :3] * target[..., 3:] + self.background_color * (1 - target[..., 3:])
        if "mask" in batch:
            mask = batch["mask"].to(self.device)
            image, target = image * mask, target * mask
        return image, target

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """Tell the model the step before each iteration; grow and prune after it."""
        locations = TrainingCallbackLocation
        optimizers = training_callback_attributes.optimizers
        return [
            TrainingCallback([locations.BEFORE_TRAIN_ITERATION], self.update_to_step),
            TrainingCallback([locations.AFTER_TRAIN_ITERATION], self._edit_anchors, args=[optimizers]),
        ]

    def update_to_step(self, step: int) -> None:
        """Called before each iteration and when a checkpoint is loaded."""
        self.step = step

    def _edit_anchors(self, optimizers: Optimizers, step: int) -> None:
        if not self.plan.at(step).edit_anchors:
            return
        settings = self.config.growth
        generator = torch.Generator().manual_seed(self.config.growth_seed * 1_000_003 + step)
        added = growth.propose_anchors(self.anchors, self.growth_state, settings, generator)
        keep = growth.keep_mask(self.growth_state, settings)
        for name, (old, new) in growth.apply_edit(self.anchors, self.growth_state, keep, added).items():
            move_state(optimizers.optimizers[name], old, new, keep)
            optimizers.parameters[name] = [new]

    def load_state_dict(  # type: ignore[override]
        self, state_dict: dict[str, Tensor], strict: bool = True, assign: bool = False
    ) -> object:
        """Read a checkpoint with any number of anchors; always strictly, whatever ``strict`` asks for.

        nerfstudio retries a strict read that failed without strictness, which would leave tensors untrained unnoticed.

        Raises:
            CheckpointError: A tensor is missing, left over, or of another shape: the checkpoint belongs to another
                configuration.
        """
        grid = state_dict.get("anchors.grid")
        if grid is None:
            raise CheckpointError("the checkpoint holds no anchors ('anchors.grid'): it is not one of csgaussian's")
        self.anchors.resize_for(len(grid))
        self.growth_state.resize_for(len(grid))
        try:
            return super().load_state_dict(state_dict, strict=True, assign=assign)
        except RuntimeError as error:
            raise CheckpointError(
                f"the checkpoint does not fit this configuration (feature_dim={self.config.feature_dim}, num_offsets="
                f"{self.config.num_offsets}, hidden_dim={self.config.hidden_dim}); use the options it was trained "
                f"with, see its config.yml. {error}"
            ) from error


def model_of(pipeline: Pipeline) -> CSGaussianModel:
    """The model of a pipeline that was loaded from a run.

    Raises:
        ConfigError: The run is of another method.
    """
    if not isinstance(pipeline.model, CSGaussianModel):
        raise ConfigError(f"expected a run of csgaussian; this one holds a {type(pipeline.model).__name__}")
    return pipeline.model


def _observe_gradient(
    state: growth.GrowthState, slots: Tensor, visible: Tensor, image_size: tuple[int, int], gradient: Tensor
) -> None:
    growth.observe(state, slots, visible, gradient, image_size)


def _cropped(gaussians: Gaussians, crop: OrientedBox) -> Gaussians:
    inside = crop.within(gaussians.means).reshape(-1)
    return Gaussians(
        *(getattr(gaussians, name)[inside] for name in ("means", "quats", "scales", "opacities", "colors"))
    )
