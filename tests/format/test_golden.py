"""Files of the format that every release decodes for ever, to the same integers (scripts/make_golden.py)."""

import hashlib
import json
from pathlib import Path

import pytest

import csgaussian_ns.codec  # noqa: F401  # registers torchac
from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.gaussians.read import decode_gaussians
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from tests.format.variants import by_torch, networks_by

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
GAUSSIANS = "v1_gaussians.csg"
DIGESTS = json.loads((GOLDEN / "digests.json").read_text())


def test_the_list_is_complete_and_small():
    files = sorted(GOLDEN.glob("*.csg"))
    assert [file.name for file in files] == sorted(DIGESTS)
    assert sum(file.stat().st_size for file in files) < 76_000
    assert DIGESTS["v1_inr.csg"]["content"] == DIGESTS["v1_torchac.csg"]["content"]  # the same scene, two coders


def test_gaussians_decode_as_on_their_first_day():
    data, expected = (GOLDEN / GAUSSIANS).read_bytes(), DIGESTS[GAUSSIANS]
    assert hashlib.sha256(data).hexdigest() == expected["file"], "a golden file was replaced; add a new one instead"
    coded = decode_gaussians(read_container(data), DEFAULT_LIMITS)
    assert (len(coded), coded.digest()) == (expected["anchors"], expected["content"])
    assert coded.semantics is not None and [thing.anchors for thing in coded.semantics.objects] == [10, 10, 10]


@pytest.mark.parametrize("name", sorted(DIGESTS.keys() - {GAUSSIANS}))
def test_it_decodes_as_on_its_first_day(name: str):
    data, expected = (GOLDEN / name).read_bytes(), DIGESTS[name]
    assert hashlib.sha256(data).hexdigest() == expected["file"], "a golden file was replaced; add a new one instead"
    coders = {entry.info.codec for entry in read_container(data).of_kind("COLR")}
    assert coders <= ({1} if "torchac" in name else {0})
    for arithmetic in ("auto", "float64", "int64"):
        try:
            scene = decode(data, arithmetic=arithmetic)
        except BackendUnavailable as error:
            pytest.skip(str(error))
        assert (len(scene.grid), scene.digest()) == (expected["anchors"], expected["content"])
    with networks_by(by_torch):
        assert decode(data).digest() == expected["content"]


def test_objects_are_still_known():
    data = (GOLDEN / "v1_semantics.csg").read_bytes()
    layer = decode(data).semantics
    assert layer is not None and [entry.name for entry in layer.objects] == ["Gerät 0", "Gerät 1", "Gerät 2"]
    assert layer.text_encoder == "some encoder" and all(len(entry.embedding or ()) == 16 for entry in layer.objects)
    assert decode(data, semantics=False).digest() == DIGESTS["v1_inr.csg"]["content"]


def test_what_objects_are_parts_of_is_still_known():
    layer = decode((GOLDEN / "v1_tree.csg").read_bytes()).semantics
    assert layer is not None and layer.tree is not None and layer.tree.chain(1) == ((1,), (1, 3), (1, 2, 3))
    assert DIGESTS["v1_tree.csg"]["content"] == DIGESTS["v1_semantics.csg"]["content"]


def test_the_escapes_are_escapes():
    scene = decode((GOLDEN / "v1_escapes.csg").read_bytes())
    assert abs(scene.anchors.feature).max() > 10_000 and scene.anchors.offset.min() < -2900
