"""``csg select``: what it writes, what it says, and questions that it refuses."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.tools import cli
from tests.semantic.scenes import camera, loaded, true_labels
from tests.tools.balls import moved_scene, write_capture


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(tmp_path_factory.mktemp("balls") / "data")


@pytest.fixture
def select(capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run ``csg select`` on a scene as if it had been decoded; returns exit code, output, errors, folder."""
    file, out = tmp_path / "scene.csg", tmp_path / "out"
    file.write_bytes(b"")

    def run(*arguments: str, scene: TensorScene | None = None) -> tuple[int, str, str, Path]:
        decoded = moved_scene() if scene is None else scene
        monkeypatch.setattr("csgaussian_ns.receiver.load.load", lambda stream: loaded(decoded))
        cameras = ("--camera", str(capture / "transforms.json"))
        code = cli.main(["select", str(file), "-o", str(out), *cameras, *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err, out

    return run


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_click_writes_the_object(select):
    code, told, _, out = select("--view", "00", "--pixel", "67,36")
    assert code == 0
    assert told.count("\n") == 1 and "selected 2 Red box: " in told and str(out) in told
    assert sorted(path.stem for path in (out / "masks").iterdir()) == [f"{n:02d}" for n in range(9)]
    for number in (0, 3):
        truth = (true_labels(camera(0.7 * number)) == 2).numpy()
        mask = read(out / "masks" / f"{number:02d}.png")
        assert mask.shape == (72, 96) and set(np.unique(mask)) <= {0, 255}
        assert (truth & (mask > 0)).sum() / (truth | (mask > 0)).sum() > 0.8
        cutout = read(out / "cutouts" / f"{number:02d}.png")
        assert cutout.shape == (72, 96, 4)
        assert cutout[truth][:, 3].mean() > 220 and cutout[0, 0, 3] == 0
        assert read(out / "overlays" / f"{number:02d}.png").shape == (72, 96, 3)
    facts = json.loads((out / "selection.json").read_text())
    scene = moved_scene()
    assert scene.semantics is not None
    assert facts["anchors"] == int((scene.semantics.label == 2).sum()) == facts["gaussians"]
    arrays = np.load(io.BytesIO((out / "selection.npz").read_bytes()))  # noqa: TID251  # a file of our own
    assert (scene.semantics.label[arrays["anchors"]] == 2).all() and len(arrays["anchors"]) == facts["anchors"]
    assert np.array_equal(arrays["gaussians"], arrays["anchors"] * 2)  # only the first of two slots is kept
    assert np.allclose(arrays["position"], scene.anchors.position[arrays["anchors"]])


def test_views_by_number_and_background(select):
    code, told, _, out = select("--view", "0", "--pixel", "0,0")
    assert code == 0 and "nothing at pixel 0,0 of view 0" in told and not out.exists()


@pytest.mark.parametrize("question", [("--id", "3"), ("--name", "LAMP"), ("--name", "la")])
def test_ids_and_names(select, question):
    code, told, _, _ = select(*question)
    assert code == 0 and "selected 3 lamp" in told


def in_wholes() -> TensorScene:
    """The ball and the lamp are one thing, and the box is a part of what holds both."""
    scene = moved_scene()
    assert scene.semantics is not None
    return replace(scene, semantics=replace(scene.semantics, tree=ObjectTree(3, (1, 2, 1, 2, 0))))


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (("--id", "1"), [1]),
        (("--id", "1", "--level", "1"), [1, 3]),
        (("--id", "1", "--level", "2"), [1, 2, 3]),
        (("--id", "1", "--level", "9"), [1, 2, 3]),
        (("--id", "1", "--level", "-1"), [1, 2, 3]),
        (("--id", "1", "--level", "-2"), [1, 3]),
        (("--id", "1", "--level", "-7"), [1]),
        (("--view", "00", "--pixel", "67,36", "--level", "1"), [1, 2, 3]),
        (("--name", "lamp", "--level", "1"), [1, 3]),
        (("--id", "4"), [1, 3]),
        (("--id", "4", "--level", "1"), [1, 2, 3]),
    ],
)
def test_larger_and_smaller(select, arguments, ids: list[int]):
    code, _, _, out = select(*arguments, "--views", "1", scene=in_wholes())
    facts = json.loads((out / "selection.json").read_text())
    assert code == 0 and [thing["id"] for thing in facts["objects"]] == ids
    assert facts["anchors"] == sum(thing["anchors"] for thing in facts["objects"])


