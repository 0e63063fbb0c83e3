"""What a machine with a GPU has to tell, in one script: its tests, training, files, frames per second, steps.

Each part and each run adds its record to benchmarks/results/gpu.json under its own name, with the name of the card, so
that a machine which is lent for minutes can be asked part by part. On a machine without a GPU everything runs on the
CPU, to see that it works, and the records go to --folder instead: they say nothing of a GPU.

    python benchmarks/gpu.py --data ../shared/data --jobs tests
    python benchmarks/gpu.py --data ../shared/data --jobs colour --steps 15000
    python benchmarks/gpu.py --data ../shared/data --jobs sweep --lambdas 0.004
    python benchmarks/gpu.py --data ../shared/data --jobs stages --demo path/of/csg-demo-scene
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch

import torch
import tyro
from common import RESULTS, Run, machine, trainer_for

if TYPE_CHECKING:
    from csgaussian_ns.codec.scene import TensorScene
    from csgaussian_ns.core.types import Camera
    from csgaussian_ns.ns.trainer import CSGaussianTrainer

ROOT = Path(__file__).resolve().parents[1]
TESTS = [
    *("tests/render/test_parity.py", "tests/render/test_contract.py", "tests/render/test_ssim.py"),
    *("tests/codec/test_torch_networks.py", "tests/format/test_any_device.py"),
    "tests/format/networks/test_fixed_point.py",
]
"""Those with tests that need a GPU; named, as collecting all wants packages that such machines lack."""
Job = Literal["tests", "colour", "sweep", "stages"]
EXECUTIONS = ("plain", "padded", "compiled")


@dataclass(frozen=True)
class Options:
    """Measure on this machine's GPU."""

    data: Path = Path("../shared/data")
    """Folder that holds the scenes."""
    jobs: tuple[Job, ...] = ("tests", "colour", "sweep", "stages")
    """What to measure: the tests, one run of colour, one run for each lambda, one run of all three stages."""
    scene: str = "bonsai:1"
    """``name:scale`` for colour."""
    demo: Path | None = None
    """Folder of the demo scene (csg demo-scene), whose masks stages 2 and 3 need; made where not given."""
    steps: int = 15_000
    """Steps of the paper's schedule."""
    semantic_steps: int = 3000
    """Of stages 2 and 3."""
    lambda_rate: float = 0.002
    """Of the runs that are no sweep."""
    lambdas: tuple[float, ...] = (0.0005, 0.002, 0.004, 0.008)
    """Of the sweep."""
    sizes: tuple[tuple[int, int], ...] = ((480, 320), (1620, 1080))
    """Width and height of frames."""
    frames: int = 200
    """Frames that are timed at each size."""
    timed_steps: int = 100
    """Steps that are timed in each way to compute them."""
    executions: tuple[str, ...] = EXECUTIONS
    """Ways to compute a step (--pipeline.model.execution)."""
    settings: tuple[tuple[str, float], ...] = ()
    """Values by name for the model's options, to try this script with a small scene: voxel_size 0.1."""
    folder: Path = Path("outputs/benchmark_gpu")
    """For runs and files; without a GPU also for the records."""


def device() -> torch.device:
    """Where all of it runs."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def file_of(options: Options) -> Path:
    """Where records go."""
    on_gpu = device().type == "cuda"
    return RESULTS / "gpu.json" if on_gpu else options.folder / "gpu_script_on_a_cpu.json"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds until the GPU has done ``work``, and what it gave; without a GPU seconds of the process on all cores."""
    if device().type == "cpu":
        began = time.process_time()
        result = work()
        return time.process_time() - began, result
    torch.cuda.synchronize()
    began = time.perf_counter()
    result = work()
    torch.cuda.synchronize()
    return time.perf_counter() - began, result


