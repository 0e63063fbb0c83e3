"""``csg edit``: objects of a ``.csg`` file removed, moved, renamed and so on, by a section that says so."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.core.texts import counted
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, WeightsFile, name_of, open_csg
from csgaussian_ns.tools.look import ObjectNames, Pairs, colour_of, numbers_of, objects_called, target_of, vector_of
from csgaussian_ns.tools.outputs import output_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedIOBase

    from csgaussian_ns.core import edits as kinds
    from csgaussian_ns.core.semantic_layer import SceneObject
    from csgaussian_ns.format.container import Container
    from csgaussian_ns.receiver.flatten import Flattened


FACTOR = "one number above 0, such as 1.5"
BOX = "the lowest corner and the highest one, such as -1,-1,-1,1,1,1"
AXES = {"x": "1,0,0", "y": "0,1,0", "z": "0,0,1", "-x": "-1,0,0", "-y": "0,-1,0", "-z": "0,0,-1"}


@dataclass(frozen=True)
class Edit:
    """Edit the objects of a .csg file without coding it anew.

    Edits are added to those that the file has, in the order of the options below, whatever the order of the command;
    call the command again for another order. Objects are given by number or name; of a name, all that are called so.
    Lengths and axes are those in which csg info shows positions.
    """

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The edited file (.csg); it may be the same file."""
    remove: ObjectNames = None
    """Objects that go."""
    keep: ObjectNames = None
    """Objects that stay; all else goes, what is no object included."""
    move: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME DX,DY,DZ ...")] = None
    """Move objects."""
    rotate: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME AXIS,DEGREES ...")] = None
    """Turn objects about their centre; the axis is x, y, z, -x, -y, -z or three numbers, as in z,90 or 0,0,1,90."""
    scale: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME FACTOR ...")] = None
    """Make objects larger or smaller, about their centre."""
    recolour: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME #RRGGBB ...")] = None
    """Give objects other colours."""
    rename: Annotated[Pairs, tyro.conf.arg(metavar="ID|NAME NEWNAME ...")] = None
    """Give objects other names."""
    crop: Annotated[str, tyro.conf.arg(metavar="X0,Y0,Z0,X1,Y1,Z1")] = ""
    """Keep what is inside this box alone, anchor by anchor."""
    undo: int = 0
    """Drop so many of the file's last edits first."""
    flatten: bool = False
    """Make edits last: code without what is gone, so that nothing of it is left in the file."""
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Edit, write, and say what was done."""
        from csgaussian_ns.core.edits import as_facts, in_words
        from csgaussian_ns.core.files import replace_file
        from csgaussian_ns.format.edits import with_edits

        self._check()
        with open_csg(self.file) as stream:
            container = _container(stream)
            kept = self._kept(container)
            added = self._added(container, kept)
            data = with_edits(container, (*kept, *added))
            done = [f"{counted(len(kept), 'edit')} as before"] if kept else []
            done += [in_words(edit) for edit in added]
            flat = None
            if self.flatten:
                from csgaussian_ns.receiver.flatten import flattened

                flat = flattened(data)
                data, done = flat.data, _flattened_in_words(flat)
        with output_folder(self.output.parent):
            replace_file(self.output, data)
        before = container.header.file_length
        more = len(data) - before
        told_size = f"{len(data):,} bytes, {abs(more):,} {'more' if more >= 0 else 'fewer'} than {name_of(self.file)}"
        facts = {
            "file": name_of(self.file),
            "output": str(self.output),
            "bytes": len(data),
            "bytes_before": before,
            "edits_before": len(kept),
            "edits": [as_facts(edit) for edit in added],
            "flattened": None if flat is None else _flattened_facts(flat),
        }
        answer(self.json, facts, f"{self.output}: {'; '.join(done) or 'no edits'} ({told_size})")

    def _check(self) -> None:
        names = ("remove", "keep", "move", "rotate", "scale", "recolour", "rename")
        asked = {name: getattr(self, name) for name in names}
        empty = [name for name, given in asked.items() if given == ()]
        if empty:
            raise ConfigError(f"--{empty[0]}: expected numbers or names of objects, as csg info lists them")
        if self.undo < 0:
            raise ConfigError(f"--undo {self.undo}: expected how many of the last edits to drop, at least 1")
        if not (any(asked.values()) or self.crop or self.undo or self.flatten):
            raise ConfigError("nothing to do: give an edit, such as --remove 3, or --undo or --flatten")
        if self.output.suffix.lower() != ".csg":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .csg")

    def _kept(self, container: "Container") -> "tuple[kinds.Edit, ...]":
        """The edits of the file that stay. Where none does, it does not matter which scene they were made for."""
        from csgaussian_ns.format.edits import edits_of, stored_edits

        if not self.undo:
            return edits_of(container)
        there = stored_edits(container)
        if self.undo > there:
            raise ConfigError(f"--undo {self.undo}: the file has {counted(there, 'edit')}")
        return edits_of(container)[: -self.undo] if self.undo < there else ()

    def _added(self, container: "Container", before: "Sequence[kinds.Edit]") -> "list[kinds.Edit]":
        """The edits that were asked for, one after the other."""
        from csgaussian_ns.receiver.listed import objects_of_file
        from csgaussian_ns.semantic.edited_objects import objects_after, settled

        asked = self._asked()
        if not asked:
            return []
        listed = objects_of_file(container)
        if listed is None and any(keys for _, keys, _ in asked):
            raise QueryError("the file holds no objects, so none can be edited; only --crop needs none")
        first = listed or ()
        there = objects = objects_after(first, before)
        added: list[kinds.Edit] = []
        for kind, keys, values in asked:
            with _knowing(keys, objects, there, first):
                [edit] = settled([kind(target_of(objects, *keys), *values) if keys else kind(*values)], objects)
            objects = objects_after(objects, [edit])
            added.append(edit)
        objects_after(first, (*before, *added))  # motions of before count, too
        return added

    def _asked(self) -> "list[tuple[Callable[..., kinds.Edit], Sequence[str], Sequence[Any]]]":
        """Kinds, names or numbers of objects, and what else was given."""
        from csgaussian_ns.core.edits import Crop, Keep, Move, Recolour, Remove, Rename, Rotate, Scale

        asked: list[Any] = [(kind, keys, ()) for kind, keys in ((Remove, self.remove), (Keep, self.keep)) if keys]
        asked += [(Move, [key], [vector_of("--move", text)]) for key, text in self.move or ()]
        asked += [(Rotate, [key], rotation_of(text)) for key, text in self.rotate or ()]
        asked += [(Scale, [key], numbers_of("--scale", text, 1, FACTOR)) for key, text in self.scale or ()]
        asked += [(Recolour, [key], [colour_of(text)]) for key, text in self.recolour or ()]
        asked += [(Rename, [key], [name]) for key, name in self.rename or ()]
        if self.crop:
            box = numbers_of("--crop", self.crop, 6, BOX)
            asked.append((Crop, (), (tuple(box[:3]), tuple(box[3:]))))
        return asked


@contextmanager
def _knowing(
    keys: "Sequence[str]",
    now: "Sequence[SceneObject]",
    before: "Sequence[SceneObject]",
    first: "Sequence[SceneObject]",
) -> "Iterator[None]":
    """Say of an object that is not there now why it is not: it was there before this command, or at first."""
    try:
        yield
    except QueryError as error:
        if all(_is_there(key, now) for key in keys):
            raise
        for objects, why in (
            (before, "an edit of this command removed it first: they are done in the order of csg edit --help"),
            (first, "an earlier edit removed it: csg info lists them, and --undo drops the last ones"),
        ):
            if all(_is_there(key, objects) for key in keys):
                raise QueryError(f"{error}; {why}") from error
        raise


def _is_there(key: str, objects: "Sequence[SceneObject]") -> bool:
    try:
        return bool(objects_called(objects, key))
    except QueryError:
        return False


def _flattened_in_words(flat: "Flattened") -> list[str]:
    rows, objects = counted(flat.anchors, flat.row), counted(flat.objects, "object")
    words = [f"{rows} and {objects} gone for good"]
    words += [f"{flat.chunks[0]} of {counted(flat.chunks[1], 'chunk')} coded anew"]
    if flat.edits:
        words.append(f"{counted(len(flat.edits), 'edit')} of place, size or colour can only be kept as edits")
    if flat.unknown:
        words.append(f"sections unknown to this version are gone, too: {', '.join(flat.unknown)}")
    return words


def _flattened_facts(flat: "Flattened") -> dict[str, Any]:
    from csgaussian_ns.core.edits import as_facts

    return {
        "rows_gone": flat.anchors,
        "objects_gone": flat.objects,
        "chunks_coded": flat.chunks[0],
        "chunks": flat.chunks[1],
        "edits_kept": [as_facts(edit) for edit in flat.edits],
        "sections_gone": list(flat.unknown),
    }


def rotation_of(text: str) -> "tuple[kinds.Point, float]":
    """Axis and degrees.

    Raises:
        ConfigError: Something else.
    """
    axis, _, degrees = text.rpartition(",")
    expected = "an axis and degrees, such as z,90 or 0,0,1,90"
    x, y, z, angle = numbers_of("--rotate", f"{AXES.get(axis.strip().lower(), axis)},{degrees}", 4, expected)
    if not (x or y or z):
        raise ConfigError(f"--rotate {text}: this axis points nowhere; expected {expected}")
    return (x, y, z), angle


def _container(stream: "BufferedIOBase") -> "Container":
    from csgaussian_ns.format.container import read_container
    from csgaussian_ns.format.edits import check_whole
    from csgaussian_ns.format.facts import GROUP, representation_of
    from csgaussian_ns.format.representations import FACTS

    container = read_container(stream)
    check_whole(container)
    if representation_of(container) not in (*FACTS, GROUP):
        raise ConfigError(f"no edits of a scene are known that is made of {representation_of(container)}")
    return container
