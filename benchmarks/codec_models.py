"""Time and memory of decoding with each entropy model of HEMGS beside csgaussian's own, for scenes of the same anchors.

Scenes and clocks are those of ``codec.py``: networks of the shipped sizes with random weights, each file decoded in a
process of its own. Writes results/codec_models.json.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/codec_models.py
"""

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from codec import DEFAULT_CHUNK, decode_step, encode_step, in_own_process
from common import RESULTS, machine

from csgaussian_ns.core.files import write_json

PLAIN = "inr"
KEPT = 0.43
MOST_TIME, MOST_SECONDS = 2.0, 4.0
"""In the time of csgaussian; and on two cores, for the most anchors."""


@dataclass
class Options:
    """Encode, decode, compare."""

    sizes: tuple[int, ...] = (30_000, 100_000, 300_000)
    """Anchors of the scenes."""
    models: tuple[str, ...] = (PLAIN, "progressive", "spaced", "neighbours")
    """Entropy models; the first is what the others are compared with."""
    repeats: int = 3
    """Runs of each; the best one counts."""
    single: str = ""
    """Used by the benchmark itself: a step of one point, as JSON."""


def measured(model: str, anchors: int, repeats: int) -> dict[str, Any]:
    """One file."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "scene.csg")
        asked = {"count": anchors, "kept": KEPT, "chunk": DEFAULT_CHUNK, "repeats": 1, "file": file, "model": model}
        encoded = in_own_process(asked, __file__)
        decoded = in_own_process({"repeats": repeats, "file": file}, __file__)
    return {"model": model, "anchors": anchors, "bytes": encoded["bytes"]} | decoded


def main(options: Options) -> None:
    """Measure, print, store."""
    if options.single:
        arguments = json.loads(options.single)
        print(json.dumps(encode_step(**arguments) if "count" in arguments else decode_step(**arguments)))
        return
    files: list[dict[str, Any]] = []
    for anchors in options.sizes:
        for model in options.models:
            found = measured(model, anchors, options.repeats)
            plain = next((one for one in files if one["anchors"] == anchors), found)
            found["cpu_of_first"] = found["decode_cpu_seconds"] / plain["decode_cpu_seconds"]
            files.append(found)
            print(
                f"{anchors} anchors, {model}: decode {found['decode_seconds']:.2f} s "
                f"(CPU {found['decode_cpu_seconds']:.2f}, {found['cpu_of_first']:.2f} times {options.models[0]}), "
                f"{found['decode_peak_bytes'] / 1e6:.0f} MB",
                flush=True,
            )
    largest = [one for one in files if one["anchors"] == max(options.sizes)]
    reached = {
        "cpu_of_first": max(one["cpu_of_first"] for one in largest),
        "decode_seconds": max(one["decode_seconds"] for one in largest),
    }
    targets = {"cpu_of_first": MOST_TIME, "decode_seconds": MOST_SECONDS}
    stored = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "targets": targets, "reached": reached}
    write_json(RESULTS / "codec_models.json", stored | {"files": files})
    for name, target in targets.items():
        print(f"{name}: {reached[name]:.3g}, target {target:.3g}: {'met' if reached[name] <= target else 'MISSED'}")


if __name__ == "__main__":
    main(tyro.cli(Options))
