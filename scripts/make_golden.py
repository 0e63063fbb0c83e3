"""Writes the golden files of the format, tests/golden: scenes of a few anchors, with the digests they decode to.

Every release must decode them for ever (FORMAT.md, section 11). So files that exist are never written again: a change
of the encoder adds files under new names, a change that the old ones do not survive is a new major version.

    python scripts/make_golden.py
"""

import hashlib
import json
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from csgaussian_ns.codec.encode import Encoded, TrainedScene

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
VERSION = "v1"


def scenes() -> dict[str, Callable[[], bytes]]:
    """What gives the content of each golden file, by its name."""
    # Some installed packages bring a package called tests, which would come before ours.
    sys.modules["tests"] = types.ModuleType("tests")
    sys.modules["tests"].__path__ = [str(ROOT / "tests")]
    from csgaussian_ns.codec.encode import encode
    from csgaussian_ns.entropy.registry import MODELS
    from tests.codec.scenes import random_scene, with_semantics

    small = {"feature_dim": 10, "num_offsets": 2, "carm_dim": 3}
    alone = [name for name in MODELS if not name.startswith(("neighbours", "progressive", "spaced"))]
    made: dict[str, Callable[[], Encoded]] = {name: partial(_plain, name, small) for name in alone}
    made["neighbours"] = lambda: encode(_crowd(random_scene(52, **small)), chunk_anchors=26)
    made["progressive"] = lambda: encode(_told(random_scene(30, **small)), chunk_anchors=12)
    made["semantics"] = lambda: encode(with_semantics(random_scene(30, **small)), chunk_anchors=12)
    made["tree"] = lambda: encode(_in_wholes(with_semantics(random_scene(30, **small))), chunk_anchors=12)
    made["torchac"] = lambda: encode(random_scene(30, **small), chunk_anchors=12, coder="torchac")
    made["float16_no_carm"] = lambda: encode(replace(random_scene(30, 10, 2, carm_dim=0), network_bits=16))
    made["empty"] = lambda: encode(random_scene(0, **small))
    made["one_anchor"] = lambda: encode(random_scene(1, 10, 2, 3, kept=1.1))
    made["escapes"] = lambda: encode(_far(random_scene(20, 10, 2, 3, kept=1.1)))
    made["all_channels"] = lambda: encode(random_scene(40, 50, 10, 8, kept=0.5))
    contents = {f"{name}.csg": lambda scene=scene: scene().data for name, scene in made.items()}
    return {f"{VERSION}_{name}": content for name, content in (contents | {"gaussians.csg": gaussians}).items()}


def _plain(name: str, small: dict[str, int]) -> "Encoded":
    from csgaussian_ns.codec.encode import encode
    from tests.codec.scenes import random_scene

    return encode(random_scene(30, encoding=name, **small), chunk_anchors=12)


def _far(scene: "TrainedScene") -> "TrainedScene":
    """The same with values far from all others."""
    scene.anchors.feature[::2] *= 20_000
    scene.anchors.offset[1::3] -= 3000
    return scene


def _told(scene: "TrainedScene") -> "TrainedScene":
    """The same anchors, a hyperprior that reads how far they are apart, and a network that reads their features."""
    from csgaussian_ns.entropy.base import Widths
    from csgaussian_ns.entropy.factorised import FactorisedEncoding
    from csgaussian_ns.entropy.progressive import Spaced

    layout = scene.meta.layout
    model = Spaced(layout, Widths(8, 3), FactorisedEncoding())
    model.start(scene.grid, model.values(layout.flat(scene.anchors)))
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return replace(scene, entropy=model)


def _crowd(scene: "TrainedScene") -> "TrainedScene":
    """The same anchors so close to each other that they are neighbours, and small networks that look at them."""
    from csgaussian_ns.entropy.base import Widths
    from csgaussian_ns.entropy.factorised import FactorisedEncoding
    from csgaussian_ns.entropy.neighbours import Neighbours

    grid = scene.grid // torch.tensor([10, 6, 6], dtype=torch.int32)
    found, index = np.unique(grid.numpy(), axis=0, return_index=True)
    anchors, layout = scene.anchors.at(torch.from_numpy(index)), scene.meta.layout
    model = Neighbours(layout, Widths(8, 2), FactorisedEncoding())
    model.start(torch.from_numpy(found), model.values(layout.flat(anchors)))
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return replace(scene, grid=torch.from_numpy(found), anchors=anchors, entropy=model)


def _in_wholes(scene: "TrainedScene") -> "TrainedScene":
    """The same three objects, two of them a whole, and all of them a larger one."""
    from csgaussian_ns.core.object_tree import ObjectTree

    assert scene.semantics is not None
    return replace(scene, semantics=replace(scene.semantics, tree=ObjectTree(3, (1, 2, 1, 2, 0))))


def gaussians() -> bytes:
    """Plain ones of three objects; two share a voxel."""
    from csgaussian_ns.receiver.importing import Settings, import_gaussians
    from csgaussian_ns.scene.splats import Splats
    from tests.export.scenes import random_gaussians

    scene = random_gaussians(40)
    scene.means[1] = scene.means[0]
    return import_gaussians(Splats(scene, np.arange(40) % 4), Settings(name="plain", tool="golden")).data


def main() -> None:
    """Add what is missing."""
    import csgaussian_ns

    GOLDEN.mkdir(exist_ok=True)
    index = GOLDEN / "digests.json"
    known = json.loads(index.read_text()) if index.exists() else {}
    torch.manual_seed(0)
    for name, content in scenes().items():
        if (GOLDEN / name).exists():
            continue
        data = content()
        scene = csgaussian_ns.load(data)
        (GOLDEN / name).write_bytes(data)
        file_digest = hashlib.sha256(data).hexdigest()
        known[name] = {"file": file_digest, "content": scene.digest(), "anchors": len(scene)}
        print(f"{name}: {len(data)} bytes, {len(scene)} {scene.rows}")
    index.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
