"""``csg serve``: files of a folder for receivers on the network, to try what loading in parts is like."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.terminal import tell

if TYPE_CHECKING:
    import os

    from starlette.applications import Starlette

SHOWN = 20
"""Files whose addresses are printed."""


@dataclass(frozen=True)
class Serve:
    """Serve a folder by HTTP, in parts (range requests) and to pages of any origin (CORS).

    Folders answer with their index.html. Hidden files, whose names begin with a dot, stay hidden, and so does what
    links lead to outside of the folder.
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """What lies in it and below can be read by everybody who reaches the port."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 lets other machines in."""
    port: int = 8000
    """Port to listen at; 0 takes a free one."""
    json: AsJson = False

    def run(self) -> None:
        """Serve until Ctrl-C."""
        from urllib.parse import quote

        if not self.folder.is_dir():
            raise ConfigError(f"{self.folder} is no folder; expected one with .csg files")
        with listening_at(self.host, self.port) as (address, serve):
            files = [
                {"address": f"{address}/{quote(name)}", "bytes": (self.folder / name).stat().st_size}
                for name in served(self.folder)
            ]
            pages = [f"{address}/{quote(name)}" for name in pages_in(self.folder)]
            facts = {"folder": str(self.folder), "address": address, "files": files, "pages": pages}
            answer(self.json, facts, lambda: _tell(facts))
            serve(application(self.folder))


@contextmanager
def listening_at(host: str, port: int) -> "Iterator[tuple[str, Callable[[Starlette], None]]]":
    """Its address, and what serves an application there until Ctrl-C.

    Raises:
        ConfigError: Nothing can listen there.
    """
    import socket

    import uvicorn

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()  # from here on whoever comes waits, and is not refused
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise ConfigError(f"cannot listen at {host}:{port}: {why}; choose another --port") from error
        host, port = listening.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        yield address, lambda pages: uvicorn.Server(uvicorn.Config(pages, log_level="warning")).run([listening])


def served(folder: Path) -> list[str]:
    """Names of the ``.csg`` files that ``application`` serves, with the folders below ``folder`` that they lie in."""
    whole = folder.resolve()
    found = [path for path in folder.rglob("*.csg") if path.is_file() and path.resolve().is_relative_to(whole)]
    return sorted(name for path in found if not is_hidden(name := path.relative_to(folder).as_posix()))


def pages_in(folder: Path) -> list[str]:
    """Which of the folder, and of folders right in it, answer with a page, as ``csg view --export`` writes one."""
    found = ["", *(f"{path.name}/" for path in sorted(folder.iterdir()) if path.is_dir() and not is_hidden(path.name))]
    return [name for name in found if (folder / name / "index.html").is_file()]


def is_hidden(name: str) -> bool:
    """Whether a file, or a folder that it lies in, begins with a dot."""
    return any(part.startswith(".") for part in name.split("/"))


def _tell(facts: dict[str, Any]) -> None:
    files, address = facts["files"], facts["address"]
    for file in files[:SHOWN]:
        tell(f"{file['address']}  {file['bytes'] / 1e6:.3f} MB")
    for page in facts["pages"][:SHOWN]:
        tell(f"{page}  a page; open it in a browser")
    tell(f"{address}: serving {len(files)} .csg files of {facts['folder']}; Ctrl-C ends it")


def application(folder: Path) -> "Starlette":
    """What serves the files of a folder but hidden ones."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    class Files(StaticFiles):
        def lookup_path(self, path: str) -> "tuple[str, os.stat_result | None]":
            inside = Path(path).as_posix()
            return ("", None) if inside != "." and is_hidden(inside) else super().lookup_path(path)

    shared = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["Range", "If-Range"],
        expose_headers=["Accept-Ranges", "Content-Length", "Content-Range", "ETag"],
    )
    return Starlette(routes=[Mount("/", Files(directory=folder, html=True))], middleware=[shared])
