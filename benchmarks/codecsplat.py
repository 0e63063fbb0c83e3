"""Scenes of a few photos: what the shipped network makes of scenes that it was not trained on, at all levels.

    python benchmarks/codecsplat.py --scenes PLACE/scenes.json [--weights FILE] [--views 2 4] [--size 128]

PLACE is what ``scripts/train_codecsplat.py scenes`` made; the held-out scenes of its list are measured. Rows, each a
mean over scenes of one kind: the files at all levels; without compression; the same Gaussians as SPZ 3 and through
``csg import``; JPEG and WebP of the photos that are given, with the same network at the receiver (each with the bytes
that cameras and facts take in our files); and latents under one distribution for each channel and level, that of all
the scenes that are measured, in place of what the hyper-latent says.
Writes results/codecsplat.json and .png, and prints a table. Figures of papers are on data that cannot be had here.
"""

import io
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tyro
from common import RESULTS, machine
from PIL import Image

from csgaussian_ns.export.spz import read_spz, spz_bytes
from csgaussian_ns.feedforward.choosing import Neighbours, choose
from csgaussian_ns.feedforward.evaluation import Likeness, Shown, compared, decoded, mean_of, shown
from csgaussian_ns.feedforward.fitting import as_network_takes, fitted_camera
from csgaussian_ns.feedforward.found import model_to_compress_by, naming
from csgaussian_ns.feedforward.many import read_scenes
from csgaussian_ns.feedforward.model import Model
from csgaussian_ns.feedforward.posed import PosedScene
from csgaussian_ns.format.container import read_container
from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.receiver.load import load
from csgaussian_ns.report.curves import Curve, rate_figure
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.splats import Splats

QUALITIES = (2, 5, 10, 20, 35, 55, 80)
"""Of JPEG and WebP."""
STEPS = (0.5, 1.0, 2.0, 4.0)
"""Of ``csg import``."""
TARGETS = 4
CHOICES = 8
"""Of the photos of a capture; of a procedural scene there is one."""
OURS, UNCODED, FACTORISED = "codecsplat", "no compression", "one distribution per channel"


@dataclass
class Options:
    """Code, decode, draw, compare."""

    scenes: Path
    """The list of scenes; those held out are measured."""
    weights: Path | None = None
    """File of weights; those that the package ships by default."""
    views: tuple[int, ...] = (2, 4)
    """Photos that are given."""
    size: int = 128
    """Side of the photos."""
    most: int = 20
    """Scenes of each kind."""
    output: Path = RESULTS / "codecsplat.json"


class Case(NamedTuple):
    """Photos of one scene.

    Attributes:
        kind: Of the scene: its rows are means over cases of one kind.
        seen: The photos.
        between: Whether each target lies between those given, in place of beside them.
    """

    kind: str
    seen: Shown
    between: list[bool]


class Point(NamedTuple):
    """One file of one case."""

    what: str
    setting: float
    bytes: float
    likeness: list[Likeness]
    symbols: np.ndarray | None = None
    """Of the latent, where their bytes are not known yet."""


def cases(options: Options, given: int) -> Iterator[Case]:
    """Of all scenes held out."""
    for entry in read_scenes(options.scenes).held_out:
        scene = entry.open()
        procedural = scene.name.startswith("scene_")
        for seed in range(1 if procedural else CHOICES):
            yield case(scene, "procedural" if procedural else scene.name, options.size, given, seed)


def case(scene: PosedScene, kind: str, size: int, given: int, seed: int) -> Case:
    """Photos of a scene by a seed."""
    neighbours = Neighbours([fitted_camera(one, size, size) for one in scene.cameras], scene.near, scene.far)
    choice = choose(neighbours, given, TARGETS, np.random.default_rng(seed))
    seen = shown(scene, choice, size, size)
    return Case(kind, seen, [_is_between(seen, camera.position) for _, camera in seen.targets])


def _is_between(seen: Shown, place: Any) -> bool:
    """Whether a place lies beside the way from one of the cameras given to another, and not before or behind it."""
    places = seen.views.positions
    for first in range(len(places)):
        for last in range(first + 1, len(places)):
            way = places[last] - places[first]
            if 0.1 < (np.asarray(place) - places[first]) @ way / (way @ way) < 0.9:
                return True
    return False


