"""Speed of the decoder in web/ beside this package, in Node and in Chromium, and sizes of what a page loads.

Both decode the same files in one run, in processes that are warm: one thread of Node beside one of Python, and two
workers of headless Chromium beside two threads. CPU seconds count, the fewest of several runs; seconds of the wall are
those of a machine that other programs may share. Files are made as by benchmarks/codec.py: 28,000 anchors are about
what the demo has; models with neighbours, and plain Gaussians, are beside them. Writes results/web.json. Needs
`make web` before.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/web.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from common import RESULTS, machine
from web_chromium import ROOT, browser_cpu_seconds, bytes_to_the_first_picture, chromium, serving

WEB = Path(__file__).resolve().parents[1] / "web"
TARGET_RATIO = 3.0
"""Of seconds, to this package."""
WORKERS = 2
TARGET_SHARE = 0.15
"""Of the bytes of a file, before its first picture."""
TARGET_SECONDS = {28_000: 0.6, 300_000: 6.0}
"""Of the wall, in Chromium with so many workers, by anchors."""
IN_A_PAGE = """async ([url, count]) => {
    const { contentDigest, WorkerPool } = await import("/web/dist/index.js");
    window.digest ??= contentDigest;
    const program = `import { serve } from "${location.origin}/web/dist/index.js"; serve(self);`;
    const address = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    const workers = Array.from({ length: count }, () => new Worker(address, { type: "module" }));
    window.pool ??= await WorkerPool.create(workers);
    window.bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
}"""
DECODE = """async () => {
    const start = performance.now();
    window.scene = await window.pool.decode(window.bytes);
    return (performance.now() - start) / 1000;
}"""


@dataclass
class Options:
    """Decode, compare."""

    sizes: tuple[int, ...] = (28_000, 300_000)
    """Anchors of the scenes without neighbours."""
    crowd: int = 28_000
    """Anchors of the scene with neighbours."""
    gaussians: int = 50_000
    """Plain ones."""
    repeats: int = 5
    """Runs of each; the best one counts."""
    single: str = ""
    """Used by the benchmark itself: a file to decode."""


def made(options: Options) -> Iterator[tuple[str, bytes]]:
    """Files to decode, by name."""
    import dataclasses

    import numpy as np
    from codec_scenes import trained_like

    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.entropy.base import Widths
    from csgaussian_ns.entropy.registry import new_model
    from csgaussian_ns.receiver.importing import Settings, import_gaussians
    from csgaussian_ns.scene.gaussian_scene import GaussianScene
    from csgaussian_ns.scene.splats import Splats

    for count in options.sizes:
        yield f"{count} anchors", encode(trained_like(count)).data
    scene = trained_like(options.crowd)
    model = new_model("neighbours", scene.meta.layout, Widths(64, 48))
    model.start(scene.grid, model.values(scene.meta.layout.flat(scene.anchors)))
    yield f"{options.crowd} anchors with neighbours", encode(dataclasses.replace(scene, entropy=model)).data
    dice, count = np.random.default_rng(0), options.gaussians

    def normal(*shape: int) -> np.ndarray:
        return dice.normal(size=shape).astype(np.float32)

    opacity = dice.uniform(0.2, 0.95, count).astype(np.float32)
    cloud = GaussianScene(
        normal(count, 3), normal(count, 4), np.exp(normal(count, 3) - 5), opacity, normal(count, 4, 3)
    )
    yield f"{count} Gaussians of degree 1", import_gaussians(Splats(cloud, None), Settings()).data


def decode_here(file: str, repeats: int) -> dict[str, Any]:
    """The fewest CPU seconds of this package on one thread, seconds of the wall on two, and the digest."""
    from csgaussian_ns.receiver.load import load

    seconds, wall, digest = [], [], ""
    for _ in range(repeats):
        start = time.process_time()
        load(file, threads=1)
        seconds.append(time.process_time() - start)
        start = time.perf_counter()
        scene = load(file, threads=WORKERS)
        wall.append(time.perf_counter() - start)
        digest = scene.digest()
    return {"cpuSeconds": min(seconds), "wallSeconds": min(wall), "digest": digest}


def decode_in_chromium(file: Path, repeats: int) -> dict[str, Any]:
    """The same of headless Chromium, whose workers share the scene out, without the start of both."""
    with serving(ROOT) as address, chromium("--disable-gpu") as browser:
        page = browser.new_page()
        page.route("**/scene.csg", lambda route: route.fulfill(body=file.read_bytes()))
        page.goto(f"{address}/web/package.json")
        page.evaluate(IN_A_PAGE, [f"{address}/scene.csg", WORKERS])
        wall, seconds = [], []
        for _ in range(repeats):
            before = browser_cpu_seconds()
            wall.append(page.evaluate(DECODE))
            seconds.append(browser_cpu_seconds() - before)
        digest = page.evaluate("window.digest(window.scene)")
    return {"cpuSeconds": min(seconds), "wallSeconds": min(wall), "digest": digest}


def answer_of(*command: str | Path) -> dict[str, Any]:
    """The last line that a program prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compared(name: str, data: bytes, repeats: int) -> dict[str, Any]:
    """One file, decoded by both."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scene.csg"
        file.write_bytes(data)
        python = answer_of(sys.executable, __file__, "--repeats", str(repeats), "--single", file)
        node = answer_of("node", WEB / "scripts" / "digests.mjs", "--repeat", str(repeats), file)
        page = decode_in_chromium(file, repeats)
    ratio = node["cpuSeconds"] / python["cpuSeconds"]
    print(f"{name}: {len(data)} B, {node['cpuSeconds']:.2f} CPU s, {ratio:.2f} times those of Python", flush=True)
    print(
        f"  Chromium: {page['wallSeconds']:.2f} s, Python {python['wallSeconds']:.2f} s, two threads each", flush=True
    )
    return {
        "file": name,
        "bytes": len(data),
        "python_cpu_seconds": python["cpuSeconds"],
        "node_cpu_seconds": node["cpuSeconds"],
        "ratio": ratio,
        "chromium_cpu_seconds": page["cpuSeconds"],
        "chromium_wall_seconds": page["wallSeconds"],
        "python_wall_seconds": python["wallSeconds"],
        "wall_ratio": page["wallSeconds"] / python["wallSeconds"],
        "same_digest": node["digest"] == python["digest"] == page["digest"],
    }


def first_picture(count: int) -> dict[str, Any]:
    """Bytes of an arranged scene of so many anchors that the page needs before it draws."""
    from codec_scenes import trained_like

    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.format.container import read_container
    from csgaussian_ns.receiver.arrange import by_importance

    data = by_importance(encode(trained_like(count)).data)
    found = bytes_to_the_first_picture(data, read_container(data).chunks("COLR")[0].end)
    print(f"first picture: {found} of {len(data)} B, {found / len(data):.1%}", flush=True)
    return {"anchors": count, "bytes": len(data), "fetched": found, "share": found / len(data)}


def packed_bytes() -> dict[str, int]:
    """Of the kernels, and of what npm would publish."""
    done = subprocess.run(
        ["npm", "pack", "--dry-run", "--json", "--ignore-scripts"], cwd=WEB, check=True, capture_output=True, text=True
    )
    (package,) = json.loads(done.stdout)
    kernels = (WEB / "build" / "kernels.wasm").stat().st_size
    return {"kernels": kernels, "package": package["size"], "unpacked": package["unpackedSize"]}


def main(options: Options) -> None:
    """Measure and write."""
    if options.single:
        print(json.dumps(decode_here(options.single, options.repeats)))
        return
    rows = [compared(name, data, options.repeats) for name, data in made(options)]
    early = first_picture(options.sizes[0])
    sizes = packed_bytes()
    print(sizes)
    targets = {
        "ratio": TARGET_RATIO,
        "first_picture_share": TARGET_SHARE,
        "chromium_wall_seconds": {f"{n} anchors": s for n, s in TARGET_SECONDS.items()},
    }
    record = {
        "machine": machine(),
        "workers": WORKERS,
        "targets": targets,
        "rows": rows,
        "first_picture": early,
        "bytes": sizes,
    }
    (RESULTS / "web.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options))
