"""Files that show all of the scene early: the same anchors in another order."""

import json
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns import ConfigError, Remove, Rename
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.edits import Target
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.core.types import Camera
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.gaussians.read import CodedGaussians
from csgaussian_ns.receiver import arrange, writers
from csgaussian_ns.receiver.arrange import by_importance, importance
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.receiver.merge import merged
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.render.draw import draw
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.tools import cli
from tests.codec.scenes import random_scene, with_semantics
from tests.export.scenes import random_gaussians
from tests.format.surgery import with_embeddings

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(with_semantics(random_scene(1200, kept=1.1)), chunk_anchors=500).data


@pytest.fixture(scope="module")
def made(data: bytes) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrange, "LEAST", 50)
        patch.setattr(writers, "MOST", 300)
        return by_importance(data)


def everything(scene) -> np.ndarray:
    """All that was decoded, sorted by voxel."""
    order = np.lexsort(scene.grid.T)
    anchors = [
        getattr(scene.anchors, name).reshape(len(scene), -1) for name in ("feature", "scaling", "offset", "mask")
    ]
    known = [scene.semantics.feature, scene.semantics.label[:, None]]
    return np.concatenate([scene.grid, *anchors, *known], axis=1)[order]


def test_the_same_anchors(data: bytes, made: bytes):
    before, after = csgaussian_ns.load(data), csgaussian_ns.load(made)
    assert np.array_equal(everything(before), everything(after))
    assert list(before.objects) == list(after.objects) and before.meta == after.meta
    camera = before.orbit(1, 64, 48)["orbit_0000"]
    assert np.abs(before.render(camera).astype(int) - after.render(camera)).max() <= 1
    assert len(made) < 1.1 * len(data)


def test_the_most_important_come_first(made: bytes):
    scene = csgaussian_ns.load(made)
    anchors = [entry.info.rows for entry in read_container(made).of_kind("COLR")]
    assert anchors[0] == 72 and max(anchors) <= 300 and sum(anchors) == len(scene)
    weight = importance(scene)
    first = anchors[0]
    assert weight[:first].min() >= np.sort(weight[first:])[-1] * 0.999
    kinds = [entry.info.kind for entry in read_container(made).entries]
    assert kinds[:3] == ["META", "NETE", "NETR"] and kinds[3:9] == ["POSI", "MASK", "COLR"] * 2


def test_pictures_come_near_sooner(data: bytes, made: bytes):
    whole = csgaussian_ns.load(data)
    camera = whole.orbit(1, 64, 48)["orbit_0000"]
    wanted = whole.draw(camera).image

    def away(scene) -> float:
        return float(((scene.draw(camera).image - wanted) ** 2).mean())

    early = next(scene for scene in csgaussian_ns.stream(made) if len(scene) > 450)
    assert away(early) < away(next(csgaussian_ns.stream(data)))


def test_edits_stay(data: bytes):
    scene = csgaussian_ns.load(data)
    first, second = scene.objects.all[:2]
    edited = scene.edited(Rename(first.target, "kept"), Remove(second.target))
    after = csgaussian_ns.load(by_importance(edited.data))
    assert after.edits == edited.edits and list(after.objects) == list(edited.objects)


def test_twice_is_once(made: bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrange, "LEAST", 50)
        patch.setattr(writers, "MOST", 300)
        again = by_importance(made)
    assert np.array_equal(everything(csgaussian_ns.load(again)), everything(csgaussian_ns.load(made)))


def test_what_cannot_be_arranged(data: bytes):
    with pytest.raises(ConfigError, match="the file is cut"):
        by_importance(data[:-8])
    with pytest.raises(ConfigError, match="no anchors"):
        by_importance((GOLDEN / "v1_empty.csg").read_bytes())


def gaussians(copies: int = 20) -> bytes:
    """A file of Gaussians with objects, embeddings of another writer, and some that share their voxels."""
    scene, label = random_gaussians(900, degree=1), np.arange(900) % 4
    scene.means[-copies:] = scene.means[:copies]
    return with_embeddings(import_gaussians(Splats(scene, label), Settings()).data, ("cup", "", "lamp"))


