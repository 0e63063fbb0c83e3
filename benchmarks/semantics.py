r"""How well objects are found, and what they cost in the file: noisy masks, ablations, several bitrates and scenes.

Colour is trained once per scene and weight of the rate; stages 2 and 3 continue it for every variant. Every 8th view is
held out. Each point runs in a process of its own, and its record is added to benchmarks/results/semantics.json as soon
as it exists: a long run that is stopped loses nothing, and points that are there already are kept.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/semantics.py --data ../shared/data --seeds 0 1 2 --lambdas 0.004 0.02 \
        --scenes demo5:1 demo1:1 demo2:1 tracebot_tray:0.5 --variants reference "exact masks" receiver "no QWM" ...

Measures that must never be mixed (``semantic.metrics``): 3-D selection and 2-D rendering. On demo scenes objects hide
each other so much that even a perfect 3-D selection reaches only 0.60 to 0.67 against what is seen of them; against
whole objects (``whole_3d``) it reaches 1.
"""

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from common import RESULTS, Clock, Run, add_run, read_runs, trainer_for
from feature_click import click_miou

if TYPE_CHECKING:
    import torch

    from csgaussian_ns.codec.scene import TensorScene
    from csgaussian_ns.ns.trainer import CSGaussianTrainer
    from csgaussian_ns.tools.views import Views

KEY = ("scene", "lambda", "variant", "seed", "steps", "semantic_steps", "voxel_size", "gradient_threshold")
"""What tells one record from another."""
ROUNDED_TO = (1, 2, 4)
"""Steps, in base steps, that features of stage 2 are rounded to as if there were no stage 3."""
MEASURES = {
    "whole_3d": "3-D, whole objects",
    "selection_3d": "3-D, against what is seen",
    "rendered_2d": "2-D",
    "feature_click_2d": "click on features alone",
}
"""What the plot shows."""
CHANGED = 0.2
"""Share of masks that are split or merged in every view."""


@dataclass(frozen=True)
class Variant:
    """What is different from the reference.

    Attributes:
        masks: exact: as the data set has them. noisy: other ids in every view, ``CHANGED`` of them split or merged.
            weak: regions of similar colour in the photos. decoded: the same in renders of the decoded file, which is
            what a receiver could learn from (CSGaussian, Fig. 1b); it sends no features.
        settings: Values of ``SemanticSettings``.
    """

    masks: Literal["exact", "noisy", "weak", "decoded", "nested"] = "noisy"
    settings: Mapping[str, Any] = field(default_factory=dict)


QWM = {"quality_weighting": True}
VARIANTS = {
    "reference": Variant(settings=QWM),
    "exact masks": Variant("exact", QWM),
    "no QWM": Variant(settings={"quality_weighting": False}),
    "no QAT": Variant(settings={**QWM, "qat_step": 0.0}),
    "no QWM no QAT": Variant(settings={"quality_weighting": False, "qat_step": 0.0}),
    "no QWM, Q=0.5": Variant(settings={"quality_weighting": False, "qat_step": 0.5}),
    "no QWM, Q=1.5": Variant(settings={"quality_weighting": False, "qat_step": 1.5}),
    "T=0.55": Variant(settings={**QWM, "quality_threshold": 0.55}),
    "T=0.75": Variant(settings={**QWM, "quality_threshold": 0.75}),
    "weak masks": Variant("weak", QWM),
    "nested masks": Variant("nested", QWM),
    "receiver": Variant("decoded", {"quality_weighting": False, "qat_step": 0.0}),
}
"""The reference has Q = 1, T = 0.65 and QWM, which is off by default since decision 0061; no QAT is Q = 0."""


