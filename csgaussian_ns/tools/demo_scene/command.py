"""``csg demo-scene``. Imports nothing heavy: ``csg --help`` reads this file."""

from dataclasses import dataclass

from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.demo_scene.options import DemoOptions


@dataclass(frozen=True)
class DemoScene(DemoOptions):
    """Make a ray-traced table-top scene with exact poses and instance masks, ready for nerfstudio."""

    json: AsJson = False

    def run(self) -> None:
        """Make the scene, with a progress bar on stderr and one line about the result on stdout."""
        self.check()
        from rich.console import Console
        from rich.progress import Progress

        from csgaussian_ns.tools.demo_scene.make import make_scene

        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Ray tracing", total=1.0)
            made = make_scene(self, lambda share: progress.advance(task, share))
        facts = {
            "output": str(self.out),
            "views": made.views,
            "width": self.width,
            "height": self.height,
            "objects": made.objects,
            "points": made.points,
            "bytes": made.size,
            "seconds": made.seconds,
        }
        words = (
            f"Made {self.out}: {made.views} views of {self.width}x{self.height}, {made.objects} objects, "
            f"{made.points} points, {made.size / 1e6:.1f} MB in {made.seconds:.1f} s"
        )
        answer(self.json, facts, words)
