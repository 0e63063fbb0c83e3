"""Small scene folders, written as ``ns-process-data`` does."""

import json
import math
from pathlib import Path

APPLIED = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5], [0.0, -1.0, 0.0, 0.0]]
OPTICS = {"camera_model": "OPENCV", "fl_x": 50.0, "fl_y": 50.0, "cx": 20.0, "cy": 15.0, "w": 40, "h": 30}
IDENTITY = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def pose(angle: float, place: tuple[float, float, float]) -> list[list[float]]:
    """Camera-to-world, turned about y."""
    c, s = math.cos(angle), math.sin(angle)
    x, y, z = place
    return [[c, 0.0, s, x], [0.0, 1.0, 0.0, y], [-s, 0.0, c, z], [0.0, 0.0, 0.0, 1.0]]


def write(folder: Path, *files: str, frames: object = None, **extra: object) -> Path:
    """A ``transforms.json`` with a frame per file (three of them, not in order, if none is named) and no photos."""
    files = files or ("images/b.png", "images/a.png", "images/c.png")
    made = [
        {"file_path": file, "transform_matrix": pose(0.7 * i, (i - 1.0, 0.3 * i, 2.0))} for i, file in enumerate(files)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "transforms.json"
    path.write_text(json.dumps({**OPTICS, "frames": made if frames is None else frames, **extra}))
    return path