@dataclass
class Options:
    """Train, export, decode, measure."""

    data: Path = Path("../shared/data")
    """Folder that holds the captured scenes."""
    scenes: tuple[str, ...] = ("demo5:1",)
    """``name:scale`` of each; ``demoN``, ``glassN``, ``thinN``, ``pileN`` and ``clutterN`` are demo scenes of seed N,
    made when they are needed."""
    lambdas: tuple[float, ...] = (0.004,)
    """Weights of the rate of colour."""
    variants: tuple[str, ...] = ("reference",)
    """Names in ``VARIANTS``."""
    seeds: tuple[int, ...] = (0,)
    """Of training in stages 2 and 3 and of the noise in masks."""
    steps: int = 3000
    """Steps of colour."""
    semantic_steps: int = 1500
    """Steps of stages 2 and 3."""
    method: str = "csgaussian-lite"
    """Method to train with."""
    voxel_size: float = 0.0
    """Of anchors; 0 chooses it from the points, which is coarse where they are sparse."""
    gradient_threshold: float = 2e-4
    """Of growth, which should fall with the voxels."""
    work: Path = Path("outputs/benchmark_semantics")
    """Folder of scenes, masks and trained colour; what is there is used again."""
    single: Path | None = None
    """Used by the benchmark itself: one point, its record written to this file."""


def scene_root(options: Options, name: str) -> Path:
    """Folder that holds the scene's folder; a demo scene is made if it is missing."""
    made = re.fullmatch(r"(demo|glass|thin|pile|clutter)(\d+)", name)
    if made is None:
        return options.data
    folder = options.work / "scenes" / name
    if not folder.exists():
        command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "demo-scene", str(folder)]
        kind = made[1].replace("demo", "plain")
        subprocess.run([*command, "--kind", kind, "--seed", made[2]], check=True)
    return folder.parent


def growth_settings(options: Options) -> dict[str, Any]:
    """How finely colour is trained."""
    from csgaussian_ns.scene.growth import GrowthSettings

    growth = GrowthSettings(gradient_threshold=options.gradient_threshold)
    return {"voxel_size": options.voxel_size, "growth": growth}


def coloured(options: Options, scene: str, weight: float, outputs: Path) -> Path:
    """Folder of the checkpoint of colour alone; trained if it is missing."""
    name = scene.split(":")[0]
    detail = f"{options.voxel_size:g}_{options.gradient_threshold:g}"
    folder = options.work / "colour" / f"{name}_{weight:g}_{options.steps}_{detail}"
    if not any(folder.glob("*.ckpt")):
        run = Run(
            options.method,
            scene_root(options, name),
            scene,
            options.steps,
            weight,
            settings=growth_settings(options),
            masks="none",
        )
        trainer = trainer_for(run, outputs)
        trainer.train()
        [made] = trainer.checkpoint_dir.glob("*.ckpt")
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / "partial"
        partial.write_bytes(made.read_bytes())
        partial.rename(folder / made.name)
    return folder


