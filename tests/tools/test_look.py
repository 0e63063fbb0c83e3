"""How objects are shown: options of ``csg render``."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.tools import cli
from tests.semantic.scenes import loaded, scene_of_balls

VIEW = ("--views", "1", "--width", "96", "--height", "72")


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs ``csg render`` on the scene of balls; returns the exit code and the picture."""
    (tmp_path / "scene.csg").write_bytes(b"")
    asked = []

    def load(stream: object, semantics: bool) -> object:
        asked.append(semantics)
        return loaded(scene_of_balls())

    monkeypatch.setattr("csgaussian_ns.receiver.load.load", load)

    def run(*options: str) -> tuple[int, np.ndarray]:
        picture = tmp_path / "out" / "orbit_0000.png"
        picture.unlink(missing_ok=True)
        code = cli.main(["render", str(tmp_path / "scene.csg"), "-o", str(tmp_path / "out"), *VIEW, *options])
        assert asked.pop() == (options != ())
        return code, np.asarray(Image.open(picture)).astype(int) if picture.exists() else np.zeros((1, 1, 3))

    return run


def blue(picture: np.ndarray) -> int:
    return int((picture[..., 2] - picture[..., 0] > 60).sum())


def red(picture: np.ndarray) -> int:
    return int((picture[..., 0] - picture[..., 2] > 60).sum())


def test_objects_are_shown_otherwise(render):
    code, plain = render()
    assert code == 0 and blue(plain) > 100 and red(plain) > 100
    assert blue(render("--hide", "lamp")[1]) == 0
    assert blue(render("--hide", "3", "red ball")[1]) == 0
    alone = render("--isolate", "lamp")[1]
    assert blue(alone) >= blue(plain) and red(alone) == 0
    assert blue(render("--recolour", "lamp", "#ff0000", "2", "00FF00")[1]) < blue(plain) / 4
    assert blue(render("--move", "lamp", "50,0,0")[1]) == 0
    lit = render("--highlight", "red ball")[1]
    assert lit.mean() < 0.8 * plain.mean()
    painted = render("--layer", "objects")[1]
    assert len(np.unique(painted.reshape(-1, 3), axis=0)) > 3 and not np.array_equal(painted, plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--hide",), "--hide: expected numbers or names"),
        (("--hide", "dragon"), "no object called 'dragon'; the scene has 1 red ball"),
        (("--isolate", "9"), "no object 9"),
        (("--recolour", "lamp", "blue"), "'blue' is no colour"),
        (("--move", "lamp", "1,2"), "expected three numbers"),
        (("--move", "lamp", "1,2,inf"), "finite numbers"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_line(render, capsys, options: tuple[str, ...], message: str):
    assert render(*options)[0] == 2
    told = capsys.readouterr().err
    assert message in told and told.count("\n") == 1
