"""``csg arrange``: a file in which comes first what matters most, to be looked at while it arrives."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, name_of, open_csg
from csgaussian_ns.tools.outputs import output_folder


@dataclass(frozen=True)
class Arrange:
    """Put first what matters most: whoever reads the file from the front sees all of the scene, and it gets finer."""

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The arranged file (.csg); it may be the same file."""
    json: AsJson = False

    def run(self) -> None:
        """Arrange, write, and say what it cost."""
        from csgaussian_ns.core.files import replace_file
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.format.facts import representation_of
        from csgaussian_ns.receiver.arrange import by_importance
        from csgaussian_ns.receiver.representations import representation

        if self.output.suffix.lower() != ".csg":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .csg")
        with open_csg(self.file) as stream:
            given = stream.read()
            made = by_importance(given)
        container = read_container(made)
        of = representation(container)
        assert of.growing is not None and of.writer is not None
        chunks = container.of_kind(of.growing.kinds[-1])
        with output_folder(self.output.parent):
            replace_file(self.output, made)
        anchors = [chunk.info.rows for chunk in chunks]
        facts = {
            "file": name_of(self.file),
            "output": str(self.output),
            "bytes": len(made),
            "bytes_before": len(given),
            "representation": representation_of(container),
            "anchors": sum(anchors),
            "chunks": len(chunks),
            "first_chunk": {"anchors": anchors[0], "ends_at": chunks[0].end},
        }
        words = (
            f"{self.output}: {len(made):,} bytes, {len(made) - len(given):+,} to {name_of(self.file)}; the first of "
            f"{len(chunks)} chunks has {anchors[0]:,} of {sum(anchors):,} {of.writer.ROW}s in the first "
            f"{chunks[0].end / len(made):.0%} of the bytes"
        )
        answer(self.json, facts, words)
