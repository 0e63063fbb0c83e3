"""How the weights of codecsplat are made: procedural scenes, then a training; both go on where they were stopped.

    python scripts/train_codecsplat.py scenes PLACE --train 160 --held-out 20 --also fox tray --also-held-out bonsai
    python scripts/train_codecsplat.py train PLACE RUN --steps 60000
    tail -f RUN/log.txt; tensorboard --logdir RUN

RUN/weights.csgw is the file of weights, RUN/weights.json its SHA-256, RUN/cost.jsonl what was spent, call by call.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import append_line, make_folder, write_json
from csgaussian_ns.feedforward.batches import Batches, BatchOptions
from csgaussian_ns.feedforward.loop import LoopOptions, Training
from csgaussian_ns.feedforward.many import NAME, read_scenes
from csgaussian_ns.feedforward.run import CHECKPOINTS, RunOptions, carry_out, newest
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.format.latents.meta import CELL, LATENT_CELLS
from csgaussian_ns.tools.demo_scene.few import make_photos

FIRST_SEED = 1000


def spent() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def make_scenes(asked: argparse.Namespace) -> None:
    """Procedural scenes that are not there yet, and the list of all."""
    make_folder(asked.place)
    names = [f"scene_{number:04d}" for number in range(asked.train + asked.held_out)]
    for number, name in enumerate(names):
        folder = asked.place / name
        if (folder / "transforms.json").is_file():
            continue
        before = spent()
        try:
            make_photos(folder, FIRST_SEED + number, asked.side, asked.photos)
        except ConfigError as error:  # a layout that does not fit on the table
            print(f"{name}: another seed: {error}", flush=True)
            make_photos(folder, 10 * FIRST_SEED + number, asked.side, asked.photos)
        print(f"{name}: {spent() - before:.1f} CPU seconds", flush=True)
    also, also_held_out = ([str(path.resolve()) for path in paths] for paths in (asked.also, asked.also_held_out))
    split = {"train": [*names[: asked.train], *also], "held_out": [*names[asked.train :], *also_held_out]}
    write_json(asked.place / NAME, split)


def train(asked: argparse.Namespace) -> None:
    """To the end, or to a step, from the last checkpoint on."""
    make_folder(asked.run)
    scenes, sizes = read_scenes(asked.place), Settings(latent_cell=asked.latent_cell, refined=asked.refined)
    options = BatchOptions(tuple(asked.views), asked.targets, tuple(asked.sizes), sizes.levels, True, asked.seed)
    calm = BatchOptions((2,), 2, tuple(asked.sizes[:1]), sizes.levels, False)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loop = LoopOptions(
        steps=asked.steps, rate=asked.rate, rate_weight=asked.rate_weight, seed=asked.seed, half=asked.half
    )
    training = Training(sizes, loop, Batches(scenes.train, options), device)
    checkpoint = newest(asked.run / CHECKPOINTS)
    if checkpoint is not None:
        training.resume(checkpoint)
    began, start = time.monotonic(), training.step
    held_out = Batches(scenes.held_out, calm) if scenes.held_out else None
    written = RunOptions(asked.run, asked.save_every, asked.measure_every)

    def say(line: str) -> None:
        print(line, flush=True)
        append_line(asked.run / "log.txt", line.encode())

    try:
        carry_out(training, held_out, written, say, asked.until)
    finally:
        cost = {"from": start, "to": training.step, "cpu_seconds": round(spent(), 1), "device": device}
        cost["seconds"] = round(time.monotonic() - began, 1)
        append_line(asked.run / "cost.jsonl", json.dumps(cost).encode())


def main() -> None:
    """Parse and do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    scenes = commands.add_parser("scenes")
    scenes.add_argument("place", type=Path)
    scenes.add_argument("--train", type=int, default=160)
    scenes.add_argument("--held-out", type=int, default=20)
    scenes.add_argument("--side", type=int, default=128)
    scenes.add_argument("--photos", type=int, default=12)
    scenes.add_argument("--also", type=Path, nargs="*", default=[], help="captures to train on")
    scenes.add_argument("--also-held-out", type=Path, nargs="*", default=[])
    scenes.set_defaults(do=make_scenes)
    training = commands.add_parser("train")
    training.add_argument("place", type=Path)
    training.add_argument("run", type=Path)
    training.add_argument("--steps", type=int, default=60_000)
    training.add_argument("--until", type=int, default=None, help="stop after this step; a later call goes on")
    training.add_argument("--rate", type=float, default=4e-4)
    training.add_argument("--rate-weight", type=float, default=0.05)
    training.add_argument("--views", type=int, nargs="+", default=[2])
    training.add_argument("--targets", type=int, default=2, help="other views that a step looks at")
    training.add_argument("--half", action="store_true", help="convolutions in bfloat16: faster where processors can")
    training.add_argument("--sizes", type=int, nargs="+", default=[128])
    training.add_argument("--latent-cell", type=int, default=CELL, choices=LATENT_CELLS, help="pixels per place")
    training.add_argument("--no-refined", dest="refined", action="store_false", help="without refinement by depth")
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--save-every", type=int, default=500)
    training.add_argument("--measure-every", type=int, default=2000)
    training.set_defaults(do=train)
    asked = parser.parse_args()
    asked.do(asked)


if __name__ == "__main__":
    main()
