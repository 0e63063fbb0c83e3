"""What a receiver sees while a file arrives: bytes and seconds to the first picture, and how near it is to the last one.

Files are served by the application of ``csg serve`` on this machine. Seconds are those of fetching and decoding here, and
the bytes at the speed of a line. Pictures are compared with those of the whole file, over an orbit.
Writes results/streaming.json and results/streaming.png.

    python benchmarks/streaming.py scene.csg other.csg
"""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tyro
import uvicorn
from common import RESULTS, machine

import csgaussian_ns
from csgaussian_ns import Camera
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.receiver.sources import open_address
from csgaussian_ns.tools.serve import application


@dataclass
class Options:
    """Serve, fetch, draw, compare."""

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files to look at."""
    views: int = 6
    """Of the orbit."""
    megabits: float = 20.0
    """Of the line, per second."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a folder."""
    server = uvicorn.Server(uvicorn.Config(application(folder), log_level="error"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def drawn(scene: LoadedScene, cameras: list[Camera]) -> np.ndarray:
    """Pictures in [0, 1]."""
    return np.stack([scene.draw(camera).image.clip(0, 1) for camera in cameras])


def arriving(path: Path, options: Options) -> list[dict[str, float]]:
    """A point after each chunk."""
    whole = csgaussian_ns.load(path)
    cameras = list(whole.orbit(options.views, 240, 136).values())
    wanted = drawn(whole, cameras)
    points, busy = [], 0.0
    with serving(path.parent) as address:
        began = time.perf_counter()
        parts = open_address(f"{address}/{path.name}", 1 << 31)
        for scene in csgaussian_ns.stream(parts):
            busy += time.perf_counter() - began
            error = float(((drawn(scene, cameras) - wanted) ** 2).mean())
            points.append(
                {
                    "anchors": len(scene),
                    "objects": len(scene.objects),
                    "bytes": parts.fetched,
                    "requests": parts.requests,
                    "seconds": round(busy + parts.fetched * 8e-6 / options.megabits, 2),
                    "psnr": round(-10 * np.log10(max(error, 1e-10)), 2),
                }
            )
            print(path.name, points[-1], flush=True)
            began = time.perf_counter()
    return points


def main(options: Options) -> None:
    """Measure and draw."""
    found = {path.stem: arriving(path, options) for path in options.files}
    facts = {"machine": machine(), "megabits": options.megabits, "views": options.views, "files": found}
    (RESULTS / "streaming.json").write_text(json.dumps(facts, indent=1) + "\n")
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, points in found.items():
        shares = [point["bytes"] / points[-1]["bytes"] for point in points]
        axes.plot(shares, [min(point["psnr"], 60) for point in points], "o-", label=name)
    axes.set(xlabel="share of the file", ylabel="PSNR against the whole file, dB (60: the same)", xlim=(0, 1.02))
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(RESULTS / "streaming.png", dpi=120)


if __name__ == "__main__":
    main(tyro.cli(Options))
