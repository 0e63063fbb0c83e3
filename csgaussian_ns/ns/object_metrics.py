"""How well a run finds objects on its held-out views: the same figures as ``csg evaluate`` gives for its file."""

import torch
from nerfstudio.pipelines.base_pipeline import Pipeline

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.ns.cameras import to_camera
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.meaning import has_meaning
from csgaussian_ns.ns.model import model_of
from csgaussian_ns.ns.run import trained_scene
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.evaluation import measure_objects
from csgaussian_ns.semantic.metrics import ACCURACIES, TrueView


@torch.no_grad()
def object_metrics(pipeline: Pipeline) -> dict[str, float]:
    """``miou_3d`` and ``acc_*`` of 3-D selection, and ``miou_2d``, of the objects as the exported file has them.

    As ``csg evaluate`` measures instance masks: see ``semantic.metrics``. Empty before a file with objects could be
    written, and unless the masks in use have names: without names an id may mean another object in each view.
    """
    manager = pipeline.datamanager
    assert isinstance(manager, CSGaussianDataManager)
    names = manager.label_names
    scene = model_of(pipeline).scene
    if not names or not has_meaning(pipeline) or not scene.plan.at(scene.step).rate:
        return {}
    views = []
    for camera, batch in manager.fixed_indices_eval_dataloader:
        if "labels" in batch:
            labels = batch["labels"].cpu()
            seen: dict[str, torch.Tensor] = {}
            for number in torch.unique(labels[labels > 0]).tolist():
                name, mask = names.get(number, f"instance {number}"), (labels == number).any(dim=0)
                seen[name] = seen[name] | mask if name in seen else mask
            views.append(TrueView(str(len(views)), to_camera(camera.to("cpu")), seen))
    coded = decode(encode(trained_scene(pipeline), scene.settings.network_bits).data)
    report = measure_objects(coded, views, choose_rasterizer("auto", "cpu")).report()
    selected = report["selection_3d"]
    accuracies = {f"acc_3d_{threshold}": selected[f"acc_{threshold}"] for threshold in ACCURACIES}
    return {"miou_3d": selected["miou"], **accuracies, "miou_2d": report["rendered_2d"]["miou"]}
