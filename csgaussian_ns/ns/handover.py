"""From a run to what the codec takes, and to the objects that its file will have."""

from dataclasses import replace

import torch
from torch import Tensor

from csgaussian_ns import __version__
from csgaussian_ns.codec.encode import TrainedScene, kept_in_order
from csgaussian_ns.codec.encode_semantics import TrainedSemantics, decoded_layer
from csgaussian_ns.codec.finite import check_finite
from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.core.shapes import Float, Int64
from csgaussian_ns.core.texts import storable
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.model import CSGaussianModel
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.receiver.capture_views import focus_of, told
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.finding.find import FoundObjects, objects_in
from csgaussian_ns.semantic.object_view import ObjectScene
from csgaussian_ns.stages.scene import TrainableScene


def has_semantics(scene: TrainableScene) -> bool:
    """Whether a run has got as far as features that can be coded."""
    state = scene.semantic_state
    return state is not None and state.rate


@torch.no_grad()
def trained_scene(model: CSGaussianModel, manager: CSGaussianDataManager, semantics: bool = True) -> TrainedScene:
    """What the codec needs of a run.

    Args:
        model: The run.
        manager: Its capture.
        semantics: With features and objects, if the run has got that far.

    Raises:
        ConfigError: The run was trained without rate, so it has no entropy model to code with; or the masks that its
            semantics were trained with cannot be read any more.
        QuantisationError: The checkpoint holds NaN or infinity; the message names the tensor.
        BackendUnavailable: Objects are to be found and scikit-learn is not installed.
    """
    scene = model.scene
    if not scene.plan.at(scene.step).rate:
        raise ConfigError(
            f"this run has not been trained for compression: its last step is {scene.step}, stage "
            f"{scene.plan.at(scene.step).name!r}. Train it to the end, with --pipeline.model.lambda-rate above 0"
        )
    semantics = semantics and has_semantics(scene)
    check_finite({name: p for name, p in scene.named_parameters() if semantics or not name.startswith("semantic.")})
    trained = TrainedScene(
        scene.anchors.grid,
        scene.decoded().anchors,
        scene.entropy,
        scene.decoders,
        facts(model, manager),
        rate_weight=scene.rate_weight,
        network_bits=scene.settings.network_bits,
    )
    return _with_objects(model, manager, trained) if semantics else trained


def find_objects(model: CSGaussianModel, manager: CSGaussianDataManager) -> tuple[ObjectScene, int]:
    """The objects that the file of a run will have, carried by the anchors of the run.

    Returns:
        All anchors of the run in its order and on its device; those that the file leaves out belong to no object. And
        the step that the run is at.

    Raises:
        ConfigError, QuantisationError, BackendUnavailable: As of ``trained_scene``.
        QueryError: It was trained without masks, or semantics are not trained yet.
    """
    trained = trained_scene(model, manager)
    if trained.semantics is None:
        raise QueryError(
            "this run has learned no objects: train it to the end with masks (--pipeline.datamanager.masks)"
        )
    order, device = kept_in_order(trained), trained.grid.device
    layer = decoded_layer(trained.semantics, order, trained.grid[order], trained.meta.voxel_size)
    feature = torch.zeros(len(trained.grid), layer.feature.shape[1], device=device)
    label = torch.zeros(len(trained.grid), dtype=torch.int64, device=device)
    feature[order], label[order] = layer.feature.to(device), layer.label.to(device)
    found = replace(layer, feature=feature, label=label)
    return ObjectScene(trained.anchors, trained.decoders, semantics=found), model.scene.step


def found_objects(
    model: CSGaussianModel,
    manager: CSGaussianDataManager,
    trained: TrainedScene,
    order: Int64[Tensor, " V"],
    feature: Float[Tensor, "V D"],
) -> FoundObjects:
    """``objects_in`` of the anchors that a file keeps, ``order``; ``feature`` is theirs in base steps."""
    device, scene = trained.grid.device, AnchorScene(trained.anchors.at(order), trained.decoders)
    weighted = (feature.to(device) * model.scene.quality()[order, None]).contiguous()
    return objects_in(
        manager.masked_views(),
        scene,
        weighted,
        model.rasterizer,
        settings=model.config.finding,
        names=manager.label_names,
        min_pixels=model.config.semantic.min_mask_pixels,
    )


def _with_objects(model: CSGaussianModel, manager: CSGaussianDataManager, trained: TrainedScene) -> TrainedScene:
    """``trained`` with features and the objects that they form, found with the features that a decoder gets."""
    if not manager.has_labels:
        raise ConfigError(
            "objects cannot be told from background without the masks that the run was trained with, and they cannot "
            "be read. Put them back, or export with --semantics False"
        )
    learned = model.scene.semantic
    assert learned is not None
    weight = learned.settings.lambda_feature_rate
    semantics = TrainedSemantics(learned.feature.detach(), learned.entropy, rate_weight=weight)
    order = kept_in_order(trained)
    feature = decoded_layer(semantics, order, trained.grid[order], trained.meta.voxel_size).feature
    found = found_objects(model, manager, trained, order, feature / semantics.entropy.layout.base_steps[0])
    label = torch.zeros(len(trained.grid), dtype=torch.int64)
    label[order.cpu()] = found.label
    told = replace(semantics, label=label, names=found.names, solidity=found.solidity, tree=found.tree)
    return replace(trained, semantics=told)


def facts(model: CSGaussianModel, manager: CSGaussianDataManager) -> SceneMeta:
    """What the file of a run says about where its scene lies."""
    scene, outputs = model.scene, manager.train_dataparser_outputs
    background = tuple(float(x) for x in model.background_color)
    chosen = {"rate_weight": scene.rate_weight} if scene.rates.trained else {}
    return SceneMeta(
        voxel_size=float(scene.anchors.voxel_size),
        feature_dim=scene.layout.feature_dim,
        num_offsets=scene.layout.num_offsets,
        base_steps=scene.layout.base_steps,  # type: ignore[arg-type]
        background=background,  # type: ignore[arg-type]
        transform=tuple(float(x) for x in outputs.dataparser_transform[:3, :4].flatten()),
        scale=float(outputs.dataparser_scale),
        tool=f"csgaussian_ns {__version__}",
        name=storable(manager.get_datapath().name),
        extra={
            "orbit": orbit_of(outputs.cameras.camera_to_worlds),
            **told([to_camera(outputs.cameras[number : number + 1]) for number in range(len(outputs.cameras))]),
            **manager.held_out_names(),
            **chosen,
        },
    )


def orbit_of(poses: Float[Tensor, "V 3 4"]) -> dict[str, list[float] | float]:
    """Where the photographer went, so that a receiver can look from there without any photo.

    Args:
        poses: Camera-to-world, OpenGL axes, training frame.

    Returns:
        ``focus``, the point nearest to all optical axes; ``radius``, the median horizontal distance of the cameras
        from it; ``height``, their median height above it.
    """
    position, direction = poses[:, :, 3].double(), -poses[:, :, 2].double()
    focus = torch.from_numpy(focus_of(to_numpy(position), to_numpy(direction))).to(position)
    away = position - focus
    radius, height = away[:, :2].norm(dim=1).median(), away[:, 2].median()
    numbers = [round(float(x), 9) for x in (*focus, radius, height)]  # the last bits differ between runs
    return {"focus": numbers[:3], "radius": numbers[3], "height": numbers[4]}
