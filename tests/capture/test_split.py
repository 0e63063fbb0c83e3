"""Which views are trained on and which are held out, by whoever says so."""

from pathlib import Path

import pytest

from csgaussian_ns.capture.split import ViewSplit, by_interval, by_lists, choose, fits_into_file, split_names
from csgaussian_ns.capture.transforms import Capture, read_capture
from csgaussian_ns.core.errors import ConfigError, DataError
from tests.capture.captures import write

FILES = tuple(f"images/{number}.png" for number in range(10))


def capture_with(folder: Path, **lists: list[int]) -> Capture:
    """Ten frames, and lists of their file names."""
    named = {f"{key}_filenames": [FILES[number] for number in numbers] for key, numbers in lists.items()}
    return read_capture(write(folder, *FILES, **named))


def split_of(folder: Path, **lists: list[int]) -> ViewSplit:
    split = by_lists(capture_with(folder, **lists))
    assert split is not None
    return split


def test_an_interval_holds_out_the_first_view_and_every_nth_after_it():
    split = by_interval(10, 4)
    assert split.held_out == split.validation == (0, 4, 8) and split.train == (1, 2, 3, 5, 6, 7, 9)
    with pytest.raises(ConfigError, match="--interval 0"):
        by_interval(10, 0)


def test_three_lists_are_taken_at_their_word(tmp_path: Path):
    split = split_of(tmp_path, train=[1, 2], val=[3], test=[4, 5])
    assert (split.train, split.validation, split.held_out) == ((1, 2), (3,), (4, 5))
    assert split.notes == (), "0 and 6 to 9 are in no list, and in none they are"


@pytest.mark.parametrize(
    ("lists", "train", "validation", "held_out", "note"),
    [
        ({"train": [1, 2], "test": [4]}, (1, 2), (4,), (4,), "no val_filenames; test_filenames stands for both"),
        ({"train": [1, 2], "val": [4]}, (1, 2), (4,), (4,), "no test_filenames; val_filenames stands for both"),
        (
            {"val": [3], "test": [4]},
            (0, 1, 2, 5, 6, 7, 8, 9),
            (3,),
            (4,),
            "no train_filenames; frames in no list are trained on",
        ),
        (
            {"train": [0, 1, 2, 3, 4, 5, 6]},
            (0, 1, 2, 3, 4, 5, 6),
            (7, 8, 9),
            (7, 8, 9),
            "no val_filenames and no test_filenames; frames that train_filenames does not name are held out",
        ),
        ({"test": [0]}, tuple(range(1, 10)), (0,), (0,), "frames in no list are trained on; test_filenames stands for"),
    ],
)
def test_a_missing_list_follows_from_the_others(
    tmp_path: Path, lists: dict, train: tuple, validation: tuple, held_out: tuple, note: str
):
    split = split_of(tmp_path, **lists)
    assert (split.train, split.validation, split.held_out) == (train, validation, held_out)
    assert len(split.notes) == 1 and note in split.notes[0]


def test_an_empty_list_beside_a_full_one_says_nothing(tmp_path: Path):
    split = split_of(tmp_path, train=[1], val=[2], test=[])
    assert split.validation == split.held_out == (2,)
    assert split_of(tmp_path, train=[1], val=[], test=[]).held_out == ()


def test_views_that_are_trained_on_and_held_out_are_told(tmp_path: Path):
    split = split_of(tmp_path, train=[1, 2, 3], val=[4], test=[3, 4])
    assert "1 views are both in the list to train on and held out" in split.notes[0]
    assert split_names(capture_with(tmp_path), split)["held_out"] == [FILES[4]]


def test_lists_name_frames_in_any_spelling(tmp_path: Path):
    spelt = {"train_filenames": ["./images/1.png"], "val_filenames": ["2.png"], "test_filenames": ["images\\3.png"]}
    split = by_lists(read_capture(write(tmp_path, *FILES, **spelt)))
    assert split is not None and (split.train, split.validation, split.held_out) == ((1,), (2,), (3,))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["images/77.png"], r"'test_filenames' names 'images/77.png', which no frame has \(1 of 1 names\)"),
        ("images/1.png", "'test_filenames' must be a list of paths of photos"),
        ([1], "'test_filenames' must be a list of paths of photos"),
    ],
)
def test_lists_of_something_else_are_refused(tmp_path: Path, names: object, message: str):
    with pytest.raises(DataError, match=message):
        by_lists(read_capture(write(tmp_path, *FILES, test_filenames=names)))