def test_an_object_that_is_a_part_of_nothing_stays_alone(select):
    code, told, _, _ = select("--id", "1", "--level", "1", "--views", "1")
    assert code == 0 and "selected 1 red ball:" in told
    assert "the scene has 1 red ball" in select("--id", "6", scene=in_wholes())[2]


def test_a_vector_ranks(select, tmp_path: Path):
    np.save(tmp_path / "text.npy", np.array([[0.0, 1.0, 0.2, 0.1]], np.float32))
    code, told, _, out = select("--vector", str(tmp_path / "text.npy"), "--top", "2")
    assert code == 0 and "selected 1 red ball, 2 Red box" in told
    ranking = json.loads((out / "selection.json").read_text())["ranking"]
    assert [entry["id"] for entry in ranking] == [1, 2, 3] and ranking[0]["similarity"] > 0.9


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "ask in one way"),
        (("--id", "1", "--name", "lamp"), "ask in one way"),
        (("--text", "a lamp"), "--text-weights"),
        (("--pixel", "96,0"), "outside the image of 96 x 72"),
        (("--pixel", "a,b"), "such as 240,135"),
        (("--view", "9", "--pixel", "1,1"), "expected 0 to 8, or one of 00, 01"),
        (("--view", "x", "--pixel", "1,1"), "expected 0 to 8"),
        (("--id", "9"), "the scene has 1 red ball, 2 Red box, 3 lamp"),
        (("--name", "desk"), "the scene has 1 red ball, 2 Red box, 3 lamp"),
        (("--vector", "missing.npy"), "missing.npy cannot be read"),
        (("--id", "1", "--top", "0"), "--top 0"),
    ],
)
def test_refusals(select, arguments, told: str):
    code, out, err, folder = select(*arguments)
    assert code == 2 and out == "" and told in err and err.count("\n") == 1 and not folder.exists()


def test_vectors_of_another_dimension(select, tmp_path: Path):
    np.save(tmp_path / "text.npy", np.ones(7))
    assert "7 numbers, the scene's embeddings 4" in select("--vector", str(tmp_path / "text.npy"))[2]
    np.save(tmp_path / "table.npy", np.ones((2, 4)))
    assert "expected one row of numbers" in select("--vector", str(tmp_path / "table.npy"))[2]
    (tmp_path / "no.npy").write_bytes(b"no numpy file")
    assert "cannot be read" in select("--vector", str(tmp_path / "no.npy"))[2]


def test_text_without_embeddings(select, tmp_path: Path):
    bare = moved_scene(embeddings=False)
    arguments = ("--text", "lamp", "--text-encoder", str(tmp_path / "weights.pt"))
    for given in (arguments, arguments[:2]):
        code, _, err, _ = select(*given, scene=bare)
        assert code == 2 and "no text embeddings" in err
    np.save(tmp_path / "text.npy", np.ones(4))
    assert "no text embeddings" in select("--vector", str(tmp_path / "text.npy"), scene=bare)[2]


def test_a_file_without_objects_says_how_to_get_them(select):
    code, _, err, _ = select("--id", "1", scene=replace(moved_scene(), semantics=None))
    assert code == 2 and "train with masks" in err


def test_an_orbit_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    scene = moved_scene()
    file = tmp_path / "scene.csg"
    file.write_bytes(b"")
    monkeypatch.setattr("csgaussian_ns.receiver.load.load", lambda stream: loaded(scene))
    sizes = ("--views", "3", "--width", "64", "--height", "48")
    (tmp_path / "out" / "masks").mkdir(parents=True)
    (tmp_path / "out" / "masks" / "orbit_0003.png").write_bytes(b"of an earlier call")
    assert cli.main(["select", str(file), "-o", str(tmp_path / "out"), "--name", "lamp", *sizes]) == 0
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 3
    assert "seen in 3 of 3 views" in capsys.readouterr().out
    assert torch.tensor(read(tmp_path / "out" / "masks" / "orbit_0000.png")).shape == (48, 64)
