"""What a run learned about meaning, clustered into objects, as the codec needs it."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from nerfstudio.pipelines.base_pipeline import Pipeline
from torch import Tensor

from csgaussian_ns.codec.encode import TrainedScene, kept_in_order
from csgaussian_ns.codec.encode_semantics import TrainedSemantics, decoded_features
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.ns.cameras import to_camera
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.model import model_of
from csgaussian_ns.semantic.cluster import by_size, cluster
from csgaussian_ns.semantic.evidence import MaskEvidence
from csgaussian_ns.semantic.lifting import MaskedView, thinned, votes
from csgaussian_ns.semantic.mask_means import mask_means
from csgaussian_ns.semantic.seen import label_map, see
from csgaussian_ns.semantic.strays import without_strays

MIN_SHARE = 0.5
"""Anchors of which views see less under masks belong to no object."""


MOST_VIEWS, MOST_PIXELS = 100, 250_000
"""Views that are looked at, evenly spread, and pixels of each: more do not change what is found, and cost minutes."""


def masked_views(manager: CSGaussianDataManager, device: torch.device) -> Iterator[MaskedView]:
    """Training views that have masks."""
    batches = manager.cached_train  # caching also corrects the cameras
    masked = [index for index, batch in enumerate(batches) if "labels" in batch]
    for index in masked[:: max(1, -(-len(masked) // MOST_VIEWS))]:
        camera = to_camera(manager.train_dataset.cameras[index : index + 1].to(device))
        labels = batches[index]["labels"].to(device, torch.int32)
        yield thinned(MaskedView(camera, labels), MOST_PIXELS)


def has_meaning(pipeline: Pipeline) -> bool:
    """Whether the run has got as far as features that can be coded."""
    state = model_of(pipeline).scene.semantic_state
    return state is not None and state.rate


def with_meaning(pipeline: Pipeline, trained: TrainedScene) -> TrainedScene:
    """``trained`` with the run's semantic features and the objects that they form.

    Objects are found with the features that a decoder gets; those that masks do not bear out are dropped. Where masks
    have names, objects get them.

    Raises:
        ConfigError: The run's masks cannot be read any more.
        BackendUnavailable: scikit-learn is not installed.
    """
    model, manager = model_of(pipeline), pipeline.datamanager
    assert isinstance(manager, CSGaussianDataManager) and model.scene.semantic is not None
    if not manager.has_labels:
        raise ConfigError(
            "objects cannot be told from background without the masks that the run was trained with, and they cannot "
            "be read. Put them back, or export with --semantics False"
        )
    learned = model.scene.semantic
    weight = learned.settings.lambda_feature_rate
    semantics = TrainedSemantics(learned.feature.detach(), learned.entropy, rate_weight=weight)
    order = kept_in_order(trained)
    feature = decoded_features(semantics, order, trained.grid[order].cpu())
    found, names = objects_in(pipeline, trained, feature / semantics.entropy.layout.base_steps[0])
    label = torch.zeros(len(trained.grid), dtype=torch.int64)
    label[order.cpu()] = found
    return replace(trained, semantics=replace(semantics, label=label, names=names))


def objects_in(
    pipeline: Pipeline, trained: TrainedScene, feature: Float[Tensor, "V D"]
) -> tuple[Int[Tensor, " V"], tuple[str, ...]]:
    """The object of each anchor that is kept, 0 for none, and the objects' names, none if no name is known.

    Args:
        pipeline: The run, for its masks and its renderer.
        trained: The scene.
        feature: Of the anchors that are kept, in the order of the file, in base steps.
    """
    model, manager = model_of(pipeline), pipeline.datamanager
    assert isinstance(manager, CSGaussianDataManager)
    order, everything = kept_in_order(trained), model.scene.decoded().anchors
    anchors, device = everything.at(order), everything.position.device
    weighted = (feature.to(device) * model.scene.quality()[order.to(device), None]).contiguous()
    means = mask_means(anchors, trained.decoders, weighted, masked_views(manager, device), model.rasterizer)
    own = torch.from_numpy(cluster(means.feature.numpy(), means.place.numpy(), means.views))
    renamed = (means.renamed(view, number, own) for number, view in enumerate(masked_views(manager, device)))
    count = int(own.max()) if len(own) else 0
    said = votes(anchors, trained.decoders, renamed, count, model.rasterizer)
    evidence = _evidence(pipeline, anchors, said.label(MIN_SHARE), count)
    label = said.label(MIN_SHARE, evidence.unsupported()).cpu().numpy()
    found, old = by_size(without_strays(label, anchors.position.cpu().numpy()))
    names = evidence.names()
    return torch.from_numpy(found), tuple(names[number - 1] for number in old) if any(names) else ()


def _evidence(pipeline: Pipeline, anchors: Anchors, label: Int[Tensor, " V"], objects: int) -> MaskEvidence:
    """What the masks of the training views say of the objects."""
    model, manager = model_of(pipeline), pipeline.datamanager
    assert isinstance(manager, CSGaussianDataManager)
    evidence = MaskEvidence(objects, manager.label_names)
    for view in masked_views(manager, anchors.position.device):
        shown = label_map(see(anchors, model.scene.decoders, view.camera), label, model.rasterizer)
        evidence.add(view.labels.cpu().numpy(), shown.cpu().numpy())
    return evidence
