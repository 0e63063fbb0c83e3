"""The folder of a batch as ``csg batch`` leaves it, of a scene of balls."""

import json
import shutil
from pathlib import Path
from typing import Any

from csgaussian_ns.fleet.result import EVALUATION, RESULTS, SCENE, Result
from csgaussian_ns.format.container import read_container
from csgaussian_ns.tools.contents import describe


def result(name: str, data: Path | str, **changes: Any) -> Result:
    """A task that is done."""
    facts: dict[str, Any] = {
        "key": f"key of {name}",
        "name": name,
        "run": ("train", "export", "evaluate"),
        "data": str(data),
        "method": "csgaussian-lite",
        "options": {"pipeline.model.lambda-rate": 0.002, "max-num-iterations": 700},
        "output": name,
        "status": "done",
        "started": "2026-11-27T10:00:00+00:00",
        "finished": "2026-11-27T10:07:00+00:00",
        "bytes": 400_000,
        "sections": {"META": 400, "COLR": 399_000, "LABL": 100, "container": 500},
        "psnr": 30.25,
        "ssim": 0.91234567,
        "anchors": 1000,
        "gaussians": 9000,
        "seconds": {"train": 400.0, "export": 20.0},
        "device": "cpu",
        "versions": {"csgaussian_ns": "0.1.0"},
    }
    return Result(**facts | changes)


def write_results(folder: Path, *results: Result) -> None:
    """Add lines to ``results.jsonl``."""
    folder.mkdir(exist_ok=True)
    with (folder / RESULTS).open("a") as file:
        file.writelines(json.dumps(one.facts()) + "\n" for one in results)


def put_files(folder: Path, made: Path, report: dict[str, Any], less: float = 0.0) -> Path:
    """The files of a task, its views worse by ``less`` dB; returns the folder."""
    folder.mkdir(parents=True)
    shutil.copy(made / "scene.csg", folder / SCENE)
    views = {
        name: {"psnr": found["psnr"] - less, "ssim": found["ssim"]}
        for name, found in report["colour"]["per_view"].items()
    }
    (folder / EVALUATION).write_text(json.dumps(report | {"colour": report["colour"] | {"per_view": views}}))
    return folder


def true_result(name: str, made: Path, report: dict[str, Any], **changes: Any) -> Result:
    """With the sizes and figures of the real file."""
    with (made / "scene.csg").open("rb") as stream:
        facts = describe(read_container(stream))
    sections = {kind: found["bytes"] for kind, found in facts["sections"].items()}
    known = {"bytes": facts["bytes"], "sections": sections, "psnr": report["colour"]["psnr"]}
    return result(name, made / "path/to/scene", **known | changes)
