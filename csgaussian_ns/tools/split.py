"""``csg split``: the files that ``csg merge`` put into one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, name_of, open_csg
from csgaussian_ns.tools.outputs import output_folder


@dataclass(frozen=True)
class Split:
    """Write the files of which a group was merged, byte by byte as they were, with the edits that they had.

    Where the group has them stand is not in them.
    """

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for scene_1.csg, scene_2.csg and so on; files of these names are replaced."""
    json: AsJson = False

    def run(self) -> None:
        """Take apart, write, and say what there is."""
        from csgaussian_ns.core.files import replace_file
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.format.facts import is_group
        from csgaussian_ns.receiver.merge import taken_apart

        with open_csg(self.file) as stream:
            group = read_container(stream.read())
        if not is_group(group):
            raise ConfigError(f"{name_of(self.file)}: one scene, not several that csg merge put together")
        found = taken_apart(group)
        paths = [self.output / f"scene_{number}.csg" for number in range(1, len(found) + 1)]
        with output_folder(self.output):
            for path, (data, _) in zip(paths, found, strict=True):
                replace_file(path, data)
        parts = [
            {"output": str(path), "bytes": len(data), "rows": rows}
            for path, (data, rows) in zip(paths, found, strict=True)
        ]
        total, ends = sum(len(data) for data, _ in found), " to ".join(dict.fromkeys((paths[0].name, paths[-1].name)))
        words = f"{self.output}: {ends}, {sum(rows for _, rows in found):,} rows, {total / 1e6:.3f} MB"
        answer(self.json, {"file": name_of(self.file), "scenes": parts}, words)
