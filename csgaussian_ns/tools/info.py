"""``csg info``, ``csg verify``, ``csg decode``: what a ``.csg`` file holds, whether it is whole, its anchors."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.core.texts import counted
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.contents import CUT, describe, tell_contents
from csgaussian_ns.tools.inputs import SceneFile, WeightsFile, name_of, open_csg, open_file
from csgaussian_ns.tools.outputs import output_folder
from csgaussian_ns.tools.terminal import remark


@dataclass(frozen=True)
class Info:
    """Show what is inside a .csg file without decoding it, or which Gaussians a .ply file holds."""

    file: SceneFile
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Print the facts."""
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.scene.ply_magic import is_ply

        with open_file(self.file) as stream:
            if is_ply(stream):
                from csgaussian_ns.tools.ply_info import describe_ply, tell_ply

                facts = describe_ply(stream)
                words = partial(tell_ply, name_of(self.file), facts)
            else:
                container = read_container(stream)
                facts = describe(container)
                words = partial(tell_contents, name_of(self.file), container, facts)
            answer(self.json, {"file": name_of(self.file), **facts}, words)


@dataclass(frozen=True)
class Verify:
    """Decode a .csg file completely and check every checksum."""

    file: SceneFile
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Print one line if the file is whole; otherwise the error says where it is not."""
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.receiver.opened import Wanted
        from csgaussian_ns.receiver.representations import read

        began = time.perf_counter()
        with open_csg(self.file) as stream:
            found = read(read_container(stream), Wanted())
        seconds, scene = time.perf_counter() - began, found.coded
        if scene.truncated:
            raise FormatError(f"{name_of(self.file)}: {CUT}; fetch the rest, or use it as it is for its colours")
        facts = {
            "file": name_of(self.file),
            "whole": True,
            "representation": found.rows.lower(),
            "rows": len(scene),
            "objects": None if scene.semantics is None else len(scene.semantics.objects),
            "edits": len(scene.edits),
            "seconds": seconds,
            "content": scene.digest(),
        }
        objects = "" if facts["objects"] is None else f" and {facts['objects']} objects"
        objects += f" before {counted(len(scene.edits), 'edit')}" if scene.edits else ""
        words = (
            f"{name_of(self.file)}: whole, {len(scene):,} {found.rows}{objects} decoded in {seconds:.2f} s, "
            f"content {facts['content']}"
        )
        answer(self.json, facts, words)


@dataclass(frozen=True)
class Decode:
    """Write the anchors, or the Gaussians, of a .csg file as arrays."""

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """NumPy archive (.npz) with position, feature, offset, scaling (log), mask, grid, and, where the file has
    semantics, semantic_feature and label; of Gaussians with means, quats, scales, opacities, harmonics, grid, label."""
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Decode and write; the archive appears when it is complete."""
        from csgaussian_ns.core.npz import write_npz
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.receiver.opened import Wanted
        from csgaussian_ns.receiver.representations import read

        if self.output.suffix.lower() != ".npz":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .npz, for a NumPy archive")
        with open_csg(self.file) as stream:
            found = read(read_container(stream), Wanted())
        left_out = len(found.coded.edits)
        if left_out:
            edits = counted(left_out, "edit")
            remark(f"csg: {name_of(self.file)} has {edits}; these are its {found.rows} before any of them")
        with output_folder(self.output.parent):
            size = write_npz(self.output, found.coded.named_arrays())
        facts = {
            "file": name_of(self.file),
            "output": str(self.output),
            "bytes": size,
            "representation": found.rows.lower(),
            "rows": len(found.coded),
            "edits_left_out": left_out,
        }
        answer(self.json, facts, f"{self.output}: {len(found.coded):,} {found.rows}, {size / 1e6:.2f} MB")
