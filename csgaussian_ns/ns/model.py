"""The nerfstudio model: a trainable scene, its losses against photos, and what the viewer shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Literal

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes, TrainingCallbackLocation
from nerfstudio.engine.optimizers import Optimizers
from nerfstudio.models.base_model import Model, ModelConfig
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.ns.checkpoints import completed, holds_semantics
from csgaussian_ns.ns.datamanager import GAP_POINTS
from csgaussian_ns.ns.dataset import BEHIND
from csgaussian_ns.ns.drawing import decoded_outputs
from csgaussian_ns.ns.outputs import Outputs
from csgaussian_ns.ns.pinhole import TrainingCameras, check_perspective, to_camera
from csgaussian_ns.ns.quality import Batch, ImageQuality, compared, psnr
from csgaussian_ns.ns.training import ColourStep, SemanticStep
from csgaussian_ns.ns.viewer import ObjectControls
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchors import AnchorParams
from csgaussian_ns.scene.sfm_init import anchors_from_points, random_points, voxel_size_of
from csgaussian_ns.semantic.finding.cluster import DEFAULTS, FindingSettings
from csgaussian_ns.stages import objective
from csgaussian_ns.stages.compiled import compiled_parts
from csgaussian_ns.stages.padding import Buffers
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.schedule import PLANS, SEMANTIC_PLANS
from csgaussian_ns.stages.semantic import SemanticSettings
from csgaussian_ns.stages.settings import SceneSettings


@dataclass(frozen=True)
class CameraOptimizerOff:
    """Poses are taken as they are; the option is there for whoever gives it by habit."""

    mode: Literal["off"] = "off"
    """Poses are not trained."""


@dataclass
class CSGaussianModelConfig(ModelConfig):
    """An anchor scene."""

    _target: type = field(default_factory=lambda: CSGaussianModel)
    enable_collider: bool = False
    """Rays are not used: whole images are rasterised."""
    backend: Literal["auto", "gsplat", "cpu", "reference"] = "auto"
    """Rasteriser: gsplat on CUDA, cpu elsewhere; reference is slow and exact."""
    execution: Literal["plain", "padded", "compiled"] = "plain"
    """How a step of colour is computed, for GPUs: plain waits for the device twice, to hear how much is in view; padded
    does not; compiled moreover compiles entropy model and decoders, which takes minutes in all."""
    plan: Literal["paper", "lite", "quick"] = "paper"
    """Schedule; it is scaled to the run's --max-num-iterations."""
    plan_steps: int = 0
    """Steps of the whole run; 0 takes the plan's own. Set from --max-num-iterations."""
    lambda_rate: float = 0.004
    """Weight of the rate (bits per parameter) against the distortion; 0 trains without compression."""
    lambda_offset_mask: float = 0.3
    """Weight of the mask term inside the rate."""
    feature_dim: int = 50
    """Feature channels per anchor."""
    num_offsets: int = 10
    """Gaussians per anchor."""
    voxel_size: float = 0.0
    """Edge of an anchor voxel in the training frame's units; 0 derives it from the spacing of the points."""
    fill_gaps: bool = True
    """Begin with anchors also where photos show something and the point cloud has nothing, as on walls and windows."""
    random_init_points: int = 20_000
    """Anchors to start from where the capture has no point cloud."""
    random_init_extent: float = 1.5
    """Half the edge of the cube they fill, in units of the scene box."""
    background: Literal["black", "white"] = "black"
    """Colour behind the scene, and behind photos with transparency; a parser that names one (blender-data) decides."""
    random_background: bool = True
    """Train before a colour that changes from step to step, so that nothing dark is shown by a hole in the scene."""
    scene: SceneSettings = field(default_factory=SceneSettings)
    """Sizes, quantisation steps and growth."""
    semantic_steps: int = SEMANTIC_PLANS["paper"].total
    """Steps of stages 2 and 3, after colour; taken only where the capture has masks. 0 trains colour alone."""
    semantic: SemanticSettings = field(default_factory=SemanticSettings)
    """Sizes, weights and switches of stages 2 and 3."""
    finding: FindingSettings = DEFAULTS  # not a factory: runs of before this option find it in the class
    """What counts as an object."""
    camera_optimizer: CameraOptimizerOff = CameraOptimizerOff()  # frozen; for runs of before, as above
    """As in other methods of nerfstudio; poses are not trained."""


