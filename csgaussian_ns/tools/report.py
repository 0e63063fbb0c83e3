"""``csg report``: what came of a batch, as one HTML page and as tables."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.outputs import output_folder

if TYPE_CHECKING:
    from csgaussian_ns.fleet.result import Result
    from csgaussian_ns.report.rows import Batch

PAGE, TABLES, VIEWER = "report.html", "survey", "view"
"""In the folder of the batch."""
MOST_VIEWS, WIDEST = 200, 4096


@dataclass(frozen=True)
class Report:
    """Make a page about a batch: sizes, quality, worst views, objects, failures; and tables for the survey 3DGS.zip."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Of the batch, with its results.jsonl."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """The page; DIR/report.html without."""
    title: str | None = None
    """Of the page; the name of DIR without."""
    views: int = 6
    """Worst views that are shown, and files whose objects are; 0 to 200."""
    width: int = 480
    """Of pictures in pixels, at most; 16 to 4096."""
    link_views: bool = False
    """Write the page of csg view into DIR/view, once, and link every scene to it. Links work where DIR is served, as by
    csg serve DIR."""
    json: AsJson = False

    def run(self) -> None:
        """Read, draw, write."""
        for name, value, low, high in (("views", self.views, 0, MOST_VIEWS), ("width", self.width, 16, WIDEST)):
            if not low <= value <= high:
                raise ConfigError(f"--{name} {value}: expected {low} to {high}")
        from csgaussian_ns.report.page import Settings, write_page
        from csgaussian_ns.report.rows import read_batch
        from csgaussian_ns.report.survey import write_survey

        batch = read_batch(self.folder)
        page = self.folder / PAGE if self.output is None else self.output
        if page.suffix.lower() not in (".html", ".htm"):
            raise ConfigError(f"-o {page}: expected a name that ends in .html, for the page")
        with output_folder(page.parent):
            title = self.folder.resolve().name if self.title is None else self.title
            made = write_page(batch, page, Settings(self.views, self.width, title, self._links(batch, page)))
        tables = write_survey(batch, self.folder / TABLES)
        facts = {
            "report": str(page),
            "bytes": page.stat().st_size,
            "done": len(batch.done),
            "failed": len(batch.failed),
            "tables": [str(path) for path in tables],
            **made,
        }
        missing = f"; {len(made['notes'])} remarks in it on what is not shown" if made["notes"] else ""
        words = (
            f"{page}: {len(batch.done):,} files, {len(batch.failed):,} failures, {made['pictures']} pictures, "
            f"{facts['bytes'] / 1e6:.2f} MB{missing}; {len(tables)} tables in {self.folder / TABLES}"
        )
        answer(self.json, facts, words)

    def _links(self, batch: "Batch", page: Path) -> "Callable[[Result], str | None]":
        """Where scenes can be looked at, relative to the page."""
        from urllib.parse import quote, urlencode

        from csgaussian_ns.fleet.result import SCENE

        viewer = self.folder / VIEWER
        if self.link_views:
            _write_viewer(viewer)

        def link(result: "Result") -> str | None:
            place = Path(batch.place(result))
            own = place / VIEWER / "index.html"
            if own.is_file():
                return quote(Path(os.path.relpath(own, page.parent)).as_posix())
            if not self.link_views or not (place / SCENE).is_file():
                return None
            scene = Path(os.path.relpath(place / SCENE, viewer)).as_posix()
            shown = quote(Path(os.path.relpath(viewer / "index.html", page.parent)).as_posix())
            return f"{shown}?{urlencode({'scene': scene}, safe='/')}"

        return link


def _write_viewer(folder: Path) -> None:
    """The page of ``csg view`` without a scene.

    Raises:
        BackendUnavailable: It has not been built.
    """
    from csgaussian_ns.tools.view import PAGE as BUILT
    from csgaussian_ns.tools.view import check_built

    check_built()
    with output_folder(folder):
        shutil.copytree(BUILT, folder, dirs_exist_ok=True)
