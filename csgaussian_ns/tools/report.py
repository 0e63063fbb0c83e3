"""``csg report``: what came of a batch, as one HTML page and as tables."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
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

    folder: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DIR|URL")]
    """Of the batch, with its results.jsonl; or its address, to which the page and the tables are sent."""
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
        from csgaussian_ns.core.texts import counted
        from csgaussian_ns.fleet.storage import joined
        from csgaussian_ns.report.page import Settings, write_page
        from csgaussian_ns.report.rows import read_batch
        from csgaussian_ns.report.survey import write_survey

        batch = read_batch(self.folder)
        if self.output is not None and self.output.suffix.lower() not in (".html", ".htm"):
            raise ConfigError(f"-o {self.output}: expected a name that ends in .html, for the page")
        with self._here() as here:
            page = here / PAGE if self.output is None else self.output
            with output_folder(page.parent):
                title = self.folder.rstrip("/").rpartition("/")[2] if self.title is None else self.title
                title = title if title.strip(".") else here.resolve().name
                made = write_page(batch, page, Settings(self.views, self.width, title, self._links(batch, page, here)))
            tables = [path.relative_to(here).as_posix() for path in write_survey(batch, here / TABLES)]
            size = page.stat().st_size
        told = joined(self.folder, PAGE) if self.output is None else str(self.output)
        facts = {
            "report": told,
            "bytes": size,
            "done": len(batch.done),
            "failed": len(batch.failed),
            "tables": [joined(self.folder, name) for name in tables],
            **made,
        }
        missing = f"; {counted(len(made['notes']), 'remark')} in it on what is not shown" if made["notes"] else ""
        words = (
            f"{told}: {counted(len(batch.done), 'file')}, {counted(len(batch.failed), 'failure')}, "
            f"{counted(made['pictures'], 'picture')}, {size / 1e6:.2f} MB{missing}; {counted(len(tables), 'table')} in "
            f"{joined(self.folder, TABLES)}"
        )
        answer(self.json, facts, words)

    @contextmanager
    def _here(self) -> Iterator[Path]:
        """The folder of the batch; of one at an address a folder whose files are sent there when the block ends."""
        from csgaussian_ns.fleet.storage import is_local, send

        if is_local(self.folder):
            yield Path(self.folder)
            return
        with TemporaryDirectory(prefix="csg-report-") as scratch:
            yield Path(scratch)
            send(Path(scratch), self.folder, PAGE)

    def _links(self, batch: "Batch", page: Path, here: Path) -> "Callable[[Result], str | None]":
        """Where scenes can be looked at, relative to the page."""
        from urllib.parse import quote, urlencode

        from csgaussian_ns.core.files import is_address
        from csgaussian_ns.fleet.result import SCENE

        viewer, far = here / VIEWER, is_address(self.folder)
        if self.link_views:
            _write_viewer(viewer)

        def relative(path: Path, start: Path) -> str:
            return Path(os.path.relpath(path, start)).as_posix()

        def link(result: "Result") -> str | None:
            place = batch.place(result)
            if far:  # nobody is asked about each scene
                inside = place.removeprefix(f"{self.folder.rstrip('/')}/")
                if inside == place or not self.link_views or self.output is not None:
                    return None
                folder, there = here / inside, True
            else:
                folder = Path(place)
                there = self.link_views and (folder / SCENE).is_file()
            own = folder / VIEWER / "index.html"
            if own.is_file():
                return quote(relative(own, page.parent))
            if not there:
                return None
            shown = quote(relative(viewer / "index.html", page.parent))
            return f"{shown}?{urlencode({'scene': relative(folder / SCENE, viewer)}, safe='/')}"

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
