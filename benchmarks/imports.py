"""Sizes and losses of plain Gaussians coded without training: ``csg import`` beside SPZ, from the same float PLY files.

    python benchmarks/imports.py FILE.ply ...
    python benchmarks/imports.py --on-photos EXPORTED.ply CAPTURE

Writes results/imports.json and results/imports.png, and prints a table. The second call adds how good an exported
scene and imports of it are on photos that training held out, one view in 8. All other PSNR is of pictures of what a
file holds against pictures of the PLY file it was made of, over an orbit of 8 views. gsply unpacks compressed PLY.
"""

import gzip
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from common import RESULTS, machine

from csgaussian_ns.export.measure import likeness
from csgaussian_ns.export.spz import read_spz, spz_bytes
from csgaussian_ns.export.write import write
from csgaussian_ns.receiver.importing import Settings, drawable, import_gaussians
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.orbit import up_of
from csgaussian_ns.report.curves import Curve, rate_figure
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import read_ply
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.splats import Splats


@dataclass
class Options:
    """Code, read back, compare."""

    files: tyro.conf.Positional[tuple[Path, ...]] = ()
    """PLY files with Gaussians."""
    on_photos: tuple[Path, Path] | None = None
    """A PLY file in the frame of a capture, and the capture."""


STEPS_ON_PHOTOS = (0.25, 1.0, 2.0)
STEPS = (0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Given:
    """A scene to code, and where it is looked at from."""

    name: str
    splats: Splats
    ply_bytes: int
    cameras: list[Any]

    def row(self, what: str, data: bytes, seconds: tuple[float, float], scene: Scene) -> dict[str, Any]:
        """One line of the table."""
        psnr = likeness(scene, self.splats.scene, self.cameras)
        return {
            "scene": self.name,
            "file": what,
            "bytes": len(data),
            "smaller": self.ply_bytes / len(data),
            "psnr": psnr,
            "encode": seconds[0],
            "decode": seconds[1],
        }


def read(path: Path) -> GaussianScene:
    """Gaussians of a PLY file, compressed or not."""
    if not path.name.endswith(".compressed.ply"):
        with path.open("rb") as stream:
            return read_ply(stream)
    import gsply

    data = gsply.plyread(str(path))
    harmonics = np.concatenate([data.sh0[:, None], data.shN], axis=1).astype(np.float32)
    opacities = 1 / (1 + np.exp(-data.opacities.reshape(-1)))
    return GaussianScene(data.means, data.quats, np.exp(data.scales), opacities.astype(np.float32), harmonics)


def given(path: Path) -> Given:
    """The scene of a file, without what no renderer draws."""
    scene = read(path)
    splats = Splats(scene).where(drawable(scene))
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.ply")
        write(splats, plain, z_up=False)
        views = load(plain).orbit(8)
        return Given(path.name.split(".")[0], splats, plain.stat().st_size, list(views.values()))


def rows(scene: Given) -> list[dict[str, Any]]:
    """All files of one scene."""
    began = time.perf_counter()
    spz = b"".join(spz_bytes(scene.splats))
    middle = time.perf_counter()
    back = read_spz(spz).scene
    found = [scene.row("SPZ 3", spz, (middle - began, time.perf_counter() - middle), back)]
    coarse = bucketed(spz, scene.splats.scene.degree)
    if coarse is not None:
        found.append(scene.row("SPZ 3, harmonics of 5 and 4 bits", coarse, (0, 0), read_spz(coarse).scene))
    for step in STEPS:
        began = time.perf_counter()
        data = import_gaussians(scene.splats, Settings(step=step)).data
        middle = time.perf_counter()
        loaded = load(data)
        found.append(scene.row(f"csg, steps x {step:g}", data, (middle - began, time.perf_counter() - middle), loaded))
        print(json.dumps(found[-1]), flush=True)
    return found


def bucketed(spz: bytes, degree: int) -> bytes | None:
    """The file as the reference packer writes it by default: harmonics rounded to 5 bits in degree 1 and 4 above."""
    if degree == 0:
        return None
    plain = bytearray(gzip.decompress(spz))
    count, rest = int.from_bytes(plain[8:12], "little"), (degree + 1) ** 2 - 1
    values = np.frombuffer(plain, np.uint8)[-3 * rest * count :].reshape(count, rest, 3).astype(np.int64)
    size = np.full((rest, 1), 16)
    size[:3] = 8
    plain[-3 * rest * count :] = (np.rint((values - 128) / size) * size + 128).clip(0, 255).astype(np.uint8).tobytes()
    return gzip.compress(bytes(plain), 6, mtime=0)


def on_photos(ply: Path, capture: Path) -> list[dict[str, Any]]:
    """What ``csg evaluate`` says of a PLY file, and of imports of it."""
    from csgaussian_ns.render.backend import choose_rasterizer
    from csgaussian_ns.tools.measure_scene import InTensors, measure_scene
    from csgaussian_ns.tools.views import open_views

    splats, found = Splats(read(ply)), []
    files = {"PLY": ply.read_bytes()}
    up = tuple(map(float, up_of(load(ply).meta)))
    for step in STEPS_ON_PHOTOS:
        files[f"csg, steps x {step:g}"] = import_gaussians(splats, Settings(step=step, up=(up[0], up[1], up[2]))).data
    for what, data in files.items():
        scene = load(data)
        views = open_views(capture, scene.meta, "eval", 8, 1.0, None)
        measured = measure_scene(InTensors(scene), views, "auto", None, choose_rasterizer("cpu", "cpu")).report[
            "colour"
        ]
        found.append({"scene": capture.name, "file": what, "bytes": len(data)})
        found[-1] |= {"photos": len(measured["per_view"]), "psnr": measured["psnr"], "ssim": measured["ssim"]}
        print(json.dumps(found[-1]), flush=True)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """In Markdown."""
    lines = ["| scene | file | bytes | smaller than float PLY | PSNR, dB | encode, s | decode, s |", "|" + "---|" * 7]
    lines += [
        f"| {r['scene']} | {r['file']} | {r['bytes']:,} | {r['smaller']:.1f} | {r['psnr']:.2f} | {r['encode']:.1f} | "
        f"{r['decode']:.1f} |"
        for r in found
    ]
    return "\n".join(lines) + "\n"


def plot(found: list[dict[str, Any]], path: Path) -> None:
    """Size against loss, a panel for each scene."""
    panels = {}
    for name in dict.fromkeys(r["scene"] for r in found):
        here = [r for r in found if r["scene"] == name]
        panels[name] = [_curve("csg import", [r for r in here if r["file"].startswith("csg")], {})]
        panels[name] += [_curve(r["file"], [r], {"marker": "s"}) for r in here if r["file"].startswith("SPZ")]
    rate_figure(panels, "PSNR against the PLY file / dB", size=(4.5, 3.6)).savefig(path, dpi=110)


def _curve(label: str, rows: list[dict[str, Any]], style: dict[str, Any]) -> Curve:
    return Curve(label, [r["bytes"] for r in rows], [r["psnr"] for r in rows], style)


def main(options: Options) -> None:
    """Measure, print, write."""
    path = RESULTS / "imports.json"
    if options.on_photos is not None:
        photos = {"machine": machine(), "rows": on_photos(*options.on_photos)}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"on_photos": photos}, indent=1) + "\n")
        return
    import_gaussians(given(options.files[0]).splats, Settings())  # compile first
    found = [row for path in options.files for row in rows(given(path))]
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | {"machine": machine(), "rows": found}, indent=1) + "\n")
    plot(found, RESULTS / "imports.png")
    print(table(found))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
