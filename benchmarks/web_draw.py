"""What a frame of the page of ``csg view`` costs beside one of Spark (with three), both drawing the same Gaussians.

There is no graphics card here: SwiftShader, the software that Chromium draws WebGL with, runs all shaders on the CPU.
So seconds mean little, their ratio says how much more or less work a frame is. Each frame is waited for by reading a
pixel of it; nothing moves, so nothing is sorted. Spark and three come from the npm registry into a folder that goes
away again. Writes results/web_draw.json. Needs `make web` before, npm, and a browser.

    python benchmarks/web_draw.py
"""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from common import RESULTS, machine
from web_chromium import ROOT, SWIFTSHADER, browser_cpu_seconds, chromium, serving

SPARK, THREE = "2.2.0", "0.180.0"
SPARK_PAGE = """<!doctype html><meta charset="utf-8"><style>body { margin: 0 }</style>
<script type="importmap">{"imports": {
    "three": "/node_modules/three/build/three.module.js",
    "three/addons/": "/node_modules/three/examples/jsm/",
    "@sparkjsdev/spark": "/node_modules/@sparkjsdev/spark/dist/spark.module.js"
}}</script>
<script type="module">
import * as THREE from "three";
import { SparkRenderer, SplatMesh } from "@sparkjsdev/spark";
import { Decoder, plainGaussians } from "/checkout/web/dist/index.js";
const bytes = new Uint8Array(await (await fetch("/scene.csg")).arrayBuffer());
const { means, scales, quats, opacities, harmonics } = plainGaussians((await Decoder.create()).decode(bytes));
const renderer = new THREE.WebGLRenderer({ antialias: false, preserveDrawingBuffer: true });
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
scene.add(new SparkRenderer({ renderer }));
const [centre, size] = [new THREE.Vector3(), new THREE.Vector3()];
const [turn, colour] = [new THREE.Quaternion(), new THREE.Color()];
const shade = (harmonic) => Math.max(0, 0.5 + 0.28209479177387814 * harmonic);
const mesh = new SplatMesh({
    constructSplats(splats) {
        for (let i = 0; i < opacities.length; i++) {
            const [w, x, y, z] = quats.subarray(4 * i, 4 * i + 4);
            centre.fromArray(means, 3 * i);
            size.fromArray(scales, 3 * i);
            turn.set(x, y, z, w);
            colour.setRGB(...[...harmonics.subarray(3 * i, 3 * i + 3)].map(shade));
            splats.pushSplat(centre, size, turn, opacities[i], colour);
        }
    },
});
await mesh.initialized;
scene.add(mesh);
window.see = (told) => {
    window.camera = new THREE.PerspectiveCamera(50, innerWidth / innerHeight, 0.01, 1000);
    window.camera.up.set(0, 0, 1);
    window.camera.position.set(...told.eye);
    window.camera.lookAt(...told.focus);
};
window.canvas = renderer.domElement;
window.frame = () => renderer.render(scene, window.camera);
window.ready = true;
</script>"""
COUNT = """() => {
    window.calls = 0;
    for (const name of Object.getOwnPropertyNames(WebGL2RenderingContext.prototype)) {
        if (!/^draw(Arrays|Elements|Range)/.test(name)) continue;
        const own = WebGL2RenderingContext.prototype[name];
        WebGL2RenderingContext.prototype[name] = function (...given) {
            window.calls++;
            return own.apply(this, given);
        };
    }
}"""
DRAW = """async (frames) => {
    const gl = window.canvas.getContext("webgl2");
    const one = new Uint8Array(4);
    const draw = () => {
        window.frame();
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, one);
    };
    draw();
    window.calls = 0;
    const times = [];
    for (let i = 0; i < frames; i++) {
        const start = performance.now();
        draw();
        times.push(performance.now() - start);
        await new Promise((resolve) => setTimeout(resolve));
    }
    return { times, calls: window.calls / frames };
}"""


@dataclass
class Options:
    """Draw, compare."""

    gaussians: int = 300_000
    """Of the scene."""
    width: int = 1280
    """Of the picture, pixels."""
    height: int = 720
    """Of the picture, pixels."""
    frames: int = 8
    """Drawn by each, after the first."""