def tests() -> dict[str, Any]:
    """Outcome of the tests that need a GPU."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    counts = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout)}
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return {"exit_code": done.returncode} | counts | ({"names_of_failed": failed} if failed else {})


def train(options: Options, scene: str, data: Path, weight: float, semantic_steps: int) -> "CSGaussianTrainer":
    """A run that is ready, not yet trained."""
    settings = {"plan": "paper"} | dict(options.settings)
    return trainer_for(
        Run("csgaussian", data, scene, options.steps, weight, settings=settings, semantic_steps=semantic_steps),
        options.folder / "runs",
    )


def measured(options: Options, scene: str, data: Path, weight: float, semantic_steps: int = 0) -> dict[str, Any]:
    """Train a scene, code it, decode it, draw it, and time steps."""
    trainer = train(options, scene, data, weight, semantic_steps)
    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds, _ = timed(trainer.train)
    model = trainer.pipeline.model.eval()
    record: dict[str, Any] = {"scene": scene, "lambda": weight, "steps": options.steps, "train_seconds": seconds}
    record |= {"semantic_steps": model.scene.semantic_total, "anchors": len(model.scene.anchors)}
    if device().type == "cuda":
        record["peak_gpu_gb"] = torch.cuda.max_memory_allocated() / 1e9
    record |= {"trained": trainer.pipeline.quality()} | coded(trainer)
    record["frames_per_second"] = dict(frames(options, trainer))
    record["milliseconds_per_step"] = dict(steps(options, trainer))  # last: it goes on training
    return record


def coded(trainer: "CSGaussianTrainer") -> dict[str, Any]:
    """Its file: size, seconds, quality, and the same numbers from the device."""
    from csgaussian_ns.codec.decode import decode
    from csgaussian_ns.codec.encode import encode

    seconds, encoded = timed(lambda: encode(trainer.pipeline.trained_scene()))
    record: dict[str, Any] = {"bytes": len(encoded.data), "bytes_by_section": encoded.bytes_by_kind}
    record |= {"offsets": encoded.offsets, "anchors_coded": encoded.anchors, "encode_seconds_cpu": seconds}
    record["decode_seconds_cpu"], on_cpu = timed(lambda: decode(encoded.data))
    decode(encoded.data, device=device())  # a device starts slowly
    there: tuple[float, TensorScene] = timed(lambda: decode(encoded.data, device=device()))
    record["decode_seconds_networks_on_device"] = there[0]
    record["same_digest"] = there[1].digest() == on_cpu.digest()
    return record | {"decoded": trainer.pipeline.quality(on_cpu)}


def frames(options: Options, trainer: "CSGaussianTrainer") -> Iterator[tuple[str, dict[str, float]]]:
    """Frames per second at each size: colour alone, and all outputs."""
    from csgaussian_ns.ns.drawing import decoded_outputs
    from csgaussian_ns.ns.pinhole import to_camera

    model = trainer.pipeline.model
    views = [camera for camera, _ in trainer.pipeline.datamanager.fixed_indices_eval_dataloader]
    black = torch.zeros(3, device=device())

    @torch.no_grad()
    def drawn(cameras: "list[Camera]", count: int, everything: bool) -> float:
        def work() -> None:
            for number in range(count):
                outputs = decoded_outputs(model.scene, cameras[number % len(cameras)], model.rasterizer, black)
                if everything:
                    dict(outputs)

        work()
        return count / timed(work)[0]

    for width, height in options.sizes:
        cameras = [_resized(to_camera(view.to(device())), width, height) for view in views]
        found = {"colour": drawn(cameras, options.frames, False)}
        yield f"{width}x{height}", found | {"all_outputs": drawn(cameras, max(options.frames // 4, 1), True)}


def _resized(camera: "Camera", width: int, height: int) -> "Camera":
    across, down = width / camera.width, height / camera.height
    lens = (camera.fx * across, camera.fy * down, camera.cx * across, camera.cy * down)
    return replace(camera, **dict(zip(("fx", "fy", "cx", "cy"), lens, strict=True)), width=width, height=height)


def steps(options: Options, trainer: "CSGaussianTrainer") -> Iterator[tuple[str, dict[str, float]]]:
    """Milliseconds of a step of colour as the trained scene is, in each way to compute it: by the stage of the plan."""
    from csgaussian_ns.stages.compiled import Parts, compiled_parts
    from csgaussian_ns.stages.padding import Buffers

    scene, pipeline = trainer.pipeline.model.scene, trainer.pipeline
    pipeline.train()
    for parameter in (p for group in scene.colour_groups().values() for p in group):
        parameter.requires_grad_(True)
    plan = scene.plan
    stages = {"rate": plan.mix_from - 1, "mixed": plan.mix_from + 1, "rounding": plan.round_from + 1}
    for execution in options.executions:
        scene.buffers = None if execution == "plain" else Buffers()
        scene.parts = compiled_parts(device()) if execution == "compiled" else Parts()
        found = {}
        for name, step in stages.items():
            scene.go_to(step)

            def work(count: int = options.timed_steps, step: int = step) -> None:
                for _ in range(count):
                    trainer.train_iteration(step)

            work(max(options.timed_steps // 4, 2))
            found[name] = 1000 * timed(work)[0] / options.timed_steps
        yield execution, found


def demo_scene(options: Options) -> Path:
    """Folder of the demo scene."""
    if options.demo is not None:
        return options.demo
    folder = options.folder / "demo"
    if not (folder / "transforms.json").exists():
        subprocess.run([sys.executable, "-m", "csgaussian_ns.tools.cli", "demo-scene", str(folder)], check=True)
    return folder


def add(options: Options, name: str, record: dict[str, Any]) -> None:
    """Put a record into the file, in place of an earlier one of that name."""
    file = file_of(options)
    file.parent.mkdir(parents=True, exist_ok=True)
    report = json.loads(file.read_text("utf8")) if file.exists() else {}
    report[name] = {"device": device().type, "date": time.strftime("%Y-%m-%d"), "machine": machine()} | record
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(report, indent=1) + "\n", "utf8")
    partial.replace(file)
    print(f"{name}: {json.dumps(record)}\n-> {file}", flush=True)


def main(options: Options) -> int:
    """Do the jobs; 1 where tests fail, or a decoded file differs between devices."""
    records: dict[str, dict[str, Any]] = {}
    if device().type == "cpu":
        print("No CUDA device: this only shows that the script runs.", flush=True)
    for job in options.jobs:
        if job == "tests":
            records["tests"] = tests()
        elif job == "stages":
            folder = demo_scene(options).resolve()
            found = measured(options, f"{folder.name}:1", folder.parent, options.lambda_rate, options.semantic_steps)
            records["stages"] = found
        else:
            weights = options.lambdas if job == "sweep" else (options.lambda_rate,)
            for weight in weights:
                name = f"{job} {options.scene} {options.steps} steps, lambda {weight:g}"
                records[name] = measured(options, options.scene, options.data, weight)
                add(options, name, records[name])
            continue
        add(options, job, records[job])
    return int(any(record.get("exit_code") or record.get("same_digest") is False for record in records.values()))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