def points(case: Case, model: Model) -> Iterator[Point]:
    """All files of a case."""
    seen = case.seen
    colours, views = seen.colours, seen.views
    front = 0
    for level in range(model.settings.levels):
        made = model.encode(colours, views, level)
        container = read_container(made.data)
        (latent,) = container.of_kind("LATN")
        front = len(made.data) - latent.length
        likeness = compared(decoded(made.data, model), seen.targets)
        yield Point(OURS, level, len(made.data), likeness)
        gains = model.likely.gains(model.parameters, level)
        values = model.network.latent(model.parameters, colours, views) * gains
        yield Point(FACTORISED, level, front, likeness, np.rint(values).astype(np.int64))
    plain = of_photos(model, seen.given, views)
    yield Point(UNCODED, 0, 0, compared(plain, seen.targets))
    spz = b"".join(spz_bytes(Splats(plain)))
    yield Point("its Gaussians, SPZ 3", 0, len(spz), compared(read_spz(spz).scene, seen.targets))
    for step in STEPS:
        data = import_gaussians(Splats(plain), Settings(step=step)).data
        yield Point("its Gaussians, csg import", step, len(data), compared(load(data).scene, seen.targets))
    for name in ("JPEG", "WebP"):
        for quality in QUALITIES:
            files = [photo_bytes(photo, name, quality) for photo in seen.given]
            back = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in files]
            size = front + sum(map(len, files))
            yield Point(f"photos, {name}", quality, size, compared(of_photos(model, back, views), seen.targets))


def of_photos(model: Model, photos: list[np.ndarray], views: Any) -> GaussianScene:
    """What the network makes of photos when nothing is rounded."""
    latent = model.network.latent(model.parameters, as_network_takes(photos), views)
    return GaussianScene(*model.network.gaussians(model.parameters, latent, views))


def photo_bytes(photo: np.ndarray, name: str, quality: int) -> bytes:
    """A photo as a file."""
    buffer = io.BytesIO()
    extra = {"optimize": True} if name == "JPEG" else {"method": 6}
    Image.fromarray(photo).save(buffer, name, quality=quality, **extra)
    return buffer.getvalue()


def with_bytes(found: list[tuple[Case, list[Point]]]) -> list[tuple[Case, list[Point]]]:
    """With the bytes of symbols under one distribution for each channel, that of all cases at the same level."""
    for number, point in enumerate(found[0][1]):
        if point.symbols is None:
            continue
        each = [part for _, points in found if (part := points[number].symbols) is not None]
        whole = np.concatenate([part.transpose(1, 0, 2, 3).reshape(part.shape[1], -1) for part in each], axis=1)
        shares = [dict(zip(values, counts / counts.sum(), strict=True)) for values, counts in map(_counted, whole)]
        for (_, points), part in zip(found, each, strict=True):
            bits = -sum(np.log2(shares[c][v]) for c in range(part.shape[1]) for v in part[:, c].ravel().tolist())
            points[number] = points[number]._replace(bytes=points[number].bytes + bits / 8, symbols=None)
    return found


def _counted(values: np.ndarray) -> tuple[list[int], np.ndarray]:
    kinds, counts = np.unique(values, return_counts=True)
    return kinds.tolist(), counts


def timed(case: Case, model: Model) -> dict[str, float]:
    """Seconds of wall, and of CPU, after a first run that compiles."""
    seen, level = case.seen, model.settings.levels - 1
    decoded(model.encode(seen.colours, seen.views, level).data, model)
    marks = [(time.perf_counter(), time.process_time())]
    data = model.encode(seen.colours, seen.views, level).data
    marks.append((time.perf_counter(), time.process_time()))
    scene = decoded(data, model)
    compared(scene, seen.targets[:1])
    marks.append((time.perf_counter(), time.process_time()))
    names = ("photos to file", "file to picture")
    found = {}
    for number, name in enumerate(names):
        found[f"{name}, wall s"] = marks[number + 1][0] - marks[number][0]
        found[f"{name}, CPU s"] = marks[number + 1][1] - marks[number][1]
    return found


