"""Stages that take no time, for tests of engines: what they write is a function of the task."""

import json
import sys
import time
from pathlib import Path

from csgaussian_ns.fleet.commands import Step
from csgaussian_ns.fleet.task import Task

PLACE = "quick_steps:quick_step"


def quick_step(stage: str, task: Task, folder: Path) -> Step:
    """A command that writes what the stage would, and counts its runs; options say how it fails."""
    options = json.dumps(dict(task.options))
    words = (sys.executable, "-S", __file__, stage, str(folder), task.data, options)
    return Step(words, "evaluation.json" if stage == "evaluate" else None)


def put_capture(folder: Path, *photos: str) -> Path:
    """A folder that looks like a capture."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    names = photos or ("a", "b")
    for name in names:
        (folder / "images" / f"{name}.png").write_text(f"photo {name}")
    frames = [{"file_path": f"images/{name}.png"} for name in names]
    (folder / "transforms.json").write_text(json.dumps({"frames": frames}))
    return folder


def main(stage: str, folder: Path, data: str, options: dict) -> None:
    """Write what the stage would."""
    with open(Path(data) / "runs.txt", "a") as file:
        file.write(f"{folder.name} {stage}\n")
    sys.stderr.write(f"hello from {stage}\n")
    fails = options.get("fails")
    if stage == options.get("at", "train") and fails is not None:
        count = (Path(data) / "runs.txt").read_text().split("\n").count(f"{folder.name} {stage}")
        if fails == "always" or count <= int(fails):
            sys.exit(f"{folder.name} does not like this")
    time.sleep(float(options.get("sleep", 0)) if stage == options.get("at", "train") else 0)
    spin = time.process_time() + float(options.get("spin", 0))
    while stage == "train" and time.process_time() < spin:
        pass
    if stage == "train":
        (folder / "run").mkdir(exist_ok=True)
        (folder / "run" / "checkpoint").write_bytes(bytes(int(options.get("size", 10))))
    elif stage == "export":
        (folder / "scene.csg").write_bytes(bytes(100))
        facts = {"bytes": 100, "bytes_by_section": {"COLR": 60}, "anchors": 7, "offsets": 21}
        (folder / "scene.json").write_text(json.dumps(facts))
    else:
        sys.stdout.write(json.dumps({"bytes": 100, "colour": {"psnr": 30.5, "ssim": 0.9, "per_view": {}}}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