def masks_for(options: Options, scene: str, weight: float, kind: str, seed: int, outputs: Path) -> str:
    """What ``--pipeline.datamanager.masks`` gets; label maps are made if they are missing."""
    name = scene.split(":")[0]
    if kind == "exact":
        return "auto"
    labels = {"noisy": f"noisy{seed}", "weak": "weak", "decoded": f"decoded_{weight:g}", "nested": f"nested{seed}"}[
        kind
    ]
    folder = options.work / "masks" / f"{name}_{labels}"
    if not folder.exists():
        from csgaussian_ns.core.png import write_png
        from csgaussian_ns.semantic.masks.label_maps import write_masks
        from csgaussian_ns.semantic.masks.mask_set import MaskSet

        partial = folder.with_name(f"{folder.name}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        for stem, map_ in _label_maps(options, scene, weight, kind, seed, outputs):
            if map_.ndim == 3:
                write_masks(partial / f"{stem}.npz", MaskSet.from_masks(map_))
            else:
                write_png(partial / f"{stem}.png", map_)
        partial.rename(folder)
    return str(folder)


def _label_maps(options: Options, scene: str, weight: float, kind: str, seed: int, outputs: Path):  # noqa: ANN202  # names and maps
    import numpy as np
    from label_noise import nested_masks, noisy_labels
    from stacks import wholes_of

    from csgaussian_ns.capture.photos import read_photo
    from csgaussian_ns.semantic.masks.fallback import ColourRegions
    from csgaussian_ns.semantic.masks.label_maps import read_label_maps
    from csgaussian_ns.semantic.masks.settings import FallbackSettings

    root = scene_root(options, scene.split(":")[0]) / scene.split(":")[0]
    frames = json.loads((root / "transforms.json").read_text())["frames"]
    if kind in ("noisy", "nested"):
        generator, wholes = np.random.default_rng(seed), wholes_of(root) if kind == "nested" else []
        for frame in frames:
            exact = read_label_maps(root / frame["instance_mask_path"])[0].astype(np.int64)
            nested = kind == "nested"
            masks = nested_masks(exact, wholes, 1, generator) if nested else noisy_labels(exact, CHANGED, generator)
            yield Path(frame["file_path"]).stem, masks
        return
    regions = ColourRegions(FallbackSettings())
    pictures = (
        _decoded_views(options, scene, weight, outputs)
        if kind == "decoded"
        else ((Path(frame["file_path"]).stem, read_photo(root / frame["file_path"])) for frame in frames)
    )
    for stem, picture in pictures:
        yield stem, regions(picture).layers()[0]


def _decoded_views(options: Options, scene: str, weight: float, outputs: Path):  # noqa: ANN202  # names and pictures
    """The views of a capture as a receiver sees them: drawn from the file of colour."""
    import torch

    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.receiver.load import load
    from csgaussian_ns.render.backend import choose_rasterizer
    from csgaussian_ns.tools.viewpoints import scaled

    name, scale = scene.split(":")
    root = scene_root(options, name)
    run = Run(options.method, root, scene, options.steps, weight, load=coloured(options, scene, weight, outputs))
    data = encode(trainer_for(run, outputs).pipeline.trained_scene()).data
    decoded = decode(data)
    draw = choose_rasterizer("auto", "cpu")
    for stem, camera in load(data, semantics=False).cameras(root / name).items():
        camera = scaled(camera, float(scale))
        with torch.no_grad():
            image = draw(decoded.seen(camera).gaussians, camera, decoded.background).image
        yield stem, (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()


def measure(options: Options, outputs: Path) -> dict[str, Any]:
    """One point, in this process; nerfstudio writes to ``outputs``."""
    from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackLocation

    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.codec.encode import encode, kept_in_order

    scene, weight, name, seed = options.scenes[0], options.lambdas[0], options.variants[0], options.seeds[0]
    variant, root = VARIANTS[name], scene_root(options, scene.split(":")[0])
    run = Run(
        options.method,
        root,
        scene,
        options.steps,
        weight,
        seed=seed,
        settings=growth_settings(options),
        load=coloured(options, scene, weight, outputs),
        masks=masks_for(options, scene, weight, variant.masks, seed, outputs),
        semantic_steps=options.semantic_steps,
        semantic=variant.settings,
    )
    trainer, clock = trainer_for(run, outputs), Clock()
    plan = trainer.pipeline.model.scene.semantic_plan
    assert plan is not None
    unrounded: list[torch.Tensor] = []
    last = options.steps + plan.rate_from - 1

    def keep(step: int) -> None:
        semantic = trainer.pipeline.model.scene.semantic
        if step == last and semantic is not None:
            unrounded.append(semantic.feature.detach().clone())

    trainer.callbacks.append(TrainingCallback([TrainingCallbackLocation.AFTER_TRAIN_ITERATION], keep))
    clock.start()
    trainer.train()
    clock.stop()
    trained = trainer.pipeline.trained_scene()
    encoded = encode(trained)
    decoded = decode(encoded.data)
    assert decoded.semantics is not None
    weights = trainer.pipeline.model.scene.quality()[kept_in_order(trained)]
    semantic_layer = trainer.pipeline.model.scene.semantic
    assert semantic_layer is not None
    before, base_step = with_features(trainer, decoded, unrounded[0]), semantic_layer.settings.base_step
    sizes = encoded.bytes_by_kind
    semantic_bytes = sum(sizes.get(kind, 0) for kind in ("NETS", "SEMA", "LABL", "OPAC"))
    return {
        "date": time.strftime("%Y-%m-%d"),
        "scene": scene,
        "lambda": weight,
        "variant": name,
        "seed": seed,
        "steps": options.steps,
        "semantic_steps": options.semantic_steps,
        "voxel_size": options.voxel_size,
        "gradient_threshold": options.gradient_threshold,
        "seconds": clock.seconds,
        "cpu_seconds": clock.cpu_seconds,
        "bytes": len(encoded.data),
        "semantic_bytes": semantic_bytes,
        "semantic_share": semantic_bytes / len(encoded.data),
        "objects": len(decoded.semantics.objects),
        "coded": figures(options, scene, decoded, weights),
        "unrounded": figures(options, scene, before, weights),
        "click_if_rounded_then": clicks_if_rounded(options, scene, before, weights, base_step),
        "click_ms": click_milliseconds(decoded),
    }


def opened(options: Options, scene: str, decoded: "TensorScene") -> "Views":
    """The held-out views of a scene, placed where ``decoded`` is."""
    from csgaussian_ns.tools.views import open_views

    name, scale = scene.split(":")
    return open_views(scene_root(options, name) / name, decoded.meta, "eval", None, float(scale), None)


def clicks_if_rounded(
    options: Options, scene: str, decoded: "TensorScene", weights: "torch.Tensor", base_step: float
) -> dict[str, float]:
    """``click_miou`` by the number of base steps that features of stage 2 are rounded to, without stage 3."""
    from dataclasses import replace

    from csgaussian_ns.render.backend import choose_rasterizer

    assert decoded.semantics is not None
    opened_views = opened(options, scene, decoded)
    views, result = [opened_views.true_view(view) for view in opened_views.annotated], {}
    for steps in ROUNDED_TO:
        feature = (decoded.semantics.feature / (steps * base_step)).round() * (steps * base_step)
        rounded = replace(decoded, semantics=replace(decoded.semantics, feature=feature))
        result[f"{steps:g}"] = click_miou(rounded, weights, views, choose_rasterizer("auto", "cpu"))
    return result


def figures(options: Options, scene: str, decoded: "TensorScene", weights: "torch.Tensor") -> dict[str, float]:
    """Means over all pairs of held-out view and object; objects are matched by overlap in every variant.

    Args:
        options: Where the scene is.
        scene: ``name:scale``.
        decoded: To measure.
        weights: Quality of each anchor, with which features are rendered as in training.
    """
    from csgaussian_ns.render.backend import choose_rasterizer
    from csgaussian_ns.tools.measure_scene import measure_scene

    views = opened(options, scene, decoded)
    draw = choose_rasterizer("auto", "cpu")
    report = measure_scene(decoded, views, "overlap", None, draw).report
    parts = {key: part for key, part in report["semantics"].items() if isinstance(part, dict) and "miou" in part}
    accuracies = {key: parts["selection_3d"][key] for key in ("acc_0.25", "acc_0.5")}
    by_feature = click_miou(decoded, weights, [views.true_view(view) for view in views.annotated], draw)
    means = {key: part["miou"] for key, part in parts.items()} | {"feature_click_2d": by_feature}
    return means | accuracies | {"psnr": report["colour"]["psnr"]}


def with_features(trainer: "CSGaussianTrainer", decoded: "TensorScene", feature: "torch.Tensor") -> "TensorScene":
    """The decoded scene with objects found in features that were never rounded nor paid for: the end of stage 2."""
    from dataclasses import replace

    from csgaussian_ns.codec.encode import kept_in_order
    from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
    from csgaussian_ns.ns.handover import found_objects

    trained, semantic = trainer.pipeline.trained_scene(semantics=False), trainer.pipeline.model.scene.semantic
    assert semantic is not None
    order, pipeline = kept_in_order(trained), trainer.pipeline
    kept = feature[order.to(feature.device)].cpu()
    in_steps = kept / semantic.settings.base_step
    found = found_objects(pipeline.model, pipeline.datamanager, trained, order, in_steps).label
    objects = []
    for number in range(1, int(found.max()) + 1 if len(found) else 1):
        own = found == number
        place = decoded.anchors.position[own]
        middle, low, high = (_point(corner) for corner in (place.mean(0), place.amin(0), place.amax(0)))
        objects.append(SceneObject(number, "", len(place), middle, low, high, tuple(kept[own].mean(0).tolist())))
    return replace(decoded, semantics=SemanticLayer(kept, found, tuple(objects)))


def _point(values: "torch.Tensor") -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


def click_milliseconds(decoded: "TensorScene") -> float:
    """Median time to answer a click at 480 x 270 after loading, over a grid of pixels of four views."""
    import statistics

    from csgaussian_ns.receiver.orbit import orbit
    from csgaussian_ns.semantic.query import pick

    times = []
    for camera in orbit(decoded.anchors.position, decoded.meta, 4, 480, 270).values():
        pick(decoded, camera, (0, 0))
        for column in range(60, 480, 120):
            began = time.perf_counter()
            pick(decoded, camera, (column, 135))
            times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


def measure_elsewhere(options: Options, scene: str, weight: float, variant: str, seed: int) -> dict[str, Any]:
    """One point, in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record.json"
        command = [
            *(sys.executable, __file__, "--data", str(options.data), "--scenes", scene, "--lambdas", str(weight)),
            *("--variants", variant, "--seeds", str(seed), "--steps", str(options.steps)),
            *("--semantic-steps", str(options.semantic_steps), "--method", options.method),
            *("--voxel-size", str(options.voxel_size), "--gradient-threshold", str(options.gradient_threshold)),
            *("--work", str(options.work), "--single", str(file)),
        ]
        subprocess.run(command, check=True)
        return json.loads(file.read_text())


def summary(runs: list[dict[str, Any]]) -> list[tuple[str, str, float, dict[str, tuple[float, float]]]]:
    """Scene, variant, weight, and mean and standard deviation of each figure over seeds."""
    import numpy as np

    def group(r: dict[str, Any]) -> tuple[str, str, float]:
        return f"{r['scene']}, voxel {r['voxel_size']:g}" if r["voxel_size"] else r["scene"], r["variant"], r["lambda"]

    result = []
    for key in dict.fromkeys(map(group, runs)):
        own = [r for r in runs if group(r) == key]
        values = {name: [r["coded"][name] for r in own] for name in own[0]["coded"]}
        values["unrounded rendered_2d"] = [r["unrounded"]["rendered_2d"] for r in own]
        values["semantic_share"] = [r["semantic_share"] for r in own]
        result.append((*key, {name: (float(np.mean(v)), float(np.std(v))) for name, v in values.items()}))
    return result


def plot(runs: list[dict[str, Any]], path: Path) -> None:
    """One line per scene, weight and variant; a mark for each measure, with bars of the spread over seeds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = sorted(summary(runs), key=lambda row: (row[0], row[2], [*VARIANTS].index(row[1])), reverse=True)
    figure, axes = plt.subplots(figsize=(8, 1.5 + 0.28 * len(rows)), layout="constrained")
    for measure_, label in MEASURES.items():
        places = [place for place, row in enumerate(rows) if measure_ in row[3]]
        means, spreads = zip(*(rows[place][3][measure_] for place in places), strict=True)
        axes.errorbar(means, places, xerr=spreads, marker="o", markersize=5, linestyle="none", label=label)
    axes.set(yticks=range(len(rows)), xlim=(0, 1), xlabel="mean IoU over views and objects")
    axes.set_yticklabels([f"{scene}, {weight:g}: {variant}" for scene, variant, weight, _ in rows])
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(options: Options) -> None:
    """Measure what is missing, point by point."""
    if options.single is not None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as outputs:  # event files are written to the end
            options.single.write_text(json.dumps(measure(options, Path(outputs))))
        return
    file = RESULTS / "semantics.json"
    for seed, scene, weight, variant in itertools.product(
        options.seeds, options.scenes, options.lambdas, options.variants
    ):
        known = [[r[name] for name in KEY] for r in read_runs(file)]
        growth = (options.voxel_size, options.gradient_threshold)
        if [scene, weight, variant, seed, options.steps, options.semantic_steps, *growth] not in known:
            runs = add_run(file, measure_elsewhere(options, scene, weight, variant, seed), options.method)
            plot(runs, RESULTS / "semantics.png")
    for scene, variant, weight, values in summary(read_runs(file)):
        told = ", ".join(f"{name} {mean:.3f} ± {spread:.3f}" for name, (mean, spread) in values.items())
        print(f"{scene:28} {variant:12} {weight:6g} {told}")


if __name__ == "__main__":
    main(tyro.cli(Options))
