"""``csg serve``: files of a folder for receivers on the network, to try what loading in parts is like."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.terminal import tell

if TYPE_CHECKING:
    from starlette.applications import Starlette

SHOWN = 20
"""Files whose addresses are printed."""


@dataclass(frozen=True)
class Serve:
    """Serve a folder by HTTP, in parts (range requests) and to pages of any origin (CORS)."""

    folder: Annotated[Path, tyro.conf.Positional]
    """What lies in it and below can be read by everybody who reaches the port."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 lets other machines in."""
    port: int = 8000
    """Port to listen at; 0 takes a free one."""

    def run(self) -> None:
        """Serve until Ctrl-C."""
        import socket
        from urllib.parse import quote

        import uvicorn

        if not self.folder.is_dir():
            raise ConfigError(f"{self.folder} is no folder; expected one with .csg files")
        server = uvicorn.Server(uvicorn.Config(application(self.folder), log_level="warning"))
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((self.host, self.port))
            except (OSError, OverflowError) as error:
                why = getattr(error, "strerror", None) or error
                raise ConfigError(f"cannot listen at {self.host}:{self.port}: {why}; choose another --port") from error
            host, port = listening.getsockname()[:2]
            address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            found = sorted(self.folder.rglob("*.csg"))
            for path in found[:SHOWN]:
                tell(f"{address}/{quote(path.relative_to(self.folder).as_posix())}  {path.stat().st_size / 1e6:.3f} MB")
            tell(f"{address}: serving {len(found)} .csg files of {self.folder}; Ctrl-C ends it")
            server.run([listening])


def application(folder: Path) -> "Starlette":
    """What serves the files of a folder."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    shared = Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD"],
        allow_headers=["Range", "If-Range"],
        expose_headers=["Accept-Ranges", "Content-Length", "Content-Range", "ETag"],
    )
    return Starlette(routes=[Mount("/", StaticFiles(directory=folder))], middleware=[shared])
