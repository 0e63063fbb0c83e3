"""``csg view``: a page that shows a scene, selects and edits its objects, in a browser; or that page as a folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.files import is_address, make_folder, replace_file
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import STDIN, WeightsFile, open_csg
from csgaussian_ns.tools.serve import listening_at
from csgaussian_ns.tools.terminal import remark, tell

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from csgaussian_ns.semantic.text import TextEncoder

PAGE = Path(__file__).parents[1] / "page"
"""The built page; ``make web`` puts it there, and wheels bring it."""
UNMARKED = '<body class="busy"'
"""Where index.html says which scene it shows."""
ENCODE = "encode"
"""Under which name the page asks for the vector of a text."""
COLOURS = ("COLR", "SPLT")
"""Sections whose first one shows something."""
LATE = 0.25
"""Share of a file that comes before its first picture, from which on it is worth a remark."""
LARGE = 200_000
"""Bytes of a file that takes a moment to fetch."""
LONGEST_TEXT = 200
"""Characters of it; more are left out, as encoders do."""


@dataclass(frozen=True)
class View:
    """Show a scene in a browser: look around, click its objects, edit them, save a .csg with the edits."""

    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE|URL")]
    """The file, or its address, which the browser fetches."""
    compare: Annotated[str | None, tyro.conf.arg(metavar="FILE|URL")] = None
    """Another one to see beside it, with a slider between."""
    weights: WeightsFile = None
    text_weights: Path | None = None
    """Weights of the text encoder that the file names: then the page finds objects by what they look like, too."""
    export: Path | None = None
    """Write page and scene into this folder, which any server can host, and serve nothing."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 lets other machines in."""
    port: int = 0
    """Port to listen at; 0 takes a free one."""
    browser: bool = True
    """Open the page, too."""
    json: AsJson = False

    def run(self) -> None:
        """Serve until Ctrl-C, or write a folder."""
        check_built()
        with TemporaryDirectory(prefix="csg-view-") as scratch:
            named = [given for given in (self.file, self.compare) if given is not None]
            self._show({given: _checked(given, Path(scratch)) for given in named})

    def _show(self, scenes: "dict[str, Path | None]") -> None:
        names = _names(scenes)
        if self.export is not None:
            return self._write(self.export, scenes, names)
        encoder = None if self.text_weights is None else _encoder(self.file, self.text_weights)
        with listening_at(self.host, self.port) as (address, serve):
            page = f"{address}/{_query(names[self.file], self.compare and names[self.compare], encoder is not None)}"
            answer(self.json, {"address": page}, lambda: tell(f"{page}: {self.file} in a browser; Ctrl-C ends it"))
            if self.browser:
                _open(page)
            served = {name: path for given, name in names.items() if (path := scenes[given]) is not None}
            serve(application(served, encoder))

    def _write(self, folder: Path, scenes: "dict[str, Path | None]", names: dict[str, str]) -> None:
        if self.text_weights is not None:
            raise ConfigError(
                "--text-weights needs csg view to answer; a folder that any server hosts finds by name alone"
            )
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"--export {folder}: there is something in it already; expected a new or empty folder")
        make_folder(folder)
        shutil.copytree(PAGE, folder, dirs_exist_ok=True)
        for given, path in scenes.items():
            if path is not None:
                make_folder((folder / names[given]).parent)
                shutil.copyfile(path, folder / names[given])
        told = "".join(
            f' data-{what}="{_attribute(names[given])}"'
            for what, given in (("scene", self.file), ("compare", self.compare))
            if given is not None
        )
        index = (folder / "index.html").read_text("utf8").replace(UNMARKED, UNMARKED + told)
        replace_file(folder / "index.html", index.encode("utf8"))
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        facts = {"folder": str(folder), "files": len(files), "bytes": size}
        words = f"{folder}: {len(files)} files, {size / 1e6:.2f} MB; any web server can host it"
        answer(self.json, facts, words)


