"""nerfstudio's pipeline with our parts under their own types, and all that is asked of a whole run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from nerfstudio.pipelines.base_pipeline import VanillaPipeline, VanillaPipelineConfig
from nerfstudio.utils import profiler
from torch import Tensor

from csgaussian_ns.codec.encode import TrainedScene
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.ns import handover
from csgaussian_ns.ns.datamanager import CSGaussianDataManager, CSGaussianDataManagerConfig
from csgaussian_ns.ns.model import CSGaussianModel, CSGaussianModelConfig
from csgaussian_ns.ns.object_report import means_of, object_report
from csgaussian_ns.ns.object_vectors import Progress, object_vectors
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.semantic.object_view import ObjectScene
from csgaussian_ns.semantic.text import TextEncoder


@dataclass
class CSGaussianPipelineConfig(VanillaPipelineConfig):
    """A capture, and a scene to train on it."""

    _target: type = field(default_factory=lambda: CSGaussianPipeline)
    datamanager: CSGaussianDataManagerConfig = field(default_factory=CSGaussianDataManagerConfig)
    model: CSGaussianModelConfig = field(default_factory=CSGaussianModelConfig)


class CSGaussianPipeline(VanillaPipeline):
    """See the module."""

    datamanager: CSGaussianDataManager
    _model: CSGaussianModel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Build both parts, and let the viewer's controls ask for objects."""
        super().__init__(*args, **kwargs)
        self.model.object_controls.serve(self.find_objects, self.object_vectors)

    @property
    def model(self) -> CSGaussianModel:
        """The scene in training; never wrapped, as it trains on one device."""
        return self._model

    @profiler.time_function
    def get_train_loss_dict(self, step: int) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        """No outputs, as nobody asks for them; the losses of ``step``, and its figures."""
        camera, batch = self.datamanager.next_train(step)
        view = self.model.train_on(camera)
        figures = view.figures(batch)
        return {}, view.losses(batch), figures

    def get_average_eval_image_metrics(
        self, step: int | None = None, output_path: Path | None = None, get_std: bool = False
    ) -> dict[str, Any]:
        """Image quality, and how well objects are found where that can be measured.

        ``ns-eval``, which measures no step of a training, also gets ``semantics``: the whole report, per object and per
        view, in the form of ``csg evaluate --json``. Loggers of a training can take numbers alone.
        """
        metrics = super().get_average_eval_image_metrics(step, output_path, get_std)
        report = object_report(self.model, self.datamanager)
        details = {"semantics": report} if report and step is None else {}
        return metrics | means_of(report) | details

    @torch.no_grad()
    def quality(self, decoded: Scene | None = None) -> dict[str, float]:
        """Mean PSNR (dB), SSIM and, where available, LPIPS over the held-out views.

        Args:
            decoded: Rendered instead of the run's own scene if given, on the CPU, where it was decoded.
        """
        model, results, rasterizer = self.model, [], choose_rasterizer("auto", "cpu")
        for cameras, batch in self.datamanager.fixed_indices_eval_dataloader:
            if decoded is None:
                outputs = model.get_outputs_for_camera(cameras)
            else:
                camera, background = to_camera(cameras.to("cpu")), model.background_color.cpu()
                rendering = rasterizer(decoded.seen(camera).gaussians, camera, background)
                outputs = {"rgb": rendering.image.to(model.device), "accumulation": rendering.alpha.to(model.device)}
            results.append(model.get_image_metrics_and_images(outputs, batch)[0])
        return {name: sum(result[name] for result in results) / len(results) for name in results[0]}

    def trained_scene(self, semantics: bool = True) -> TrainedScene:
        """What the codec needs of the run, see ``ns.handover``."""
        return handover.trained_scene(self.model, self.datamanager, semantics)

    def facts(self) -> SceneMeta:
        """Where the scene lies, see ``ns.handover``."""
        return handover.facts(self.model, self.datamanager)

    def find_objects(self) -> tuple[ObjectScene, int]:
        """The objects that the run's file will have, see ``ns.handover``, and the step that the run is at."""
        return handover.find_objects(self.model, self.datamanager)

    def object_vectors(
        self, scene: ObjectScene, encoder: TextEncoder, progress: Progress, max_views: int = 0
    ) -> dict[int, Float[Tensor, " D"]]:
        """Vectors of the objects of ``scene``, see ``ns.object_vectors``."""
        layer = scene.semantics
        powers = [1.0, *(thing.solidity for thing in layer.objects)]  # ids have no gaps in what a run finds
        return object_vectors(self.datamanager, scene, layer.label, powers, encoder, progress, max_views)