def rows(found: list[tuple[Case, list[Point]]], given: int) -> list[dict[str, Any]]:
    """Means over cases of one kind."""
    result = []
    for kind in dict.fromkeys(case.kind for case, _ in found):
        here = [(case, points) for case, points in found if case.kind == kind]
        for number, point in enumerate(here[0][1]):
            pairs = [
                (one, is_between)
                for case, points in here
                for one, is_between in zip(points[number].likeness, case.between, strict=True)
            ]
            row = {"scenes": kind, "cases": len(here), "views": given, "file": point.what, "setting": point.setting}
            row["bytes"] = round(float(np.mean([points[number].bytes for _, points in here])), 1)
            row |= mean_of(one for one, _ in pairs).facts()
            for name, side in (("psnr_between", True), ("psnr_beside", False)):
                some = [one for one, is_between in pairs if is_between == side]
                row |= {name: mean_of(some).psnr} if some else {}
            result.append({name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()})
    return result


def smaller(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times as many bytes others take at the PSNR of each of our levels, where they reach it."""
    result = []
    for ours in (row for row in found if row["file"] == OURS):
        here = [r for r in found if (r["scenes"], r["views"]) == (ours["scenes"], ours["views"])]
        row = {name: ours[name] for name in ("scenes", "views", "setting")}
        for what in dict.fromkeys(r["file"] for r in here if r["file"] not in (OURS, UNCODED)):
            files = sorted((r["bytes"], r["psnr"]) for r in here if r["file"] == what)
            best = np.maximum.accumulate([psnr for _, psnr in files])
            kept = [n for n in range(len(files)) if n == 0 or best[n] > best[n - 1]]  # what no smaller file beats
            curve = [(files[n][1], files[n][0]) for n in kept]
            if len(curve) == 1 or ours["psnr"] <= curve[0][0]:
                size = curve[0][1]  # the smallest file that reaches it
            elif ours["psnr"] > curve[-1][0]:
                continue
            else:
                psnrs, sizes = (np.array(part, np.float64) for part in zip(*curve, strict=True))
                size = float(np.exp(np.interp(ours["psnr"], psnrs, np.log(sizes))))
            row[what] = round(size / ours["bytes"], 2)
        result.append(row)
    return result


def table(found: list[dict[str, Any]]) -> str:
    """In Markdown."""
    lines = ["| scenes | photos | file | setting | bytes | PSNR, dB | SSIM | between | beside |", "|" + "---|" * 9]
    for r in found:
        sides = (f"{r[name]:.2f}" if name in r else "" for name in ("psnr_between", "psnr_beside"))
        size = f"{r['bytes']:,.0f}" if r["bytes"] else ""
        lines.append(
            f"| {r['scenes']} | {r['views']} | {r['file']} | {r['setting']:g} | {size} | {r['psnr']:.2f} | "
            f"{r['ssim']:.3f} | {' | '.join(sides)} |"
        )
    return "\n".join(lines) + "\n"


def plot(found: list[dict[str, Any]], path: Path) -> None:
    """A panel for each kind of scene and number of photos."""
    panels = {}
    for kind, views in dict.fromkeys((r["scenes"], r["views"]) for r in found):
        here = [r for r in found if (r["scenes"], r["views"]) == (kind, views)]
        names = [name for name in dict.fromkeys(r["file"] for r in here) if name not in (UNCODED, FACTORISED)]
        panels[f"{kind}, {views} photos"] = [
            Curve(name, [r["bytes"] for r in here if r["file"] == name], [r["psnr"] for r in here if r["file"] == name])
            for name in names
        ]
    rate_figure(panels, "PSNR on other photos / dB", size=(4.2, 3.6)).savefig(path, dpi=100)


def main(options: Options) -> None:
    """Measure, print, write."""
    with naming(options.weights):
        model = model_to_compress_by()
    found, times = [], {}
    for given in options.views:
        done, kinds = [], dict[str, int]()
        for case in cases(options, given):
            kinds[case.kind] = kinds.get(case.kind, 0) + 1
            if kinds[case.kind] <= options.most:
                done.append((case, list(points(case, model))))
                print(f"{given} photos, {len(done)} cases", flush=True)
        found += rows(with_bytes(done), given)
        times[f"{given} photos"] = timed(done[0][0], model)
    times["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "weights": model.digest, "size": options.size}
    report |= {"times": times, "smaller": smaller(found), "rows": found}
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    plot(found, options.output.with_suffix(".png"))
    print(table(found))
    print(json.dumps(report["smaller"], indent=1))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
