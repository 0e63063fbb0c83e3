"""Which views of a capture are trained on and which are held out to be measured: by lists, by a rule, or by a file.

The lists of ``transforms.json`` (``train_filenames``, ``val_filenames``, ``test_filenames``) go before rules. Where
some are missing, the others tell what they would say. A ``.csg`` file names the views that its training held out
(``split_names``; in META's ``extra``), so that a receiver measures no view that was trained on.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from csgaussian_ns.capture.transforms import Capture, Frame, posix
from csgaussian_ns.core.errors import ConfigError, DataError

INTERVAL = 8
"""Every which view is held out where nobody says otherwise, as the literature does."""
LISTS = ("train_filenames", "val_filenames", "test_filenames")
HELD_OUT, LEFT_OUT = "held_out", "left_out"
"""In META's ``extra``: names of the views that were held out and are measured, and of those that training never saw but
that are not measured either (such as a validation list beside a test list)."""
MOST_BYTES = 1 << 15
"""Of names in a file: META has to stay small."""


@dataclass(frozen=True)
class ViewSplit:
    """Indices into the frames of a capture. A frame may be in none, and after a rule without held-out views in both.

    Attributes:
        train: Trained on.
        validation: Looked at during training.
        held_out: To be measured.
        told_by: Who says so, for people.
        notes: Sentences about what a reader may not expect.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    held_out: tuple[int, ...]
    told_by: str
    notes: tuple[str, ...] = ()


def by_interval(count: int, interval: int) -> ViewSplit:
    """Every ``interval``-th of ``count`` frames is held out, the first one included.

    Raises:
        ConfigError: Not a positive interval.
    """
    if interval < 1:
        raise ConfigError(f"--interval {interval}: expected at least 1")
    held_out = tuple(range(0, count, interval))
    train = tuple(number for number in range(count) if number % interval)
    return ViewSplit(train, held_out, held_out, f"one view in {interval}")


def by_lists(capture: Capture) -> ViewSplit | None:
    """As the lists in the capture's file say; ``None`` where it has none.

    Raises:
        DataError: A list holds something else than names of frames.
    """
    told = {key: capture.facts[key] for key in LISTS if capture.facts.get(key) is not None}
    if not told:
        return None
    known = _numbers_of(capture)
    listed = {key: _listed(capture, known, key, names) for key, names in told.items()}
    everything = set(range(len(capture.frames)))
    train, validation, test = (listed.get(key) for key in LISTS)
    if train is None:
        train = everything - (validation or set()) - (test or set())
    held_out = next((found for found in (test, validation) if found), None)
    if held_out is None:
        held_out = set() if test is not None or validation is not None else everything - train
    notes = [*_replaced(capture, listed), *_shared(capture, train, held_out)]
    ordered = [tuple(sorted(numbers)) for numbers in (train, validation or held_out, held_out)]
    return ViewSplit(ordered[0], ordered[1], ordered[2], f"the lists in {capture.path}", tuple(notes))


def split_names(capture: Capture, split: ViewSplit) -> dict[str, list[str]]:
    """For META's ``extra``: the views that a split keeps from training. A view that is trained on is not held out."""
    train, held_out = set(split.train), set(split.held_out)
    seen, told = train | held_out, [str(_inside(capture, frame)) for frame in capture.frames]
    left_out = [name for number, name in enumerate(told) if number not in seen]
    names = {HELD_OUT: [told[number] for number in sorted(held_out - train)]}
    return names | ({LEFT_OUT: left_out} if left_out else {})


def fits_into_file(names: Mapping[str, list[str]]) -> bool:
    """Whether a file has room for them."""
    return len(json.dumps(names)) <= MOST_BYTES


def choose(capture: Capture, extra: Mapping[str, object], interval: int | None) -> ViewSplit:
    """The split to measure a file by: an option, else what the file says, else lists, else every eighth view.

    Args:
        capture: To measure on.
        extra: Of the file's META. It is not trusted.
        interval: Option: every which view is held out, whatever anything else says.

    Raises:
        ConfigError: Not a positive interval.
        DataError: A list holds something else than names of frames.
    """
    lists, (stored, missing) = by_lists(capture), _stored(capture, extra)
    if interval is not None:
        chosen = by_interval(len(capture.frames), interval)
        return replace(chosen, notes=_disagreement(chosen, stored or lists))
    if stored is not None:
        trained = stored.train if lists is None or LEFT_OUT in extra else lists.train
        train = tuple(number for number in stored.train if number in trained)
        return replace(stored, train=train, notes=(*missing, *_disagreement(stored, lists)))
    usual = lists or by_interval(len(capture.frames), INTERVAL)
    why = missing or ("the file does not say which views its training held out",)
    return replace(usual, notes=(f"{why[0]}; taken as held out: {usual.told_by}", *usual.notes))


