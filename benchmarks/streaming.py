"""What one sees while a file arrives: seconds and bytes to the first picture, and how near it is to the last one.

Files are read by way of a line of some speed, slept for. Pictures are compared with those of the whole file, over an
orbit; they are drawn when all has arrived.
Writes results/streaming.json and results/streaming.png.

    python benchmarks/streaming.py scene.csg other.csg
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tyro
from common import RESULTS, machine

import csgaussian_ns
from csgaussian_ns import Camera
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.receiver.sources import Parts


@dataclass
class Options:
    """Fetch, draw, compare."""

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Files to look at."""
    views: int = 6
    """Of the orbit."""
    megabits: float = 20.0
    """Of the line, per second."""
    delay: float = 0.05
    """Of each request, seconds."""


class Line:
    """A file at the other end of a line, as ``receiver.sources`` reads it."""

    def __init__(self, path: Path, options: Options) -> None:
        self._data, self._options = path.read_bytes(), options

    def front(self, length: int, most: int) -> tuple[bytes, int]:
        """The first bytes, and how many there are."""
        return self.part(0, min(length, len(self._data))), len(self._data)

    def part(self, offset: int, length: int) -> bytes:
        """Some bytes."""
        time.sleep(self._options.delay + length * 8e-6 / self._options.megabits)
        return self._data[offset : offset + length]


def drawn(scene: LoadedScene, cameras: list[Camera]) -> np.ndarray:
    """Pictures in [0, 1]."""
    return np.stack([scene.draw(camera).image.clip(0, 1) for camera in cameras])


def arriving(path: Path, options: Options) -> list[dict[str, float]]:
    """A point after each chunk."""
    whole = csgaussian_ns.load(path)
    cameras = list(whole.orbit(options.views, 240, 136).values())
    wanted = drawn(whole, cameras)
    arrived: list[tuple[LoadedScene, dict[str, float]]] = []
    began = time.perf_counter()
    parts = Parts(Line(path, options), path.name, 1 << 31)
    for scene in csgaussian_ns.stream(parts):
        seconds = round(time.perf_counter() - began, 2)
        arrived.append((scene, {"seconds": seconds, "bytes": parts.fetched, "requests": parts.requests}))
    points = []
    for scene, facts in arrived:  # only now: more would come while we draw
        error = float(((drawn(scene, cameras) - wanted) ** 2).mean())
        known = {
            "anchors": len(scene),
            "objects": len(scene.objects),
            "psnr": round(-10 * np.log10(max(error, 1e-10)), 2),
        }
        points.append(known | facts)
        print(path.name, points[-1], flush=True)
    return points


def main(options: Options) -> None:
    """Measure and draw."""
    found = {path.stem: arriving(path, options) for path in options.files}
    facts = {"machine": machine(), "megabits": options.megabits, "views": options.views, "files": found}
    (RESULTS / "streaming.json").write_text(json.dumps(facts, indent=1) + "\n")
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, points in found.items():
        axes.plot(
            [point["seconds"] for point in points], [min(point["psnr"], 60) for point in points], "o-", label=name
        )
    axes.set(xlabel=f"seconds, at {options.megabits:g} Mbit/s", ylabel="PSNR against the whole file, dB (60: the same)")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(RESULTS / "streaming.png", dpi=120)


if __name__ == "__main__":
    main(tyro.cli(Options))
