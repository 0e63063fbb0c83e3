"""``csg edit``: objects of a ``.csg`` file removed, moved, renamed and so on, by a section that says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.tools.inputs import SceneFile, name_of, open_file
from csgaussian_ns.tools.look import Objects, colour_of, numbers_of, target_of, vector_of
from csgaussian_ns.tools.terminal import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BufferedIOBase

    from csgaussian_ns.core import edits as kinds
    from csgaussian_ns.core.semantic_layer import SceneObject
    from csgaussian_ns.format.container import Container
    from csgaussian_ns.receiver.flatten import Flattened

    Make = Callable[[Sequence[SceneObject]], kinds.Edit]
    """Makes an edit, given the objects that there are when its turn comes."""

AXES = {"x": "1,0,0", "y": "0,1,0", "z": "0,0,1"}


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
    remove: Objects = None
    """Objects that go."""
    keep: Objects = None
    """Objects that stay; all else goes, what is no object included."""
    move: Annotated[tuple[tuple[str, str], ...], tyro.conf.arg(metavar="ID|NAME DX,DY,DZ ...")] = ()
    """Move objects."""
    rotate: Annotated[tuple[tuple[str, str], ...], tyro.conf.arg(metavar="ID|NAME AXIS,DEGREES ...")] = ()
    """Turn objects about their centre; the axis is x, y, z or three numbers, as in z,90 or 0,0,1,90."""
    scale: Annotated[tuple[tuple[str, str], ...], tyro.conf.arg(metavar="ID|NAME FACTOR ...")] = ()
    """Make objects larger or smaller, about their centre."""
    recolour: Annotated[tuple[tuple[str, str], ...], tyro.conf.arg(metavar="ID|NAME #RRGGBB ...")] = ()
    """Give objects other colours."""
    rename: Annotated[tuple[tuple[str, str], ...], tyro.conf.arg(metavar="ID|NAME NEWNAME ...")] = ()
    """Give objects other names."""
    crop: Annotated[str | None, tyro.conf.arg(metavar="X0,Y0,Z0,X1,Y1,Z1")] = None
    """Keep what is inside this box alone, anchor by anchor."""
    undo: int = 0
    """Drop so many of the file's last edits first."""
    flatten: bool = False
    """Make edits last: code without what is gone, so that nothing of it is left in the file."""

    def run(self) -> None:
        """Edit, write, and say what was done."""
        from csgaussian_ns.core.edits import in_words
        from csgaussian_ns.core.files import make_folder, replace_file
        from csgaussian_ns.format.edits import with_edits

        self._check()
        with open_file(self.file) as stream:
            container = _container(stream)
            kept = self._kept(container)
            added = self._added(container, kept)
            data = with_edits(container, (*kept, *added))
        done = [f"{_counted(len(kept), 'edit')} as before"] if kept and not self.flatten else []
        done += [in_words(edit) for edit in added]
        if self.flatten:
            from csgaussian_ns.receiver.flatten import flattened

            flat = flattened(data)
            data, done = flat.data, _flattened_in_words(flat)
        make_folder(self.output.parent)
        replace_file(self.output, data)
        more = len(data) - container.header.file_length
        told_size = f"{len(data):,} bytes, {abs(more):,} {'more' if more >= 0 else 'fewer'} than {name_of(self.file)}"
        tell(f"{self.output}: {'; '.join(done) or 'no edits'} ({told_size})")

    def _check(self) -> None:
        empty = [name for name in ("remove", "keep") if getattr(self, name) == ()]
        if empty:
            raise ConfigError(f"--{empty[0]}: expected numbers or names of objects, as csg info lists them")
        if self.undo < 0:
            raise ConfigError(f"--undo {self.undo}: expected how many of the last edits to drop, at least 1")
        asked = (self.remove, self.keep, self.move, self.rotate, self.scale, self.recolour, self.rename, self.crop)
        if not any(asked) and not self.undo and not self.flatten:
            raise ConfigError("nothing to do: give an edit, such as --remove 3, or --undo or --flatten")
        if self.output.suffix.lower() != ".csg":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .csg")

    def _kept(self, container: "Container") -> "tuple[kinds.Edit, ...]":
        """The edits of the file that stay. Where none does, it does not matter which scene they were made for."""
        from csgaussian_ns.format.edits import edits_of, stored_edits

        there = stored_edits(container) if self.undo else 0
        if self.undo > there:
            raise ConfigError(f"--undo {self.undo}: the file has {_counted(there, 'edit')}")
        return (
            () if self.undo and self.undo == there else edits_of(container)[: there - self.undo if self.undo else None]
        )

    def _added(self, container: "Container", before: "Sequence[kinds.Edit]") -> "list[kinds.Edit]":
        """The edits that were asked for, one after the other."""
        from csgaussian_ns.format.meta import meta_of
        from csgaussian_ns.format.semantics import read_facts
        from csgaussian_ns.semantic.edited_objects import objects_after, settled

        makers = self._makers()
        if not makers:
            return []
        facts = read_facts(container)
        if facts is None and (len(makers) > 1 or self.crop is None):
            raise QueryError("the file holds no objects, so none can be edited; only --crop needs none")
        objects = () if facts is None else facts.objects(meta_of(container).voxel_size, embeddings=False)
        objects, added = objects_after(objects, before), []
        for make in makers:
            [edit] = settled([make(objects)], objects)
            objects = objects_after(objects, [edit])
            added.append(edit)
        return added

    def _makers(self) -> "list[Make]":
        from csgaussian_ns.core.edits import Crop, Keep, Move, Recolour, Remove, Rename, Rotate, Scale

        makers: list[Make] = []
        for keys, kind in ((self.remove, Remove), (self.keep, Keep)):
            if keys:
                makers.append(lambda objects, keys=keys, kind=kind: kind(target_of(objects, *keys)))
        for key, text in self.move:
            shift = vector_of("--move", text)
            makers.append(lambda objects, key=key, shift=shift: Move(target_of(objects, key), shift))
        for key, text in self.rotate:
            axis, degrees = rotation_of(text)
            turn = axis, degrees
            makers.append(lambda objects, key=key, turn=turn: Rotate(target_of(objects, key), *turn))
        for key, text in self.scale:
            [factor] = numbers_of("--scale", text, 1, "one number above 0, such as 1.5")
            makers.append(lambda objects, key=key, factor=factor: Scale(target_of(objects, key), factor))
        for key, text in self.recolour:
            colour = colour_of(text)
            makers.append(lambda objects, key=key, colour=colour: Recolour(target_of(objects, key), colour))
        for key, name in self.rename:
            makers.append(lambda objects, key=key, name=name: Rename(target_of(objects, key), name))
        if self.crop is not None:
            box = numbers_of("--crop", self.crop, 6, "the lowest corner and the highest one, such as -1,-1,-1,1,1,1")
            corners = (box[0], box[1], box[2]), (box[3], box[4], box[5])
            makers.append(lambda objects: Crop(*corners))
        return makers


