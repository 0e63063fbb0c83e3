"""Scenes that are made of something else than anchors: how a reader of it is added, and what readers without it say."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format import kinds
from csgaussian_ns.format.bodies import content_of, packed_section
from csgaussian_ns.format.container import Container, pack, read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import Facts, parse_facts
from csgaussian_ns.format.kinds import Kind, Layer
from csgaussian_ns.format.layout import MustUnderstand
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.representations import FACTS
from csgaussian_ns.receiver import representations
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.opened import Opened, Wanted
from csgaussian_ns.receiver.representations import Representation, register
from csgaussian_ns.receiver.writers import AnchorWriter
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import CONSTANT
from csgaussian_ns.tools import cli

GOLDEN = Path(__file__).parents[1] / "golden"
CENTRES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.5]], np.float32)
KINDS = {"BALL": Kind(Layer.COLOUR)}


@dataclass(frozen=True)
class Balls:
    """A toy: white balls, their centres as float32."""

    means: np.ndarray
    meta: Facts
    edits: tuple[Edit, ...] = ()
    semantics: None = None
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.means)

    @property
    def slots(self) -> np.ndarray:
        return np.ones((len(self), 1), np.bool_)

    def digest(self) -> str:
        return hashlib.sha256(self.means.tobytes()).hexdigest()

    def named_arrays(self) -> dict[str, np.ndarray]:
        return {"means": self.means}


def read_balls(container: Container, wanted: Wanted) -> Balls:
    means = np.frombuffer(content_of(container, "BALL"), "<f4").reshape(-1, 3).astype(np.float32)
    facts = parse_facts(content_of(container, "META"), Facts)
    return Balls(means, facts, edits_of(container) if wanted.edits else ())


def show_balls(coded: Balls) -> Opened:
    count = len(coded)
    quats = np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
    scales, opacities = np.full((count, 3), 0.1, np.float32), np.full(count, 0.99, np.float32)
    harmonics = np.full((count, 1, 3), 0.5 / CONSTANT, np.float32)
    background = np.array(coded.meta.background, np.float32)
    return Opened(GaussianScene(coded.means, quats, scales, opacities, harmonics, background), "balls", coded)


BALLS = Representation(Facts, read_balls, show_balls)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(representations, "_KNOWN", dict(representations._KNOWN))
    known = dict(kinds.KINDS)
    register("balls", BALLS, KINDS)
    yield
    del FACTS["balls"]
    kinds.KINDS.clear()
    kinds.KINDS.update(known)


def file_of_balls(centres: np.ndarray = CENTRES, **facts: object) -> bytes:
    told = Facts().to_json() | {"representation": "balls"} | facts
    meta = packed_section("META", json.dumps(told).encode())
    section = packed_section("BALL", centres.tobytes())
    return pack([meta, section], len(CENTRES), MustUnderstand.REPRESENTATION)


def test_another_representation_is_a_reader_and_a_line(registered: None, tmp_path: Path, capsys):
    scene = csgaussian_ns.load(file_of_balls())
    assert repr(scene).startswith("<LoadedScene of 3 balls, ")
    assert np.array_equal(scene.position, CENTRES)
    [camera] = scene.orbit(1, 60, 40).values()
    assert scene.render(camera).max() > 200
    scene.save(tmp_path / "balls.csg")
    assert (tmp_path / "balls.csg").read_bytes() == file_of_balls()
    assert cli.main(["info", str(tmp_path / "balls.csg")]) == 0
    told = capsys.readouterr().out
    assert "3 balls" in told and "BALL" in told
    assert cli.main(["render", str(tmp_path / "balls.csg"), "-o", str(tmp_path / "out"), "--views", "1"]) == 0
    assert "1 images of 3 balls" in capsys.readouterr().out
    assert cli.main(["verify", str(tmp_path / "balls.csg")]) == 0
    assert f"whole, 3 balls decoded in 0.00 s, content {scene.digest()}" in capsys.readouterr().out
    assert cli.main(["decode", str(tmp_path / "balls.csg"), "-o", str(tmp_path / "balls.npz")]) == 0
    with np.load(tmp_path / "balls.npz", allow_pickle=False) as arrays:  # noqa: TID251  # pickles are off
        assert np.array_equal(arrays["means"], CENTRES)
    with pytest.raises(UnsupportedVersion, match="made of 'balls'; this works on scenes of anchors alone"):
        decode(file_of_balls())
    with pytest.raises(ValueError, match="balls, BALL: taken already"):
        register("balls", BALLS, KINDS)


def test_its_facts_and_edits_are_changed_as_those_of_any_other(registered: None, tmp_path: Path, capsys):
    scene = csgaussian_ns.load(file_of_balls())
    named = scene.with_meta(name="white balls", background=(1.0, 0.0, 0.0))
    [camera] = named.orbit(1, 60, 40).values()
    assert named.render(camera)[0, 0].tolist() == [255, 0, 0] and scene.render(camera)[0, 0].tolist() == [0, 0, 0]
    (tmp_path / "balls.csg").write_bytes(named.data)
    crop = "--crop=-1,-1,-1,0.5,2,2"
    assert cli.main(["edit", str(tmp_path / "balls.csg"), "-o", str(tmp_path / "two.csg"), crop]) == 0
    two = csgaussian_ns.load(tmp_path / "two.csg")
    assert two.hidden.tolist() == [False, True, False] and len(two.edits) == 1
    assert np.array_equal(two.original.position, CENTRES) and not two.original.hidden.any()
    capsys.readouterr()
    assert cli.main(["info", str(tmp_path / "two.csg")]) == 0
    assert "white balls" in capsys.readouterr().out


def test_without_a_writer_it_is_read_alone_and_whole(registered: None):
    data = file_of_balls()
    for write in (by_importance, flattened):
        with pytest.raises(ConfigError, match="made of 'balls' is only read here"):
            write(data)
    [scene] = csgaussian_ns.stream(data)
    assert np.array_equal(scene.position, CENTRES) and scene.data == data
    with pytest.raises(ConfigError, match="made of 'balls', which is read whole"):
        next(csgaussian_ns.stream(data, box=((0, 0, 0), (1, 1, 1))))


def test_what_writes_it_is_the_registered_writer(registered: None, monkeypatch: pytest.MonkeyPatch):
    class Reversed(AnchorWriter):
        def __init__(self, container: Container, limits: DecodeLimits) -> None:
            self.content = content_of(container, "BALL")

        def arranged(self, share: np.ndarray) -> bytes:
            means = np.frombuffer(self.content, "<f4").reshape(-1, 3)[np.argsort(share, kind="stable")[::-1]]
            return file_of_balls(centres=means)

    monkeypatch.setitem(representations._KNOWN, "balls", BALLS._replace(writer=Reversed))
    scene = csgaussian_ns.load(by_importance(file_of_balls()))
    assert np.array_equal(scene.position, CENTRES[::-1])


def test_without_its_reader_it_is_refused(registered: None, monkeypatch: pytest.MonkeyPatch):
    data = file_of_balls()
    del representations._KNOWN["balls"]
    with pytest.raises(UnsupportedVersion, match="made of 'balls'; this reader knows anchors"):
        csgaussian_ns.load(data)
    del kinds.KINDS["BALL"]
    with pytest.raises(UnsupportedVersion, match=r"BALL.*a newer reader is needed"):
        csgaussian_ns.load(data)


@pytest.mark.parametrize("name", [None, "", "anchors", 5, "a\nb"])
def test_a_name_that_is_none_is_refused(registered: None, name: object):
    with pytest.raises(FormatError, match="'representation' must name one other than anchors"):
        csgaussian_ns.load(file_of_balls(representation=name))


def test_files_of_anchors_have_no_flag():
    for file in GOLDEN.glob("*.csg"):
        of_gaussians = file.name == "v1_gaussians.csg"
        expected = MustUnderstand.REPRESENTATION if of_gaussians else MustUnderstand.NONE
        assert read_container(file.read_bytes()).header.must_understand == expected