def cloud(count: int) -> bytes:
    """Gaussians that look the same from everywhere, on the floor and in lumps, as surfaces are: flat and small."""
    from csgaussian_ns.receiver.importing import Settings, import_gaussians
    from csgaussian_ns.scene.gaussian_scene import GaussianScene
    from csgaussian_ns.scene.splats import Splats

    dice = np.random.default_rng(0)
    lumps = dice.normal(size=(60, 3)) * (1.0, 1.0, 0.3)
    which = dice.integers(0, len(lumps), count)
    ray = dice.normal(size=(count, 3))
    means = lumps[which] + 0.25 * ray / np.linalg.norm(ray, axis=1, keepdims=True)
    scales = np.exp(dice.normal(size=(count, 3)) * 0.5 - 5.0)
    scales[:, 2] *= 0.2
    harmonics = dice.normal(size=(60, 1, 3))[which] + 0.2 * dice.normal(size=(count, 1, 3))
    quats, opacity = dice.normal(size=(count, 4)), dice.uniform(0.2, 0.95, count)
    arrays = (np.asarray(array, np.float32) for array in (means, quats, scales, opacity, harmonics))
    return import_gaussians(Splats(GaussianScene(*arrays), None), Settings()).data


@contextmanager
def site(data: bytes) -> Iterator[str]:
    """Address of a folder with the checkout, the scene, and Spark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true}')
        wanted = [f"@sparkjsdev/spark@{SPARK}", f"three@{THREE}"]
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *wanted], cwd=folder, check=True)
        (folder / "checkout").symlink_to(ROOT)
        (folder / "scene.csg").write_bytes(data)
        (folder / "spark.html").write_text(SPARK_PAGE)
        with serving(folder) as address:
            yield address


def measured(page: Any, frames: int) -> dict[str, float]:
    """Milliseconds and draw calls of a frame."""
    before = browser_cpu_seconds()
    found = page.evaluate(DRAW, frames)
    cpu = (browser_cpu_seconds() - before) / (frames + 1)
    times = found["times"]
    return {
        "least_ms": min(times),
        "median_ms": float(np.median(times)),
        "cpu_ms": 1000 * cpu,
        "draw_calls": found["calls"],
    }


def picture(page: Any) -> np.ndarray:
    """What the canvas shows."""
    import base64
    import io

    from PIL import Image

    told = page.evaluate("window.canvas.toDataURL().split(',')[1]")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(told))).convert("RGB")) / 255


def main(options: Options) -> None:
    """Measure and write."""
    from playwright.sync_api import Error

    record: dict[str, Any] = {"machine": machine(), "gaussians": options.gaussians}
    record |= {"picture": [options.width, options.height], "spark": SPARK, "three": THREE}
    size = {"width": options.width, "height": options.height}
    with site(cloud(options.gaussians)) as address, chromium(*SWIFTSHADER) as browser:
        ours = browser.new_page(viewport=size)
        ours.goto(f"{address}/checkout/csgaussian_ns/page/index.html?scene=/scene.csg")
        ours.wait_for_selector("body.whole", timeout=180_000)
        ours.evaluate("window.csg.pixels().then(() => undefined)")
        ours.evaluate(COUNT)
        ours.evaluate(
            "window.canvas = document.querySelector('#scene'); window.frame = () => window.csg.picture.draw()"
        )
        record["page"] = measured(ours, options.frames)
        drawn, seen = picture(ours), ours.evaluate("window.csg.picture.seen")
        ours.close()
        print("page", record["page"], flush=True)
        theirs, said = browser.new_page(viewport=size), list[str]()
        theirs.on("console", lambda message: said.append(message.text))
        theirs.on("pageerror", lambda error: said.append(str(error)))
        theirs.goto(f"{address}/spark.html")
        try:
            theirs.wait_for_function("window.ready", timeout=180_000)
            theirs.evaluate("(told) => window.see(told)", seen)
            for _ in range(4):  # it sorts beside its frames
                theirs.evaluate("window.frame()")
                theirs.wait_for_timeout(500)
            theirs.evaluate(COUNT)
            record["alone"] = measured(theirs, options.frames)
            record["psnr_between"] = float(-10 * np.log10(np.square(picture(theirs) - drawn).mean()))
            record["ratio"] = record["page"]["cpu_ms"] / record["alone"]["cpu_ms"]
        except Error as error:  # what a program of others does here is what is to be found out
            record["spark_said"] = [*said, str(error)][-6:]
        print(json.dumps(record, indent=1))
    (RESULTS / "web_draw.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options))
