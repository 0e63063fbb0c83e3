"""``csg export``: a scene as plain Gaussians, in the formats of other programs, with the loss measured."""

from dataclasses import asdict, dataclass

from csgaussian_ns.tools.answer import answer
from csgaussian_ns.tools.export_options import ExportOptions
from csgaussian_ns.tools.inputs import name_of, open_file


@dataclass(frozen=True)
class Export(ExportOptions):
    """Export a .csg file, or Gaussians in a .ply file, to formats of other programs, and say what was lost.

    What depends on the view is fitted: colours by spherical harmonics, opacities and shapes by one each.
    """

    def run(self) -> None:
        """Decode, fit, write, read back, measure."""
        self.check()
        from csgaussian_ns.receiver.load import load

        if self.points:
            from csgaussian_ns.tools.export_points import export_points as export
        else:
            from csgaussian_ns.tools.exporting import export

        with open_file(self.file) as stream:
            scene = load(stream)
        done = export(scene, self)
        facts = {"file": name_of(self.file), "output": str(self.output), **asdict(done)}
        answer(self.json, facts, f"{self.output}: {done.in_words()}")