class CSGaussianModel(Model):
    """CSGaussian: Scaffold-GS anchors, trained for little distortion at few bits, then for meaning where masks are."""

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
        self.seed_points = seed_points
        self._target_device = torch.device(device)
        self._training_camera = TrainingCameras()
        super().__init__(config, *args, **kwargs)

    def populate_modules(self) -> None:
        """Create the first anchors and everything that is trained with them."""
        super().populate_modules()
        config = self.config
        _check_options(config)
        plan = PLANS[config.plan] if config.lambda_rate > 0 else PLANS[config.plan].without_rate()
        plan = plan.scaled_to(config.plan_steps) if config.plan_steps else plan
        self.rasterizer = choose_rasterizer(config.backend, self._target_device)
        self.scene = TrainableScene(self._first_anchors(), plan, config.scene, config.lambda_rate)
        if config.execution != "plain":
            self.scene.buffers = Buffers()
        if config.execution == "compiled":
            self.scene.parts = compiled_parts(self._target_device)
        self.quality = ImageQuality()
        self.object_controls = ObjectControls()
        behind = self.kwargs.get("metadata", {}).get(BEHIND)
        if behind is None:
            behind = torch.full((3,), 1.0 if config.background == "white" else 0.0)
        self.register_buffer("background_color", behind.float(), persistent=False)

    def add_semantics(self) -> None:
        """Let stages 2 and 3 follow colour, unless the options leave them out."""
        config = self.config
        if config.semantic_steps > 0 and self.scene.semantic is None:
            plan = replace(SEMANTIC_PLANS[config.plan], noise=config.semantic.qat_step > 0)
            self.scene.add_semantics(config.semantic, plan.scaled_to(config.semantic_steps))

    def _first_anchors(self) -> AnchorParams:
        config = self.config
        voxel_size = config.voxel_size or None
        if self.seed_points is not None:
            points = self.seed_points[0]
            gaps = self.kwargs["metadata"].get(GAP_POINTS)
            if config.fill_gaps and gaps is not None:
                voxel_size = voxel_size or voxel_size_of(points)  # of measured points alone
                points = torch.cat([points, gaps.to(points)])
        else:
            half_extent = config.random_init_extent * float(self.scene_box.aabb.abs().max())
            points = random_points(config.random_init_points, half_extent, config.scene.seed)
            CONSOLE.print(
                f"[yellow]This capture has no point cloud: starting from {len(points)} random points within "
                f"+-{half_extent:g} units. A point cloud from structure from motion trains faster and better.[/yellow]"
            )
        return anchors_from_points(points, config.feature_dim, config.num_offsets, voxel_size)

    def get_param_groups(self) -> dict[str, list[torch.nn.Parameter]]:
        """Groups as ``method_configs.md`` lists them."""
        return self.scene.param_groups()

    def train_on(self, cameras: Cameras) -> ColourStep | SemanticStep:
        """Draw one training view as the present stage asks for it, with what its losses need."""
        camera, config = self._training_camera(cameras), self.config
        if self.scene.semantic_state is not None:
            return SemanticStep.of(self.scene, camera, self.rasterizer, config.semantic)
        background = self.scene.random_colour() if config.random_background else self.background_color
        return ColourStep.of(self.scene, camera, self.rasterizer, background, config.lambda_offset_mask)

    def get_outputs(self, camera: Cameras) -> Outputs:  # type: ignore[override]
        """Render one camera as ``get_outputs_for_camera``; what is trained on is drawn by ``train_on``."""
        return self._decoded_outputs(camera, None)

    @torch.no_grad()
    def get_outputs_for_camera(self, camera: Cameras, obb_box: OrientedBox | None = None) -> Outputs:  # type: ignore[override]
        """Render one camera as a decoder would, inside ``obb_box`` only if one is given (the viewer's crop)."""
        return self._decoded_outputs(camera.to(self.device), obb_box)

    def _decoded_outputs(self, cameras: Cameras, crop: OrientedBox | None) -> Outputs:
        check_perspective(cameras)
        camera = to_camera(cameras)
        return decoded_outputs(self.scene, camera, self.rasterizer, self.background_color, crop, self.object_controls)

    def get_metrics_dict(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        """PSNR of an evaluation view, number of anchors. For people."""
        image, target = compared(outputs["rgb"], batch, self.background_color)
        return {"psnr": psnr(image, target), "anchors": torch.tensor(float(len(self.scene.anchors)))}

    def get_loss_dict(
        self, outputs: Mapping[str, Tensor], batch: Batch, metrics_dict: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Distortion of an evaluation view."""
        return {"distortion": objective.colour_distortion(*compared(outputs["rgb"], batch, self.background_color))}

    def get_image_metrics_and_images(
        self, outputs: Mapping[str, Tensor], batch: Batch
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Quality of one evaluation view, and photo and rendering side by side."""
        image, target = compared(outputs["rgb"], batch, self.background_color)
        image = image.clamp(0, 1)
        pictures = {"img": torch.cat([target, image], dim=1), "accumulation": outputs["accumulation"]}
        return self.quality(image, target), pictures

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """Tell the scene the step before each iteration; grow and prune after it."""
        locations = TrainingCallbackLocation
        optimizers = training_callback_attributes.optimizers
        return [
            TrainingCallback([locations.BEFORE_TRAIN_ITERATION], self._begin_step),
            TrainingCallback([locations.AFTER_TRAIN_ITERATION], self._edit_anchors, args=[optimizers]),
        ]

    def update_to_step(self, step: int) -> None:
        """Called when a checkpoint is about to be loaded."""
        self.scene.go_to(step)

    def _begin_step(self, step: int) -> None:
        self.scene.begin_step(step)

    def _edit_anchors(self, optimizers: Optimizers, step: int) -> None:
        for name, parameter in self.scene.edit_anchors(optimizers.optimizers).items():
            optimizers.parameters[name] = [parameter]

    def load_state_dict(  # type: ignore[override]
        self, state_dict: dict[str, Tensor], strict: bool = True, assign: bool = False
    ) -> object:
        """Read a checkpoint with any number of anchors; always strictly, whatever ``strict`` asks for.

        nerfstudio retries a strict read that failed without strictness, which would leave tensors untrained unnoticed.

        Raises:
            CheckpointError: A tensor is missing, left over, or of another shape: the checkpoint belongs to another
                configuration.
        """
        if "scene.anchors.grid" not in state_dict:
            raise CheckpointError(
                "the checkpoint holds no anchors ('scene.anchors.grid'): it is not one of csgaussian's"
            )
        self.scene.resize_for({name.removeprefix("scene."): value for name, value in state_dict.items()})
        if holds_semantics(state_dict):
            self.add_semantics()
        try:
            return super().load_state_dict(completed(state_dict, self.scene), strict=True, assign=assign)
        except RuntimeError as error:
            raise CheckpointError(
                f"the checkpoint does not fit this configuration (feature_dim={self.config.feature_dim}, num_offsets="
                f"{self.config.num_offsets}, {self.config.scene}); use the options it was trained with, see its "
                f"config.yml. {error}"
            ) from error


def _check_options(config: CSGaussianModelConfig) -> None:
    """Refuse sizes that cannot be.

    Raises:
        ConfigError: Names the option, its range, and what came.
    """
    least: dict[str, float] = {"feature_dim": 4, "num_offsets": 1, "voxel_size": 0, "random_init_points": 8}
    least |= dict.fromkeys(("lambda_rate", "semantic_steps"), 0)
    never_negative = ("qat_step", "quality_threshold", "smoothing_weight", "contrast_weight", "lambda_feature_rate")
    least |= {f"semantic.{name}": 0 for name in never_negative}
    least |= {"semantic.feature_dim": 1, "semantic.hyperprior_dim": 1, "semantic.min_mask_pixels": 1}
    least |= {"finding.fewest_views": 2, "finding.enough_views": 2, "finding.step": 1e-3}
    least |= {f"finding.{name}": 0 for name in ("share", "position_weight", "stray")}
    if not 0 <= config.scene.dropout < 1:
        raise ConfigError(f"--pipeline.model.scene.dropout must lie in [0, 1), got {config.scene.dropout}")
    for name, low in least.items():
        value = attrgetter(name)(config)
        if not value >= low:
            raise ConfigError(f"--pipeline.model.{name.replace('_', '-')} must be at least {low}, got {value}")
