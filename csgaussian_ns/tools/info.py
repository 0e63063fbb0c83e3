"""``csg info``, ``csg verify``, ``csg decode``: what a ``.csg`` file holds, whether it is whole, its anchors."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from csgaussian_ns.codec.container import Container


CUT = "cut after the colours: semantics are missing"


@dataclass(frozen=True)
class Info:
    """Show what is inside a .csg file without decoding it, or which Gaussians a .ply file holds."""

    file: tyro.conf.Positional[Path]
    """The file."""
    json: bool = False
    """Print JSON instead of a table."""

    def run(self) -> None:
        """Print the facts."""
        from csgaussian_ns.codec.container import read_container
        from csgaussian_ns.scene.ply import is_ply
        from csgaussian_ns.tools.ply_info import describe_ply, print_ply

        with open_file(self.file) as stream:
            if is_ply(stream):
                gaussians = describe_ply(stream)
                print(json.dumps(gaussians, indent=1)) if self.json else print_ply(str(self.file), gaussians)
                return
            container = read_container(stream)
            facts = describe(container)
        if self.json:
            print(json.dumps(facts, indent=1))
            return
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table

        console = Console()
        state = f"  ({CUT})" if facts["truncated"] else ""
        console.print(
            f"[bold]{escape(str(self.file))}[/bold]  {facts['bytes'] / 1e6:.3f} MB, {facts['anchors']:,} anchors{state}"
        )
        table = Table("section", "count", "bytes", "share")
        for kind, entry in facts["sections"].items():
            share = entry["bytes"] / max(facts["bytes"], 1)
            table.add_row(kind, str(entry["count"]), f"{entry['bytes']:,}", f"{100 * share:.1f} %")
        console.print(table)
        for name, value in facts["meta"].items():
            told = value if isinstance(value, str) else _rounded(value)
            console.print(f"{name:12} {told}", highlight=False, markup=False)
        if facts["semantics"] is not None:
            _print_objects(console, facts["semantics"])


@dataclass(frozen=True)
class Verify:
    """Decode a .csg file completely and check every checksum."""

    file: tyro.conf.Positional[Path]
    """The file."""

    def run(self) -> None:
        """Print one line if the file is whole; otherwise the error says where it is not."""
        from csgaussian_ns.codec.decode import decode

        began = time.perf_counter()
        with open_file(self.file) as stream:
            scene = decode(stream)
        seconds = time.perf_counter() - began
        state = CUT if scene.truncated else "whole"
        objects = "" if scene.semantics is None else f" and {len(scene.semantics.objects)} objects"
        print(
            f"{self.file}: {state}, {len(scene.grid):,} anchors{objects} decoded in {seconds:.2f} s, "
            f"content {scene.digest()}"
        )


@dataclass(frozen=True)
class Decode:
    """Write the anchors of a .csg file as arrays."""

    file: tyro.conf.Positional[Path]
    """The file."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """NumPy archive (.npz) with position, feature, offset, scaling (log), mask, grid, and, where the file has
    semantics, semantic_feature and label."""

    def run(self) -> None:
        """Decode and write; the archive appears when it is complete."""
        import numpy as np

        from csgaussian_ns.codec.decode import decode
        from csgaussian_ns.core.files import make_folder

        if self.output.suffix.lower() != ".npz":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .npz, for a NumPy archive")
        with open_file(self.file) as stream:
            scene = decode(stream)
        names = ("position", "feature", "offset", "scaling", "mask")
        arrays = {name: getattr(scene.anchors, name).numpy() for name in names} | {"grid": scene.grid.numpy()}
        if scene.semantics is not None:
            arrays |= {"semantic_feature": scene.semantics.feature.numpy(), "label": scene.semantics.label.numpy()}
        make_folder(self.output.parent)
        partial = self.output.with_name(f".{self.output.name}.partial.npz")
        try:
            np.savez(partial, **arrays)
            partial.replace(self.output)
        except OSError as error:
            raise ConfigError(f"{self.output} cannot be written: {error.strerror}; choose another output") from error
        finally:
            partial.unlink(missing_ok=True)
        print(f"{self.output}: {len(scene.grid):,} anchors, {self.output.stat().st_size / 1e6:.2f} MB")


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a ``.csg`` file for reading; what the block finds wrong with it is told with its name.

    Raises:
        ConfigError: It does not exist or cannot be read.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    with stream:
        try:
            yield stream
        except FormatError as error:
            raise type(error)(f"{path}: {error}") from error


def describe(container: "Container") -> dict:
    """Facts about an open file, for people and for JSON."""
    from csgaussian_ns.codec.decode import read_meta

    sections: dict[str, dict[str, int]] = {}
    for entry in container.entries:
        found = sections.setdefault(entry.info.kind, {"count": 0, "bytes": 0})
        found["count"] += 1
        found["bytes"] += entry.length
    missing = sum(entry.end - entry.offset for entry in container.missing)
    used = sum(entry["bytes"] for entry in sections.values())
    sections["container"] = {"count": 1, "bytes": container.header.file_length - missing - used}
    meta = read_meta(container)
    return {
        "bytes": container.header.file_length - missing,
        "anchors": container.header.anchors,
        "chunks": len(container.of_kind("COLR")),
        "truncated": container.truncated,
        "sections": sections,
        "meta": meta.to_json(),
        "semantics": _describe_semantics(container, meta.voxel_size),
    }


def _describe_semantics(container: "Container", voxel_size: float) -> dict | None:
    from dataclasses import asdict

    from csgaussian_ns.codec.decode_semantics import open_semantics

    reader = open_semantics(container)
    if reader is None:
        return None
    layout = reader.hyperprior.layout
    objects = [asdict(thing) for thing in reader.objects(voxel_size, embeddings=False)]
    for thing, vector in zip(objects, reader.texts.embeddings, strict=True):
        thing["embedding"] = vector is not None
    return {
        "channels": layout.channels,
        "base_step": layout.base_steps[0],
        "text_encoder": reader.texts.encoder,
        "objects": objects,
    }


def _print_objects(console: "Console", semantics: dict) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("object", "name", "anchors", "centre", "size", "text")
    for column in (3, 4):
        table.columns[column].no_wrap = True
    for thing in semantics["objects"]:
        size = [high - low for low, high in zip(thing["lowest"], thing["highest"], strict=True)]
        table.add_row(
            str(thing["id"]),
            escape(thing["name"]),
            f"{thing['anchors']:,}",
            *map(_vector, (thing["centre"], size)),
            "yes" if thing["embedding"] else "",
        )
    encoder = f", text by {escape(semantics['text_encoder'])}" if semantics["text_encoder"] else ""
    console.print(f"{len(semantics['objects'])} objects, features of {semantics['channels']} channels{encoder}")
    if semantics["objects"]:
        console.print(table)


def _vector(numbers: "Sequence[float]") -> str:
    """To three digits of the largest."""
    largest = max(map(abs, numbers))
    if largest and not 1e-3 <= largest < 1e5:
        return " ".join(f"{x:.1e}" for x in numbers)
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest else 0
    return " ".join(f"{round(x, decimals) + 0.0:.{decimals}f}" for x in numbers)


def _rounded(value: object) -> str:
    """As Python writes it, numbers to four digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_rounded, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_rounded(entry)}' for name, entry in value.items())}}}"
    return repr(value)