def _flattened_in_words(flat: "Flattened") -> list[str]:
    anchors, objects = _counted(flat.anchors, "anchor"), _counted(flat.objects, "object")
    words = [f"{anchors} and {objects} gone for good"]
    words += [f"{flat.chunks[0]} of {_counted(flat.chunks[1], 'chunk')} coded anew"]
    if flat.edits:
        words.append(f"{_counted(len(flat.edits), 'edit')} of place, size or colour can only be kept as edits")
    if flat.unknown:
        words.append(f"sections unknown to this version are gone, too: {', '.join(flat.unknown)}")
    return words


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def rotation_of(text: str) -> "tuple[kinds.Point, float]":
    """Axis and degrees.

    Raises:
        ConfigError: Something else.
    """
    axis, _, degrees = text.rpartition(",")
    expected = "an axis and degrees, such as z,90 or 0,0,1,90"
    x, y, z, angle = numbers_of("--rotate", f"{AXES.get(axis.lower(), axis)},{degrees}", 4, expected)
    if not (x or y or z):
        raise ConfigError(f"--rotate {text}: this axis points nowhere; expected {expected}")
    return (x, y, z), angle


def _container(stream: "BufferedIOBase") -> "Container":
    from csgaussian_ns.format.container import read_container
    from csgaussian_ns.format.edits import check_whole
    from csgaussian_ns.scene.ply_magic import is_ply

    if is_ply(stream):
        raise ConfigError("this is a PLY file, which says nothing of objects; expected a .csg file")
    container = read_container(stream)
    check_whole(container)
    return container
