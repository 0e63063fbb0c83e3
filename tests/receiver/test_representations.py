"""Scenes that are made of something else than anchors: how a reader of it is added, and what readers without it say."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format import kinds
from csgaussian_ns.format.bodies import content_of, packed_section
from csgaussian_ns.format.container import Container, pack, read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.kinds import Kind, Layer
from csgaussian_ns.format.layout import MustUnderstand
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.receiver import representations
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.opened import Opened, Wanted
from csgaussian_ns.receiver.orbit import PlainMeta
from csgaussian_ns.receiver.representations import Representation, register
from csgaussian_ns.receiver.writers import AnchorWriter
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import CONSTANT
from csgaussian_ns.tools import cli

GOLDEN = Path(__file__).parents[1] / "golden"
CENTRES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0.5]], np.float32)
KINDS = {"BALL": Kind(Layer.COLOUR)}


def balls(container: Container, wanted: Wanted) -> Opened:
    """A toy: white balls, their centres as float32."""
    means = np.frombuffer(content_of(container, "BALL"), "<f4").reshape(-1, 3).astype(np.float32)
    count = len(means)
    quats = np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1))
    scales, opacities = np.full((count, 3), 0.1, np.float32), np.full(count, 0.99, np.float32)
    harmonics = np.full((count, 1, 3), 0.5 / CONSTANT, np.float32)
    return Opened(GaussianScene(means, quats, scales, opacities, harmonics), PlainMeta(), "balls")


BALLS = Representation(balls)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(representations, "_KNOWN", dict(representations._KNOWN))
    known = dict(kinds.KINDS)
    register("balls", BALLS, KINDS)
    yield
    kinds.KINDS.clear()
    kinds.KINDS.update(known)


def file_of_balls(centres: np.ndarray = CENTRES, **facts: object) -> bytes:
    meta = packed_section("META", json.dumps({"representation": "balls", **facts}).encode())
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
    with pytest.raises(UnsupportedVersion, match="made of 'balls'; this works on scenes of anchors alone"):
        decode(file_of_balls())
    with pytest.raises(ValueError, match="balls, BALL: taken already"):
        register("balls", BALLS, KINDS)


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

    monkeypatch.setitem(representations._KNOWN, "balls", Representation(balls, writer=Reversed))
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
