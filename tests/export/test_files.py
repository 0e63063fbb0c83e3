"""Files of plain Gaussians, read back by our own readers and by those of others."""

import gzip
import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, FormatError, LimitExceeded
from csgaussian_ns.export.ply import unit
from csgaussian_ns.export.splat import read_splat
from csgaussian_ns.export.spz import read_spz, spz_bytes
from csgaussian_ns.export.spz_objects import OBJECTS, objects_record
from csgaussian_ns.export.write import FORMATS, write
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.splats import Splats
from tests.export.scenes import random_gaussians, random_splats

STEPS = {".ply": (1e-6, 1e-6, 1e-5), ".spz": (2e-6, 0.003, 0.04), ".splat": (0, 0.003, 0)}
"""By ending: how far positions, opacities and logarithms of scales may be off."""


def same_rotation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine of half the angle between rotations."""
    return np.abs((unit(left) * unit(right)).sum(axis=1))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("ending", [".ply", ".spz", ".splat"])
def test_what_is_written_is_read(tmp_path: Path, ending: str, degree: int):
    splats, path = random_splats(500, degree), tmp_path / f"scene{ending}"
    write(splats, path, z_up=True)
    found, scene = FORMATS[ending].read(path), splats.scene
    if ending == ".splat":
        order = np.argsort(-scene.scales.prod(axis=1) * scene.opacities, kind="stable")
        splats = Splats(scene, splats.objects)
        scene = GaussianScene(
            *(getattr(scene, name)[order] for name in ("means", "quats", "scales", "opacities", "harmonics"))
        )
    place, opacity, scale = STEPS[ending]
    assert np.abs(found.means - scene.means).max() <= place
    assert np.abs(found.opacities - scene.opacities).max() <= opacity
    assert np.abs(np.log(found.scales / scene.scales)).max() <= scale
    assert same_rotation(found.quats, scene.quats).min() > (0.9999 if ending == ".splat" else 0.999996)
    kept = min(degree, FORMATS[ending].degree)
    assert found.degree == kept
    step = {".ply": 1e-6, ".spz": 1 / 76, ".splat": 0.5}[ending]
    inside = np.abs(scene.harmonics[:, : (kept + 1) ** 2]) < (1.7 if ending == ".splat" else 3)
    assert (np.abs(found.harmonics - scene.harmonics[:, : (kept + 1) ** 2])[inside] <= step).all()


def test_the_size_of_a_standard_file(tmp_path: Path):
    plain = Splats(random_gaussians(100))
    for splats, floats in ((plain, 62), (random_splats(100), 63)):
        write(splats, tmp_path / "scene.ply", z_up=False)
        header, table = (tmp_path / "scene.ply").read_bytes().split(b"end_header\n", 1)
        assert header.count(b"property float ") == floats and len(table) == 100 * 4 * floats
        assert (b"object_id" in header) == (floats == 63) and b"Vertical Axis" not in header
    write(plain, tmp_path / "scene.splat", z_up=False)
    assert (tmp_path / "scene.splat").stat().st_size == 3200


def test_object_ids_as_another_reader_sees_them(tmp_path: Path):
    plyfile = pytest.importorskip("plyfile")
    splats = random_splats(50)
    write(splats, tmp_path / "scene.ply", z_up=True)
    content = plyfile.PlyData.read(tmp_path / "scene.ply")
    assert content.comments == ["Vertical Axis: z"]
    assert (content["vertex"]["object_id"] == splats.objects).all()
    assert np.allclose(content["vertex"]["f_rest_15"], splats.scene.harmonics[:, 1, 1])


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_spz_as_another_reader_sees_it(tmp_path: Path, degree: int):
    gsply = pytest.importorskip("gsply", reason="an independent reader of .spz: pip install gsply")
    scene = random_gaussians(300, degree)
    write(Splats(scene), tmp_path / "scene.spz", z_up=False)
    found = gsply.read_spz(tmp_path / "scene.spz")
    assert np.abs(found.means - scene.means).max() < 2e-6
    assert np.abs(1 / (1 + np.exp(-found.opacities)) - scene.opacities).max() < 0.003
    assert np.abs(found.scales - np.log(scene.scales)).max() < 0.04
    assert np.abs(found.sh0 - scene.harmonics[:, 0].clip(-10 / 3, 10 / 3)).max() < 1 / 76
    assert same_rotation(found.quats, scene.quats).min() > 0.999996
    if degree:
        assert found.shN.shape == (300, (degree + 1) ** 2 - 1, 3)
        assert np.abs(found.shN - scene.harmonics[:, 1:].clip(-1, 127 / 128)).max() <= 1 / 256 + 1e-6


def test_places_that_spz_does_not_reach_are_refused():
    far = random_gaussians(3, 0, spread=1e9)
    with pytest.raises(ConfigError, match="do not fit into"):
        list(spz_bytes(Splats(far)))
    (data,) = spz_bytes(Splats(random_gaussians(20, 1, spread=1e5)))
    assert np.allclose(read_spz(data).scene.means, random_gaussians(20, 1, spread=1e5).means, atol=0.1)


@pytest.mark.parametrize(("farthest", "bits"), [(7.9, 20), (8.1, 19), (2000.0, 12), (1e5, 6)])
def test_spz_has_as_many_bits_after_the_point_as_coordinates_leave(farthest: float, bits: int):
    scene = random_gaussians(1, 0)
    scene.means[:] = farthest
    (data,) = spz_bytes(Splats(scene))
    assert gzip.decompress(data)[13] == bits


def test_files_that_are_none_are_refused():
    (data,) = spz_bytes(Splats(random_gaussians(20)))
    plain = gzip.decompress(data)
    for wrong in (b"", b"x" * 99, data[: len(data) // 2], gzip.compress(plain[:-1]), gzip.compress(b"\0" * 64)):
        with pytest.raises(FormatError):
            read_spz(wrong)
    huge = struct.pack("<IIIBBBB", 0x5053474E, 3, 2**32 - 1, 3, 12, 0, 0)
    with pytest.raises(LimitExceeded, match="promises 4294967295 Gaussians"):
        read_spz(gzip.compress(huge))
    cut = struct.pack("<IIIBBBB", 0x5053474E, 3, 2**20, 3, 12, 0, 0)
    with pytest.raises(FormatError, match="cut"):
        read_spz(gzip.compress(cut))
    with pytest.raises(FormatError, match="32 bytes"):
        read_splat(b"x" * 33)


def test_a_file_without_gaussians_and_quaternions_without_length():
    (data,) = spz_bytes(Splats(random_gaussians(0)))
    assert read_spz(data).scene.means.shape == (0, 3)
    assert read_splat(bytes(24) + b"\x80" * 8).quats.tolist() == [[1, 0, 0, 0]]


def test_spz_of_version_4(shared_data: Path):
    """The same four Gaussians in versions 3 and 4, by another program."""
    pytest.importorskip("zstandard", reason="version 4 is packed by zstd")
    folder = shared_data / "splats" / "minimal"
    found, known = (read_spz((folder / f"minimal-v{version}.spz").read_bytes()).scene for version in (4, 3))
    assert len(found.means) == len(known.means) == 4 and found.degree == known.degree
    for name in ("means", "quats", "scales", "opacities", "harmonics"):
        assert np.array_equal(getattr(found, name), getattr(known, name)), name


def test_spz_of_version_2(shared_data: Path):
    """Rotations in three bytes; the rest is as in version 3."""
    scene = random_gaussians(50, degree=1)
    plain = bytearray(gzip.decompress(b"".join(spz_bytes(Splats(scene)))))
    quats = unit(scene.quats) * np.where(scene.quats[:, :1] < 0, -1, 1)
    packed, at = np.rint(127.5 * (quats[:, 1:] + 1)).clip(0, 255).astype(np.uint8).tobytes(), 16 + 50 * 16
    plain[4], plain[at : at + 200] = 2, packed
    found = read_spz(gzip.compress(bytes(plain))).scene
    assert same_rotation(found.quats, scene.quats).min() > 0.999
    assert np.abs(found.harmonics - scene.harmonics).max() < 1 / 76 + 1e-6
    file = (shared_data / "splats" / "minimal" / "minimal-v2.spz").read_bytes()
    assert len(read_spz(file)) == 4


def test_spz_of_version_4_as_another_reader_has_it(shared_data: Path):
    """Beside the compressed PLY file of the same scene, whose y and z axes point the other way."""
    pytest.importorskip("zstandard", reason="version 4 is packed by zstd")
    gsply = pytest.importorskip("gsply", reason="the independent reader")
    data = (shared_data / "splats" / "biker.spz").read_bytes()
    found, known = read_spz(data).scene, gsply.plyread(str(shared_data / "splats" / "biker.compressed.ply"))
    assert len(found.means) == len(known.means) == 152_746
    by_place = [np.sort(means, axis=0) for means in (found.means, known.means * np.array([1, -1, -1]))]
    assert np.abs(by_place[0] - by_place[1]).max() < 0.005
    for length in (3, 20, 90, 1000, len(data) // 2):
        with pytest.raises(FormatError):
            read_spz(data[:length])
    with pytest.raises(LimitExceeded, match="promises 2147483648 Gaussians"):
        read_spz(data[:8] + struct.pack("<I", 1 << 31) + data[12:])


@pytest.mark.parametrize("degree", [0, 3])
def test_spz_4_is_written_for_other_readers(tmp_path: Path, degree: int):
    """What version 3 says, and objects in a record that others skip."""
    pytest.importorskip("zstandard", reason="version 4 is packed by zstd")
    splats = replace(random_splats(300, degree), names={2: "red mug", 4: "Tür"})
    write(splats, tmp_path / "new.spz", z_up=False, spz_version=4)
    write(splats, tmp_path / "old.spz", z_up=False)
    new, old = (read_spz((tmp_path / name).read_bytes()) for name in ("new.spz", "old.spz"))
    for name in ("means", "quats", "scales", "opacities", "harmonics"):
        assert np.array_equal(getattr(new.scene, name), getattr(old.scene, name)), name
    assert np.array_equal(new.objects, splats.objects) and new.names == {2: "red mug", 4: "Tür"}  # type: ignore[arg-type]
    assert old.objects is None
    gsply = pytest.importorskip("gsply", reason="an independent reader of .spz: pip install 'gsply[spz]'")
    theirs, known = (gsply.read_spz(tmp_path / name) for name in ("new.spz", "old.spz"))
    for name in ("means", "quats", "scales", "opacities", "sh0", "shN"):
        assert np.array_equal(getattr(theirs, name), getattr(known, name)), name


def spz_4(records: bytes, flags: int = 2) -> bytes:
    """A file of 20 Gaussians with these extensions."""
    data = b"".join(spz_bytes(Splats(random_gaussians(20)), 4))
    place = struct.pack("<I", 32 + len(records))
    return data[:14] + bytes([flags]) + data[15:16] + place + data[20:32] + records + data[32:]


def test_records_of_others_and_broken_ones():
    pytest.importorskip("zstandard", reason="version 4 is packed by zstd")
    splats = Splats(random_gaussians(20), np.arange(20), {1: "cup"})
    ours, other = objects_record(splats), struct.pack("<II", 0xADBE0002, 12) + bytes(12)
    found = read_spz(spz_4(other + ours))
    assert np.array_equal(found.objects, splats.objects) and found.names == {1: "cup"}  # type: ignore[arg-type]
    for data in (spz_4(other), spz_4(b""), spz_4(ours, flags=0)):
        assert read_spz(data).objects is None
    named = struct.pack("<BIIB", 1, 1, 1, 3)
    for content in (b"", b"\2", named, named + b"\xff\xff\xff", named + b"a\nb", named + b"cup", named + b"cup?"):
        with pytest.raises(FormatError, match=r"\.spz objects"):
            read_spz(spz_4(struct.pack("<II", OBJECTS, len(content)) + content))
    for numbers in (np.arange(19), np.arange(21), np.zeros(1 << 22)):
        content = struct.pack("<BI", 1, 0) + zlib.compress(numbers.astype("<u4").tobytes())
        with pytest.raises(FormatError, match="one for each of 20"):
            read_spz(spz_4(struct.pack("<II", OBJECTS, len(content)) + content))
    for cut in (ours[:-1], ours + b"\0", ours[:7]):
        with pytest.raises(FormatError, match=r"\.spz (extensions|objects)"):
            read_spz(spz_4(cut))


def test_version_4_without_zstd(shared_data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(BackendUnavailable, match=r"csgaussian-ns\[spz\]"):
        read_spz((shared_data / "splats" / "minimal" / "minimal-v4.spz").read_bytes())
    with pytest.raises(BackendUnavailable, match=r"csgaussian-ns\[spz\]"):
        list(spz_bytes(random_splats(3), 4))