def test_a_file_names_what_training_held_out(tmp_path: Path):
    capture = capture_with(tmp_path)
    assert split_names(capture, by_interval(10, 4)) == {"held_out": [FILES[0], FILES[4], FILES[8]]}
    three = split_of(tmp_path, train=[1, 2, 3, 4, 5, 6, 7], val=[8], test=[9])
    assert split_names(capture, three) == {"held_out": [FILES[9]], "left_out": [FILES[0], FILES[8]]}
    everything = ViewSplit(tuple(range(10)), tuple(range(10)), tuple(range(10)), "--eval-mode all")
    assert split_names(capture, everything) == {"held_out": []}, "what is trained on is not held out"
    assert fits_into_file({"held_out": ["x" * 100] * 300}) and not fits_into_file({"held_out": ["x" * 100] * 400})


def test_a_file_does_not_tell_where_its_maker_keeps_things(tmp_path: Path):
    files = (str(tmp_path / "images" / "1.png"), "/home/somebody/photos/2.png", "./3.png")
    capture = read_capture(write(tmp_path, *files))
    names = split_names(capture, by_interval(3, 1))
    assert sorted(names["held_out"]) == ["2.png", "3.png", "images/1.png"]
    for name in names["held_out"]:
        [number] = choose(capture, {"held_out": [name]}, None).held_out
        assert Path(capture.frames[number].file_path).name == Path(name).name
    copied = read_capture(write(tmp_path / "copy", "images/1.png", "photos/2.png", "3.png"))
    assert choose(copied, names, None).held_out == (0, 1, 2)


def test_what_a_file_names_is_measured(tmp_path: Path):
    capture = capture_with(tmp_path)
    chosen = choose(capture, {"held_out": [FILES[3], "./" + FILES[9]], "left_out": [FILES[5]]}, None)
    assert chosen.held_out == (3, 9) and chosen.train == (0, 1, 2, 4, 6, 7, 8)
    assert chosen.told_by == "the file" and chosen.notes == ()


def test_views_that_a_file_names_and_the_data_set_lacks_are_told(tmp_path: Path):
    chosen = choose(capture_with(tmp_path), {"held_out": [FILES[3], "images/lost.png"]}, None)
    assert chosen.held_out == (3,) and "1 of 2 views that the file held out are not in" in chosen.notes[0]


def test_a_file_that_names_nothing_held_out_leaves_nothing(tmp_path: Path):
    chosen = choose(capture_with(tmp_path), {"held_out": []}, None)
    assert chosen.held_out == () and len(chosen.train) == 10 and chosen.notes == ()


@pytest.mark.parametrize("extra", [{}, {"held_out": "all"}, {"held_out": [1, 2]}, {"held_out": {"a": 1}}])
def test_without_a_list_in_the_file_the_rule_is_said(tmp_path: Path, extra: dict):
    chosen = choose(capture_with(tmp_path), extra, None)
    assert chosen.held_out == (0, 8)
    [note] = chosen.notes
    assert "does not say which views its training held out; taken as held out: one view in 8" in note
    lists = choose(capture_with(tmp_path, train=[1], val=[2], test=[3]), extra, None)
    assert lists.held_out == (3,) and "taken as held out: the lists in" in lists.notes[0]


def test_a_file_of_another_capture_falls_back_and_says_so(tmp_path: Path):
    chosen = choose(capture_with(tmp_path), {"held_out": ["photos/a.png", "photos/b.png"]}, None)
    assert chosen.held_out == (0, 8) and "none of the 2 views that the file held out is in" in chosen.notes[0]


def test_options_and_lists_that_disagree_with_the_file_are_told(tmp_path: Path):
    extra = {"held_out": [FILES[0], FILES[8]]}
    assert choose(capture_with(tmp_path), extra, 8).notes == ()
    option = choose(capture_with(tmp_path), extra, 4)
    assert option.held_out == (0, 4, 8)
    assert option.notes == (
        "one view in 4 holds out 3 views, the file other ones (2); the former counts; by the latter, 1 of its views "
        "were trained on",
    )
    capture = capture_with(tmp_path, train=[0, 1, 2], val=[3], test=[8])
    [note] = choose(capture, extra, None).notes
    assert "the file holds out 2 views, the lists in" in note and "1 of its views were trained on" in note
    [note] = choose(capture, {}, 5).notes
    assert "one view in 5 holds out 2 views, the lists in" in note
