"""Gaussians from PLY files, against the library plyfile; and files that are none."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.recfunctions import repack_fields

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.scene.ply import Z_UP, read_header, read_ply
from csgaussian_ns.scene.ply_magic import is_ply
from csgaussian_ns.scene.spherical_harmonics import colours

plyfile = pytest.importorskip("plyfile", reason="comes with the extra [dev]")


def table(count: int = 7, degree: int = 3, kind: str = "f4", rgb: bool = False) -> np.ndarray:
    """Gaussians as 3DGS names and orders their numbers, all random."""
    rest = 0 if rgb else 3 * ((degree + 1) ** 2 - 1)
    colour = [(name, "u1") for name in ("red", "green", "blue")] if rgb else [(f"f_dc_{i}", kind) for i in range(3)]
    before = [(name, kind) for name in ("x", "y", "z", "nx", "ny", "nz")]
    after = [*[f"f_rest_{i}" for i in range(rest)], "opacity", *[f"scale_{i}" for i in range(3)]]
    names = [*before, *colour, *[(name, kind) for name in after], *[(f"rot_{i}", kind) for i in range(4)]]
    random, rows = np.random.default_rng(0), np.empty(count, names)
    for name in rows.dtype.names or ():
        rows[name] = random.integers(0, 256, count) if name in ("red", "green", "blue") else random.normal(size=count)
    return rows


def written(rows: np.ndarray, others: tuple[Any, ...] = (), **options: Any) -> io.BytesIO:
    """A file of these rows by plyfile."""
    file = io.BytesIO()
    plyfile.PlyData([*others, plyfile.PlyElement.describe(rows, "vertex")], **options).write(file)
    file.seek(0)
    return file


def stacked(rows: np.ndarray, *names: str) -> np.ndarray:
    return np.stack([rows[name].astype(np.float64) for name in names], axis=1)


def check(rows: np.ndarray, file: Any, degree: int) -> None:
    scene = read_ply(file)
    count = (degree + 1) ** 2
    assert np.allclose(scene.means, stacked(rows, "x", "y", "z"))
    assert np.allclose(scene.quats, stacked(rows, "rot_0", "rot_1", "rot_2", "rot_3"))
    assert np.allclose(scene.scales, np.exp(stacked(rows, "scale_0", "scale_1", "scale_2")), rtol=1e-5)
    assert np.allclose(scene.opacities, 1 / (1 + np.exp(-rows["opacity"].astype(np.float64))))
    assert scene.degree == degree and scene.harmonics.shape == (len(rows), count, 3)
    for channel in range(3):
        assert np.allclose(scene.harmonics[:, 0, channel], rows[f"f_dc_{channel}"])
        for number in range(count - 1):  # all coefficients of red, then of green, then of blue
            name = f"f_rest_{channel * (count - 1) + number}"
            assert np.allclose(scene.harmonics[:, 1 + number, channel], rows[name])
    arrays = (scene.means, scene.quats, scene.scales, scene.opacities, scene.harmonics)
    assert all(array.dtype == np.float32 and array.flags.writeable for array in arrays)


@pytest.mark.parametrize("options", [{"byte_order": "<"}, {"byte_order": ">"}, {"text": True}], ids=str)
@pytest.mark.parametrize("degree", range(4))
def test_every_degree_in_every_encoding(degree: int, options: dict):
    rows = table(degree=degree)
    check(rows, written(rows, comments=["of a test"], obj_info=["more"], **options), degree)


def test_runs_of_rows_are_put_together(monkeypatch: pytest.MonkeyPatch):
    rows = table(23, 2)
    whole = read_ply(written(rows))
    monkeypatch.setattr("csgaussian_ns.scene.ply.RUN", 5)
    assert len(whole.means) == 23
    for name in ("means", "quats", "scales", "opacities", "harmonics"):
        assert np.array_equal(getattr(read_ply(written(rows)), name), getattr(whole, name))


def test_other_types_other_orders_and_other_elements():
    rows = table(kind="f8")
    shuffled = repack_fields(rows[[*reversed(rows.dtype.names or ())]])
    camera = plyfile.PlyElement.describe(np.ones(3, [("fov", "f4"), ("id", "u2")]), "camera")
    check(rows, written(shuffled, (camera,)), 3)
    check(rows, written(rows, (camera,), text=True), 3)
    faces = np.array([([0, 1, 2],)], dtype=[("vertex_indices", "O")])
    after = io.BytesIO()
    elements = [plyfile.PlyElement.describe(rows, "vertex"), plyfile.PlyElement.describe(faces, "face")]
    plyfile.PlyData(elements).write(after)
    after.seek(0)
    check(rows, after, 3)


@pytest.mark.data
def test_a_file_of_the_reference_code(shared_data: Path):
    path = shared_data / "splats" / "inria_sh3_iter7000.ply"
    with path.open("rb") as file:
        check(plyfile.PlyData.read(path)["vertex"].data, file, 3)


def test_plain_colours_are_seen_as_they_are():
    rows = table(rgb=True)
    scene = read_ply(written(rows))
    seen = colours(scene.harmonics, np.tile(np.array([[0, 0, 1]], np.float32), (len(rows), 1)))
    assert scene.degree == 0 and np.allclose(seen * 255, stacked(rows, "red", "green", "blue"), atol=1e-4)


def test_a_file_as_nerfstudio_writes_it():
    """Its comments, its line ends, its order; one Gaussian, number by number."""
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *[f"f_rest_{i}" for i in range(9)]]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    lines = ["ply", "format binary_little_endian 1.0", "comment Generated by Nerstudio 1.1.5", f"comment {Z_UP}"]
    lines += ["element vertex 1", *[f"property float {name}" for name in names], "end_header"]
    data = "".join(f"{line}\n" for line in lines).encode() + np.arange(len(names), dtype="<f4").tobytes()
    assert Z_UP in read_header(io.BytesIO(data)).comments
    scene = read_ply(io.BytesIO(data))
    assert scene.means.tolist() == [[0, 1, 2]] and scene.quats.tolist() == [[22, 23, 24, 25]]
    assert scene.harmonics[0, :, 1].tolist() == [7, 12, 13, 14]
    assert np.allclose(scene.scales, np.exp([[19.0, 20, 21]]))


def test_none_at_all_is_a_scene_too():
    for text in (False, True):
        assert read_ply(written(table(0), text=text)).harmonics.shape == (0, 16, 3)


def test_infinite_numbers_are_read_in_silence():
    rows = table(kind="f8")
    rows["scale_0"], rows["x"][2], rows["y"][3] = 1000, 1e300, np.nan
    with np.errstate(all="raise"):
        scene = read_ply(written(rows))
    assert np.isinf(scene.scales[:, 0]).all() and np.isinf(scene.means[2, 0]) and np.isnan(scene.means[3, 1])


@pytest.mark.parametrize("text", [False, True])
def test_a_cut_file_is_refused_wherever_it_ends(text: bool):
    data = written(table(2, degree=1), text=text).getvalue()
    for end in range(
        0, data.rindex(b" ") if text else len(data), 3
    ):  # the last number may lose digits and be one still
        with pytest.raises(FormatError):
            read_ply(io.BytesIO(data[:end]))


def header(*lines: str, count: int = 1) -> bytes:
    names = ["x", "y", "z", *[f"f_dc_{i}" for i in range(3)], "opacity", *[f"scale_{i}" for i in range(3)]]
    names += [f"rot_{i}" for i in range(4)]
    usual = [
        "format binary_little_endian 1.0",
        f"element vertex {count}",
        *[f"property float {name}" for name in names],
    ]
    return "".join(f"{line}\n" for line in ["ply", *(lines or usual), "end_header"]).encode()


USUAL = header().decode().splitlines()[1:-1]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no 'end_header'"),
        (b"CSGF\n", "not a PLY file"),
        (b"ply\n" + b"comment x\n" * 2000, "more than 1024 lines"),
        (b"ply\ncomment " + b"x" * 5000, "more than 1024 bytes"),
        (header(*USUAL[1:]), "no line says which format"),
        (header("format binary_middle_endian 1.0", *USUAL[1:]), "'format binary_middle_endian 1.0' is not understood"),
        (header(USUAL[0], *USUAL), "'format binary_little_endian 1.0' is not understood, or stands in a wrong place"),
        (header(USUAL[0], "property float x"), "'property float x' is not understood, or stands in a wrong place"),
        (header(*USUAL, "property float x"), "'property float x' is not understood"),
        (header(*USUAL, "property half w"), "'property half w' is not understood"),
        (header(*USUAL, "\x1b[2J"), r"'.x1b\[2J' is not understood"),
        (header(USUAL[0], "element vertex -1"), "'element vertex -1' is not understood"),
        (header(USUAL[0], "element vertex 1" + "0" * 99), "is not understood"),
        (header(USUAL[0], "element face 1"), "expected one element 'vertex', got 0"),
        (header(*USUAL, *USUAL[1:]), "expected one element 'vertex', got 2"),
        (header(*USUAL[:-4]), "'vertex' has no number rot_0, rot_1, rot_2, rot_3"),
        (header(*USUAL[:-1], "property list uchar int rot_3"), "'vertex' has no number rot_3"),
        (header(*USUAL, "property list uchar int more"), "'vertex' holds a list"),
        (header(*USUAL, "property uint packed_position"), "compressed PLY of PlayCanvas"),
        (header(*USUAL, "property float f_rest_0"), r"1 properties f_rest_\*; degrees 0 to 3 have \[0, 9, 24, 45\]"),
        (header(*USUAL, *[f"property float f_rest_{i}" for i in range(72)]), "72 properties"),
        (header(*USUAL, *[f"property float f_rest_{i + 1}" for i in range(9)]), "numbered from 0 on"),
        (header(USUAL[0], "element a 1", "property list uchar int b", *USUAL[1:]), "'a' holds lists and comes before"),
        (header(USUAL[0], "element a 9", "property int b", *USUAL[1:]), "ends inside element 'a', which has 36 bytes"),
        (header(count=3) + bytes(100), "cut: 3 Gaussians take 168 bytes, 100 are left"),
        (header("format ascii 1.0", *USUAL[1:]) + b"1 2 3\n" * 9, "PLY file: "),
        (header("format ascii 1.0", *USUAL[1:]) + b"a " * 14 + b"\n", "PLY file: "),
        (header("format ascii 1.0", "element a 9", "property int b", *USUAL[1:]), "ends inside element 'a'"),
    ],
)
def test_files_that_are_none_are_refused_by_name(data: bytes, told: str):
    with pytest.raises(FormatError, match=told) as caught:
        read_ply(io.BytesIO(data))
    assert len(str(caught.value)) < 400


def test_memory_is_bounded_before_it_is_taken():
    with pytest.raises(LimitExceeded, match=r"split it, .*read_ply\(stream, max_bytes=560000000000\)"):
        read_ply(io.BytesIO(header(count=10**10)))
    with pytest.raises(FormatError, match="cut: 70000000 Gaussians"):
        read_ply(io.BytesIO(header(count=7 * 10**7)))
    with pytest.raises(FormatError, match="cut: 70000000 Gaussians"):
        read_ply(io.BytesIO(header("format ascii 1.0", "element vertex 70000000", *USUAL[2:])))
    with pytest.raises(LimitExceeded):
        read_ply(written(table()), max_bytes=1000)


def test_any_damage_is_a_typed_error_or_another_scene():
    data = bytearray(written(table(3, degree=0), text=False).getvalue())
    random = np.random.default_rng(5)
    for _ in range(400):
        changed = bytearray(data)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            changed[place] = random.integers(0, 256)
        try:
            scene = read_ply(io.BytesIO(bytes(changed)))
            assert len(scene.means) == len(scene.harmonics)
        except FormatError as error:
            assert len(str(error)) < 600


def test_what_begins_like_a_ply_file():
    stream = io.BytesIO(b"..ply\r\nformat")
    assert not is_ply(stream) and stream.tell() == 0
    stream.seek(2)
    assert is_ply(stream) and stream.tell() == 2
    assert not is_ply(io.BytesIO(b"")) and not is_ply(io.BytesIO(b"plywood"))
