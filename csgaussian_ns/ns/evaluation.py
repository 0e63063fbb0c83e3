"""Image quality of a run on its held-out views, as trained or as decoded from a file."""

import torch
from nerfstudio.pipelines.base_pipeline import Pipeline

from csgaussian_ns.codec.scene import CodedScene
from csgaussian_ns.ns.cameras import to_camera
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.model import model_of
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene


@torch.no_grad()
def quality_of(pipeline: Pipeline, scene: CodedScene | AnchorScene | None) -> dict[str, float]:
    """Mean PSNR (dB), SSIM and, where available, LPIPS over the held-out views.

    Args:
        pipeline: The run; gives views and photos.
        scene: Rendered instead of the run's own scene if given, on the CPU, where it was decoded.
    """
    model = model_of(pipeline)
    assert isinstance(pipeline.datamanager, CSGaussianDataManager)
    results, rasterizer = [], choose_rasterizer("auto", "cpu")
    shown = AnchorScene(scene.anchors, scene.decoders) if isinstance(scene, CodedScene) else scene
    for cameras, batch in pipeline.datamanager.fixed_indices_eval_dataloader:
        if shown is None:
            outputs = model.get_outputs_for_camera(cameras)
        else:
            camera, background = to_camera(cameras.to("cpu")), model.background_color.cpu()
            seen = shown.seen(camera)
            rendering = rasterizer(seen.gaussians, camera, background)
            outputs = {"rgb": rendering.image.to(model.device), "accumulation": rendering.alpha.to(model.device)}
        results.append(model.get_image_metrics_and_images(outputs, batch)[0])
    return {name: sum(result[name] for result in results) / len(results) for name in results[0]}
