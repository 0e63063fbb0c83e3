"""The files of the scene folder, in nerfstudio's layout, and their names."""

import json
from collections.abc import Sequence

import numpy as np

from csgaussian_ns.tools.demo_scene.points import Cloud
from csgaussian_ns.tools.demo_scene.rings import DemoView

IMAGES, MASKS, WHOLE = "images", "instance_masks", "whole_masks"
TRANSFORMS, SPARSE, SURFACE, NAMES = "transforms.json", "sparse_pc.ply", "instance_points.ply", "instances.json"


def ply(cloud: Cloud, payload: Sequence[str]) -> bytes:
    """Binary PLY: float x y z, then one uchar per name in ``payload``."""
    fields = [(axis, "<f4") for axis in "xyz"] + [(name, "u1") for name in payload]
    rows = np.zeros(len(cloud.xyz), dtype=fields)
    for k, axis in enumerate("xyz"):
        rows[axis] = cloud.xyz[:, k]
    for k, name in enumerate(payload):
        rows[name] = cloud.payload[:, k]
    properties = [f"property float {axis}" for axis in "xyz"] + [f"property uchar {name}" for name in payload]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}", *properties, "end_header", ""]
    return "\n".join(header).encode("ascii") + rows.tobytes()


def stem(index: int) -> str:
    """File name of view ``index`` without its ending; counts from 1 as nerfstudio's tools do."""
    return f"frame_{index + 1:05d}"


def transforms(views: Sequence[DemoView]) -> str:
    """``transforms.json``: shared intrinsics, one camera-to-world pose per frame."""
    first = views[0]
    frames = [
        {
            "file_path": f"{IMAGES}/{stem(i)}.png",
            "instance_mask_path": f"{MASKS}/{stem(i)}.png",
            "whole_mask_path": f"{WHOLE}/{stem(i)}.npz",
            "transform_matrix": view.pose.tolist(),
        }
        for i, view in enumerate(views)
    ]
    shared = {
        "camera_model": "OPENCV",
        "fl_x": first.focal,
        "fl_y": first.focal,
        "cx": first.width / 2,
        "cy": first.height / 2,
        "w": first.width,
        "h": first.height,
        **dict.fromkeys(("k1", "k2", "p1", "p2"), 0.0),
        "ply_file_path": SPARSE,
    }
    return json.dumps({**shared, "frames": frames}, indent=1) + "\n"


def instance_names(names: Sequence[str]) -> str:
    """``instances.json``: id to name, 0 is the background."""
    return json.dumps({"0": "background", **{str(i + 1): name for i, name in enumerate(names)}}, indent=1) + "\n"
