"""Speed and memory of coding whole scenes: by number of anchors, by size of the chunks, and the coders side by side.

Each point runs in two processes of its own, one that encodes and one that only decodes; memory is the peak of the whole
process (VmHWM), the loaded libraries and the scene included. Times are the best of several runs in a warm process, and
CPU seconds of that run beside them: on a machine with other load only these can be compared.
Writes results/codec.json and results/codec.png.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/codec.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its idle workers would take the cores

import tyro
from codec_coders import all_rows, show
from common import RESULTS, machine

TARGETS = {"decode_seconds": 2.5, "encode_seconds": 4.0, "peak_bytes": 1.5e9}
"""On two cores, for 300k anchors."""
CHUNKS = (4096, 16_384, 65_536)
REFERENCE, DEFAULT_CHUNK = 300_000, 16_384


@dataclass
class Options:
    """Encode, decode, measure."""

    sizes: tuple[int, ...] = (30_000, 300_000, 1_000_000, 3_000_000)
    """Anchors of the scenes."""
    repeats: int = 5
    """Runs of each point; the best one counts."""
    symbols: int = 2_000_000
    """Symbols that the coders are compared on; 0 leaves them out."""
    single: str = ""
    """Used by the benchmark itself: a step of one point, as JSON."""


def peak_bytes() -> int:
    """Largest resident memory of this process so far, or since ``forget_peak``."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def forget_peak() -> None:
    """Start to measure the peak from what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


def best(function: Callable[[], object], repeats: int) -> dict[str, float]:
    """Seconds of the first and of the best run, and the fewest CPU seconds."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"seconds": min(walls), "cpu_seconds": min(cpus), "first_seconds": walls[0]}


def encode_step(count: int, kept: float, chunk: int, repeats: int, file: str, model: str = "inr") -> dict[str, Any]:
    """Make a scene, encode it, write the file."""
    from codec_scenes import trained_like

    from csgaussian_ns.codec.encode import encode

    scene = trained_like(count, kept, model=model)
    forget_peak()
    times = best(lambda: encode(scene, chunk_anchors=chunk), repeats)
    peak = peak_bytes()
    encoded = encode(scene, chunk_anchors=chunk)
    Path(file).write_bytes(encoded.data)
    symbols = count * (scene.meta.feature_dim + 6) + 3 * encoded.offsets
    return {
        "symbols": symbols,
        "bits_per_symbol": encoded.ideal_bits / symbols,
        "bytes": len(encoded.data),
        "bytes_by_section": encoded.bytes_by_kind,
        **{f"encode_{name}": value for name, value in times.items()},
        "encode_peak_bytes": peak,
    }


def decode_step(repeats: int, file: str) -> dict[str, Any]:
    """Decode the file."""
    from csgaussian_ns.codec.decode import decode

    times = best(lambda: decode(file), repeats)
    result: dict[str, Any] = {f"decode_{name}": value for name, value in times.items()}
    return result | {"decode_peak_bytes": peak_bytes(), "digest": decode(file).digest()}


def in_own_process(arguments: dict[str, Any], script: str = __file__) -> dict[str, Any]:
    """Result of one step."""
    command = [sys.executable, script, "--single", json.dumps(arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def point(anchors: int, kept: float, chunk: int, repeats: int) -> dict[str, Any]:
    """One scene, encoded and decoded."""
    with tempfile.TemporaryDirectory() as folder:
        file, runs = str(Path(folder) / "scene.csg"), max(1, min(repeats, 3_000_000 // anchors))
        encoded = in_own_process({"count": anchors, "kept": kept, "chunk": chunk, "repeats": runs, "file": file})
        decoded = in_own_process({"repeats": runs, "file": file})
    record = {"anchors": anchors, "kept_offsets": kept, "chunk_anchors": chunk, "runs": runs, **encoded, **decoded}
    print(
        f"{anchors} anchors, {record['symbols'] / 1e6:.2f} M symbols, chunks of {chunk}: {record['bytes']} B; "
        f"encode {record['encode_seconds']:.2f} s (CPU {record['encode_cpu_seconds']:.2f}), "
        f"{record['encode_peak_bytes'] / 1e6:.0f} MB; decode {record['decode_seconds']:.2f} s "
        f"(CPU {record['decode_cpu_seconds']:.2f}), {record['decode_peak_bytes'] / 1e6:.0f} MB",
        flush=True,
    )
    return record


def plot(sizes: list[dict[str, Any]]) -> None:
    """Time and memory against the number of anchors."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (times, memory) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    anchors = [record["anchors"] for record in sizes]
    for name in ("encode", "decode"):
        times.loglog(anchors, [record[f"{name}_cpu_seconds"] for record in sizes], "o-", label=f"{name}, CPU seconds")
        times.loglog(anchors, [record[f"{name}_seconds"] for record in sizes], "x--", label=f"{name}, seconds")
        memory.loglog(anchors, [record[f"{name}_peak_bytes"] / 1e9 for record in sizes], "o-", label=name)
    times.set(xlabel="anchors", ylabel="s", title="time")
    memory.set(xlabel="anchors", ylabel="GB", title="peak memory of the process")
    for axes in (times, memory):
        axes.grid(True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(RESULTS / "codec.png", dpi=110)
    plt.close(figure)


def main(options: Options) -> None:
    """Measure, print, store."""
    if options.single:
        arguments = json.loads(options.single)
        print(json.dumps(encode_step(**arguments) if "count" in arguments else decode_step(**arguments)))
        return
    load_before = os.getloadavg()[1]
    sizes = [point(count, 0.43, DEFAULT_CHUNK, options.repeats) for count in options.sizes]
    full = point(REFERENCE, 1.0, DEFAULT_CHUNK, options.repeats)
    chunks = [point(REFERENCE, 0.43, chunk, options.repeats) for chunk in CHUNKS]
    coders = all_rows(options.symbols) if options.symbols else []
    show(coders)
    reached = {
        "decode_seconds": full["decode_seconds"],
        "encode_seconds": full["encode_seconds"],
        "peak_bytes": max(full["decode_peak_bytes"], full["encode_peak_bytes"]),
    }
    stored = {
        "machine": machine(),
        "load_before": load_before,
        "targets": TARGETS,
        "reached": reached,
        "by_anchors": sizes,
        "every_offset_kept": full,
        "by_chunk": chunks,
        "coders": [asdict(row) for row in coders],
    }
    (RESULTS / "codec.json").write_text(json.dumps(stored, indent=1) + "\n")
    plot(sizes)
    for name, target in TARGETS.items():
        print(f"{name}: {reached[name]:.4g}, target {target:.4g}: {'met' if reached[name] <= target else 'MISSED'}")


if __name__ == "__main__":
    main(tyro.cli(Options))