def all_gaussians(scene: LoadedScene) -> list[tuple]:
    coded = scene.coded
    assert isinstance(coded, CodedGaussians) and coded.semantics is not None
    return sorted(
        map(tuple, np.concatenate([coded.rows.grid, coded.rows.values, coded.semantics.label[:, None]], axis=1))
    )


def test_gaussians_of_an_import(monkeypatch: pytest.MonkeyPatch):
    data = gaussians()
    monkeypatch.setattr(arrange, "LEAST", 50)
    made = by_importance(csgaussian_ns.load(data).edited(Rename(Target((2,)), "plate")).data)
    before, after = csgaussian_ns.load(data), csgaussian_ns.load(made)
    assert all_gaussians(before) == all_gaussians(after) and before.meta == after.meta
    assert [thing.name for thing in after.objects] == ["cup", "plate", "lamp"] and len(after.edits) == 1
    assert [thing.embedding for thing in after.objects] == [thing.embedding for thing in before.objects] != [None] * 3
    entries = read_container(made).entries
    assert [entry.info.kind for entry in entries][:5] == ["META", "POSI", "SPLT", "POSI", "SPLT"]
    first, *_, last = (entry.info.rows for entry in entries if entry.info.kind == "SPLT")
    assert (first, last) == (54, 20), "those that share a voxel with a more important one come last"
    weight = importance(after)
    assert weight[:first].min() >= 0.999 * weight[first:-last].max()
    camera = before.orbit(1, 64, 48)["orbit_0000"]
    wanted, early = before.draw(camera).image, next(csgaussian_ns.stream(by_importance(data))).scene
    by_space = csgaussian_ns.load(data).scene
    assert isinstance(early, GaussianScene) and isinstance(by_space, GaussianScene)
    near = Splats(by_space).where(np.arange(900) < len(early.means)).scene
    assert squared(early, camera, wanted) < squared(near, camera, wanted)


def test_what_is_flattened_stays_arranged():
    made = by_importance(gaussians())
    flat = flattened(csgaussian_ns.load(made).edited(Remove(Target((2,)))).data).data
    kinds = [entry.info.kind for entry in read_container(flat).entries]
    assert kinds[:5] == ["META", "POSI", "SPLT", "POSI", "SPLT"]
    before, after = csgaussian_ns.load(made), csgaussian_ns.load(flat)
    assert before.semantics is not None
    assert np.array_equal(after.position, before.position[before.semantics.label != 2])


def squared(scene: Scene, camera: Camera, wanted: np.ndarray) -> float:
    return float(((draw(scene, camera).image - wanted) ** 2).mean())


def test_groups_are_arranged_before_they_are_merged():
    with pytest.raises(ConfigError, match="arrange them, and merge them then"):
        by_importance(merged([gaussians()], [Similarity()]))


def test_the_command_takes_gaussians(tmp_path: Path, capsys):
    path, out = tmp_path / "scene.csg", tmp_path / "first.csg"
    path.write_bytes(gaussians())
    assert cli.main(["arrange", str(path), "-o", str(out)]) == 0
    assert "the first of 3 chunks has 503 of 900 Gaussians" in capsys.readouterr().out
    assert cli.main(["arrange", str(path), "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["representation"] == "gaussians"


def test_the_command(data: bytes, tmp_path: Path, capsys):
    path, out = tmp_path / "scene.csg", tmp_path / "new" / "first.csg"
    path.write_bytes(data)
    assert cli.main(["arrange", str(path), "-o", str(out)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{out}: {out.stat().st_size:,} bytes, +") and "of 1,200 anchors" in told
    assert cli.main(["verify", str(out)]) == 0
    assert cli.main(["arrange", str(path), "-o", str(tmp_path / "a.ply")]) == 2
    assert "expected a name that ends in .csg" in capsys.readouterr().err