def _stored(capture: Capture, extra: Mapping[str, object]) -> tuple[ViewSplit | None, tuple[str, ...]]:
    """The split that a file names; and where its names do not fit the capture, a sentence on that."""
    held_out, left_out = _texts(extra.get(HELD_OUT)), _texts(extra.get(LEFT_OUT)) or []
    if held_out is None:
        return None, ()
    known, told_by = _numbers_of(capture), "the file"
    numbers = {known.get(posix(name)) for name in held_out} - {None}
    if held_out and not numbers:
        return None, (f"none of the {len(held_out)} views that the file held out is in {capture.path}",)
    lost = len({posix(name) for name in held_out}) - len(numbers)
    missing = (f"{lost} of {len(held_out)} views that the file held out are not in {capture.path}",) if lost else ()
    unused = {known.get(posix(name)) for name in left_out}
    out = tuple(number for number in range(len(capture.frames)) if number in numbers)
    train = tuple(number for number in range(len(capture.frames)) if number not in numbers | unused)
    return ViewSplit(train, out, out, told_by), missing


def _texts(names: object) -> list[str] | None:
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _disagreement(chosen: ViewSplit, other: ViewSplit | None) -> tuple[str, ...]:
    if other is None or set(chosen.held_out) == set(other.held_out):
        return ()
    trained = len(set(chosen.held_out) & set(other.train))
    seen = f"; by the latter, {trained} of its views were trained on" if trained else ""
    return (
        f"{chosen.told_by} holds out {len(chosen.held_out)} views, {other.told_by} other ones ({len(other.held_out)}); "
        f"the former counts{seen}",
    )


def _numbers_of(capture: Capture) -> dict[PurePosixPath, int]:
    """Frames by path, and by file name where no other frame's photo is called so."""
    names = [posix(frame.photo.name) for frame in capture.frames]
    uses, frames = Counter(names), list(enumerate(capture.frames))
    by_name = {name: number for number, name in enumerate(names) if uses[name] == 1}
    inside = {_inside(capture, frame): number for number, frame in frames}
    return inside | by_name | {posix(frame.file_path): number for number, frame in frames}


def _inside(capture: Capture, frame: Frame) -> PurePosixPath:
    """Path of a photo from the capture's folder; of one that an absolute path puts elsewhere, its name alone.

    What goes into a file tells nobody where its maker keeps things.
    """
    path = posix(frame.file_path)
    if not path.is_absolute():
        return path
    folder, photo = capture.folder.absolute(), frame.photo.absolute()
    return posix(photo.relative_to(folder).as_posix() if photo.is_relative_to(folder) else path.name)


def _listed(capture: Capture, known: Mapping[PurePosixPath, int], key: str, names: object) -> set[int]:
    texts = _texts(names)
    if texts is None:
        raise DataError(f"{capture.path}: {key!r} must be a list of paths of photos; got {str(names)[:80]}")
    unknown = [name for name in texts if posix(name) not in known]
    if unknown:
        raise DataError(
            f"{capture.path}: {key!r} names {unknown[0]!r}, which no frame has ({len(unknown)} of {len(texts)} names). "
            "Add the frame or remove the name"
        )
    return {known[posix(name)] for name in texts}


def _replaced(capture: Capture, listed: Mapping[str, Collection[int]]) -> list[str]:
    """A sentence about the lists that are not there."""
    absent = [key for key in LISTS if key not in listed]
    if not absent:
        return []
    held_out = [key for key in LISTS[1:] if key in listed]
    says = [f"{capture.path} has no {' and no '.join(absent)}"]
    if LISTS[0] in absent:
        says.append("frames in no list are trained on")
    if len(held_out) == 1:
        says.append(f"{held_out[0]} stands for both")
    elif not held_out:
        says.append(f"frames that {LISTS[0]} does not name are held out")
    return ["; ".join(says)]


def _shared(capture: Capture, train: Collection[int], held_out: Collection[int]) -> list[str]:
    both = len(set(train) & set(held_out))
    return [f"{capture.path}: {both} views are both in the list to train on and held out"] if both else []