def check_built() -> None:
    """See that there is a page.

    Raises:
        BackendUnavailable: It has not been built.
    """
    if not (PAGE / "index.html").is_file():
        raise BackendUnavailable(
            "the page is not in this installation: it is built by `make web` in a checkout (Node 20 or newer), and is "
            "in wheels that are made after that; csg render draws scenes without it"
        )


def application(scenes: dict[str, Path], encoder: "TextEncoder | None" = None) -> "Starlette":
    """What serves the page, these files under these names, and vectors of texts."""
    from starlette.applications import Starlette
    from starlette.responses import FileResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def route(name: str, path: Path) -> Route:
        return Route(f"/{name}", lambda request: FileResponse(path, media_type="application/octet-stream"))

    routes = [route(name, path) for name, path in scenes.items()]
    if encoder is not None:
        routes.append(Route(f"/{ENCODE}", lambda request: _encoded(request, encoder)))
    return Starlette(routes=[*routes, Mount("/", StaticFiles(directory=PAGE, html=True))])


def _encoder(file: str, weights: Path) -> "TextEncoder":
    """The encoder that a file names; errors as of ``load`` and ``encoder_for``."""
    from csgaussian_ns.receiver.load import load
    from csgaussian_ns.semantic.query import semantics_of
    from csgaussian_ns.tools.text_query import encoder_for

    return encoder_for(semantics_of(load(file)), weights)


def _encoded(request: "Request", encoder: "TextEncoder") -> "Response":
    from starlette.responses import JSONResponse

    [vector] = encoder.encode_text([request.query_params.get("text", "")[:LONGEST_TEXT]])
    return JSONResponse({"encoder": encoder.name, "vector": vector.tolist()})


def _checked(given: str, scratch: Path) -> Path | None:
    """The file, or one in a folder that shows the same to a browser; ``None`` where it is an address.

    Raises:
        ConfigError: It cannot be read, or is of another kind.
        FormatError: No file of ours.
        CheckpointError: Weights that it names are not here.
    """
    from csgaussian_ns.format.container import read_container
    from csgaussian_ns.tools.view_latents import as_gaussians, is_latents

    if given == STDIN:
        raise ConfigError("a browser reads no standard input; give a file or its address")
    if is_address(given):
        return None
    with open_csg(given) as stream:
        container = read_container(stream)
        is_of_photos = is_latents(container)
    if is_of_photos:
        return as_gaussians(given, scratch)
    first = next((entry for entry in container.entries if entry.info.kind in COLOURS), None)
    size = Path(given).stat().st_size
    if first is not None and size >= LARGE and first.end > LATE * size:
        remark(
            f"csg: {given} shows its first picture after {first.end / size:.0%} of its bytes; csg arrange puts first "
            f"what matters most (not of runs for many rates): csg arrange {given} -o arranged.csg"
        )
    return Path(given)


def _names(scenes: "dict[str, Path | None]") -> dict[str, str]:
    """Under which name the page fetches each."""
    found = dict[str, str]()
    for number, (given, path) in enumerate(scenes.items(), 1):
        plain = (
            path is not None and path.name.isascii() and path.name.replace("-", "_").replace(".", "_").isidentifier()
        )
        found[given] = given if path is None else f"scenes/{number}/{path.name if plain else 'scene.csg'}"
    return found


def _query(scene: str, other: str | None, encodes: bool) -> str:
    from urllib.parse import urlencode

    told = {"scene": scene, "compare": other, "encode": ENCODE if encodes else None}
    return "?" + urlencode({name: value for name, value in told.items() if value is not None}, safe="/:")


def _attribute(text: str) -> str:
    from html import escape

    return escape(text, quote=True)


def _open(page: str) -> None:
    """Without waiting: some browsers end only when they are closed, and pages are served after that call."""
    import webbrowser
    from threading import Thread

    def opening() -> None:
        if not webbrowser.open(page):
            remark("csg: no browser could be opened here; open the address in one")

    Thread(target=opening, daemon=True).start()
