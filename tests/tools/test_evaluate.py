"""``csg evaluate`` on data sets made here in the layouts of the published ones."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from csgaussian_ns.capture.lens import Lens
from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.export.frame import placed, to_capture
from csgaussian_ns.export.write import write
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import basis
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.tools import cli
from csgaussian_ns.tools.views import open_views
from tests.semantic.scenes import BALLS, camera, loaded, true_labels
from tests.tools.balls import moved_scene, write_capture


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_capture(tmp_path_factory.mktemp("balls") / "data")


@pytest.fixture
def copied(capture: Path, tmp_path: Path) -> Path:
    """A data set of its own that a test may change."""
    return Path(shutil.copytree(capture, tmp_path / "figures" / "data"))


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run ``csg evaluate`` on a scene as if it had been decoded; returns exit code, output, errors."""
    file = tmp_path / "scene.csg"
    file.write_bytes(bytes(1234))

    def run(data: Path, *arguments: str, scene: TensorScene | None = None) -> tuple[int, str, str]:
        decoded = moved_scene() if scene is None else scene
        monkeypatch.setattr("csgaussian_ns.receiver.load.load", lambda stream: loaded(decoded))
        code = cli.main(["evaluate", str(file), "--data", str(data), *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def report_of(result: tuple[int, str, str]) -> dict:
    assert result[0] == 0, result[2]
    return json.loads(result[1])


def test_instance_masks_by_name(evaluate, capture: Path, tmp_path: Path):
    report = report_of(evaluate(capture, "--json", "-o", str(tmp_path / "out")))
    assert report["bytes"] == 1234 and set(report["colour"]["per_view"]) == {"00", "08"}
    assert report["colour"]["psnr"] > 45, (
        "the photos are renders of the scene: its cameras are not where they should be"
    )
    assert report["colour"]["ssim"] > 0.99
    semantics = report["semantics"]
    assert semantics["layout"] == "instance masks" and semantics["matched"].startswith("by name")
    assert semantics["objects"] == {"red ball": [1], "Red box": [2], "lamp": [3]}
    assert semantics["rendered_2d"]["miou"] > 0.85
    selected = semantics["selection_3d"]
    assert selected["pairs"] == 6 and selected["acc_0.25"] == 1.0 and selected["acc_0.5"] <= 1.0
    assert 0.7 < selected["miou"] < semantics["rendered_2d"]["miou"], "hidden parts count in 3-D and not in 2-D"
    assert semantics["whole_3d"]["miou"] > 0.85, "against whole objects, hidden parts do not count"
    assert selected["miou"] == pytest.approx(np.mean(list(selected["per_view"].values())), abs=1e-9)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    picture = Image.open(tmp_path / "out" / "overlays" / "00.png")
    assert picture.size == (3 * 96, 72 + 20)


def test_the_table_ends_in_one_line_with_both_measures(evaluate, capture: Path):
    code, told, _ = evaluate(capture)
    assert code == 0
    last = told.strip().splitlines()[-1]
    assert (
        "3-D selection mIoU 0." in last
        and "whole objects mIoU 0." in last
        and "Acc@0.25" in last
        and "2-D mIoU 0." in last
        and "PSNR" in last
    )


def test_without_names_objects_are_assigned_by_overlap(evaluate, capture: Path):
    scene = moved_scene(names=False)
    assert scene.semantics is not None
    turned = replace(
        scene.semantics,
        label=(scene.semantics.label * 2) % 7,  # 1 2 3 -> 2 4 6
        objects=tuple(replace(entry, id=2 * entry.id) for entry in scene.semantics.objects),
    )
    report = report_of(evaluate(capture, "--json", scene=replace(scene, semantics=turned)))
    assert "assignment" in report["semantics"]["matched"]
    assert report["semantics"]["objects"] == {"red ball": [2], "Red box": [4], "lamp": [6]}
    assert report["semantics"]["rendered_2d"]["miou"] > 0.85


def test_by_text_vectors(evaluate, capture: Path, tmp_path: Path):
    vectors = {name: [float(i == number) for i in range(4)] for number, (name, *_) in BALLS.items()}
    vectors["lamp"] = vectors["Red box"]  # a text that means the wrong object
    (tmp_path / "vectors.json").write_text(json.dumps(vectors))
    arguments = ("--json", "--match", "text", "--vectors", str(tmp_path / "vectors.json"))
    report = report_of(evaluate(capture, *arguments))
    assert report["semantics"]["objects"] == {"red ball": [1], "Red box": [2], "lamp": [2]}
    assert report["semantics"]["rendered_2d"]["per_object"]["lamp"] < 0.05
    (tmp_path / "vectors.json").write_text('{"lamp": [1, 2]}')
    assert "each of red ball, Red box, lamp" in evaluate(capture, *arguments)[2]
    assert "--text-weights or --vectors" in evaluate(capture, "--match", "text")[2]


def test_views_and_scale(evaluate, capture: Path):
    train = report_of(evaluate(capture, "--json", "--views", "train", "--scale", "0.5"))
    assert set(train["colour"]["per_view"]) == {f"{number:02d}" for number in range(1, 8)}
    assert train["colour"]["size"] == [48, 36] and train["colour"]["psnr"] > 22
    assert train["semantics"]["rendered_2d"]["miou"] > 0.75
    every = report_of(evaluate(capture, "--json", "--views", "all", "--interval", "3"))
    assert len(every["colour"]["per_view"]) == 9 == len(every["semantics"]["views"])


def test_lpips_with_weights_of_the_user(evaluate, capture: Path, tmp_path: Path):
    torch.manual_seed(1)
    weights = {f"lin{number}.model.1.weight": torch.rand(1, 2, 1, 1) for number in range(5)}
    for number, (layer, size) in enumerate(((0, 11), (3, 5), (6, 3), (8, 3), (10, 3)), 1):
        name = f"net.slice{number}.{layer}"
        weights |= {f"{name}.weight": torch.randn(2, 3 if layer == 0 else 2, size, size), f"{name}.bias": torch.rand(2)}
    torch.save(weights, tmp_path / "lpips.pt")
    given = "--lpips-weights", str(tmp_path / "lpips.pt")
    colour = report_of(evaluate(capture, "--json", *given))["colour"]
    figures = [found["lpips"] for found in colour["per_view"].values()]
    assert colour["lpips"] == pytest.approx(sum(figures) / 2) and colour["lpips"] > 0 and colour["lpips_net"] == "alex"
    assert f" LPIPS {colour['lpips']:.3f} (alex) over 2 views" in evaluate(capture, *given)[1]
    assert "lpips" not in report_of(evaluate(capture, "--json"))["colour"]
    code, _, err = evaluate(capture, "--lpips-weights", str(tmp_path / "none.pt"))
    assert code == 2 and "none.pt cannot be read as weights of LPIPS" in err and err.count("\n") == 1


def test_lists_in_the_file_decide_the_split(evaluate, copied: Path):
    path = copied / "transforms.json"
    lists = {"train_filenames": [f"images/{n:02d}.png" for n in range(5)], "test_filenames": ["images/07.png"]}
    lists |= {"val_filenames": ["images/05.png"]}
    path.write_text(json.dumps(json.loads(path.read_text()) | lists))
    assert list(report_of(evaluate(copied, "--json"))["colour"]["per_view"]) == ["07"]
    train = report_of(evaluate(copied, "--json", "--views", "train"))
    assert list(train["colour"]["per_view"]) == ["00", "01", "02", "03", "04"]


def told_by_the_file(**names: list[int]) -> TensorScene:
    """The scene, with names of its training's views as an export writes them."""
    scene = moved_scene()
    extra = {key: [f"images/{number:02d}.png" for number in numbers] for key, numbers in names.items()}
    return replace(scene, meta=replace(scene.meta, extra=extra))


def test_the_views_that_the_file_held_out_are_measured(evaluate, capture: Path):
    scene = told_by_the_file(held_out=[2, 5], left_out=[7])
    code, told, said = evaluate(capture, "--json", scene=scene)
    report = report_of((code, told, said))
    assert list(report["colour"]["per_view"]) == ["02", "05"] == report["semantics"]["views"]
    assert (report["held_out_by"], report["notes"], said) == ("the file", [], "")
    train = report_of(evaluate(capture, "--json", "--views", "train", scene=scene))
    assert list(train["colour"]["per_view"]) == ["00", "01", "03", "04", "06", "08"]


def test_who_says_which_views_were_held_out_is_told(evaluate, capture: Path):
    code, told, said = evaluate(capture, "--json")
    assert report_of((code, told, said))["held_out_by"] == "one view in 8"
    assert "csg: note: the file does not say which views its training held out" in said
    said = evaluate(capture, "--json", "--interval", "4", scene=told_by_the_file(held_out=[0, 8]))[2]
    assert "one view in 4 holds out 3 views, the file other ones (2)" in said and said.count("csg: note") == 1
    code, _, said = evaluate(capture, scene=told_by_the_file(held_out=[]))
    assert code == 2 and "--views eval leaves none of the 9 views, as the file says" in said


def test_what_an_image_mask_hides_does_not_count(evaluate, copied: Path):
    """As in training: hidden pixels are black in both pictures, whatever the photo shows there."""
    hidden = np.zeros((72, 96), bool)
    hidden[10:50, 20:60] = True
    Image.fromarray((~hidden).astype(np.uint8) * np.uint8(255)).save(copied / "hidden.png")
    path = copied / "transforms.json"
    transforms = json.loads(path.read_text())
    for frame in transforms["frames"]:
        photo = np.array(Image.open(copied / frame["file_path"]))
        photo[hidden] = (255, 0, 255)
        Image.fromarray(photo).save(copied / frame["file_path"])
    assert report_of(evaluate(copied, "--json"))["colour"]["psnr"] < 15
    for frame in transforms["frames"]:
        frame["mask_path"] = "hidden.png"
    path.write_text(json.dumps(transforms))
    assert report_of(evaluate(copied, "--json"))["colour"]["psnr"] > 45
    assert report_of(evaluate(copied, "--json", "--scale", "0.5"))["colour"]["psnr"] > 20
    Image.new("L", (50, 72)).save(copied / "hidden.png")
    assert "hidden.png is 50x72 but the camera of its photo says 96x72" in evaluate(copied)[2]


def test_photos_with_a_palette_are_measured_in_their_colours(evaluate, copied: Path):
    for file in (copied / "images").iterdir():
        Image.open(file).quantize(256).save(file)
    assert report_of(evaluate(copied, "--json"))["colour"]["psnr"] > 28


def test_intrinsics_of_a_frame_count(evaluate, copied: Path):
    path = copied / "transforms.json"
    transforms = json.loads(path.read_text())
    for frame in transforms["frames"]:
        frame |= {"fl_x": transforms["fl_x"], "fl_y": transforms["fl_y"]}
    transforms |= {"fl_x": 60.0, "fl_y": 60.0}
    path.write_text(json.dumps(transforms))
    code, told, said = evaluate(copied, "--json")
    assert report_of((code, told, said))["colour"]["psnr"] > 45
    assert "fl_x, fl_y of 9 of 9 frames differ" in said


def test_lerf_ovs(evaluate, copied: Path):
    """Names of files as in that set, two annotated frames of nine, polygons of the silhouettes."""
    path = copied / "transforms.json"
    transforms = json.loads(path.read_text())
    for number, frame in enumerate(transforms["frames"]):
        name = f"images/frame_{number + 1:05d}.png"
        (copied / frame["file_path"]).rename(copied / name)
        frame["file_path"] = name
        frame.pop("instance_mask_path")
    path.write_text(json.dumps(transforms))
    label = copied.parent / "label" / "data"
    label.mkdir(parents=True)
    for number in (2, 5):
        labels = true_labels(camera(0.7 * number)).numpy()
        objects = []
        for ball in (1, 3):
            rows = np.flatnonzero((labels == ball).any(axis=1)).tolist()
            spans = [np.flatnonzero(labels[row] == ball)[[0, -1]].tolist() for row in rows]
            outline = [[span[0], row] for span, row in zip(spans, rows, strict=True)]
            outline += [[span[1], row] for span, row in zip(spans[::-1], rows[::-1], strict=True)]
            objects.append({"category": BALLS[ball][0], "segmentation": outline, "bbox": [0, 0, 1, 1]})
        info = {"name": f"frame_{number + 1:05d}.jpg", "width": 96, "height": 72}
        (label / f"frame_{number + 1:05d}.json").write_text(json.dumps({"info": info, "objects": objects}))
    semantics = report_of(evaluate(copied, "--json"))["semantics"]
    assert "whole_3d" not in semantics
    assert semantics["layout"] == "LERF-OVS" and semantics["views"] == ["frame_00003", "frame_00006"]
    assert semantics["objects"] == {"red ball": [1], "lamp": [3]}
    assert semantics["rendered_2d"]["miou"] > 0.8


def test_3d_ovs(evaluate, copied: Path):
    root = copied / "segmentations"
    for number in (0, 4):
        (root / f"{number:02d}").mkdir(parents=True)
        labels = true_labels(camera(0.7 * number)).numpy()
        for ball, (name, *_) in BALLS.items():
            large = Image.fromarray(((labels == ball) * 255).astype(np.uint8)).resize((192, 144), 0)
            large.save(root / f"{number:02d}" / f"{name}.png")
    (root / "classes.txt").write_text("\n".join(name for name, *_ in BALLS.values()))
    semantics = report_of(evaluate(copied, "--json"))["semantics"]
    assert semantics["layout"] == "3D-OVS" and semantics["views"] == ["00", "04"]
    assert semantics["rendered_2d"]["miou"] > 0.85


def test_a_file_without_objects_is_measured_for_colour(evaluate, capture: Path):
    scene = replace(moved_scene(), semantics=None)
    report = report_of(evaluate(capture, "--json", scene=scene))
    assert report["semantics"] is None and "no semantic layer" in report["semantics_missing"]
    assert report["colour"]["psnr"] > 45
    assert "no objects measured: the file has no semantic layer" in evaluate(capture, scene=scene)[1]


def test_imports_groups_and_ply_files_are_measured(csg, capture: Path, tmp_path: Path):
    """Plain Gaussians of the scene of balls, by their whole drawn picture, with and without their objects."""
    scene = loaded(moved_scene())
    assert scene.semantics is not None
    seen = scene.seen(scene.cameras(capture / "transforms.json")["00"], np.ones(len(scene), bool))
    g, every = seen.gaussians, np.argsort(seen.row)
    harmonics = ((g.colors - 0.5) / basis(np.zeros((1, 3), np.float32), 0)[0, 0])[:, None]
    arrays = (g.means, g.quats, g.scales, g.opacities, harmonics.astype(np.float32))
    plain, label = GaussianScene(*(array[every] for array in arrays)), scene.semantics.label[seen.row[every]]
    plain = placed(plain, to_capture(scene.meta.transform, scene.meta.scale))
    write(Splats(plain, label), tmp_path / "balls.ply", z_up=True)
    assert csg("import", tmp_path / "balls.ply", "-o", tmp_path / "balls.csg")[0] == 0
    half = ("--remove", "1"), ("--keep", "1")
    for number, options in enumerate(half):
        assert csg("edit", tmp_path / "balls.csg", "-o", tmp_path / f"half{number}.csg", *options)[0] == 0
    halves = [tmp_path / f"half{number}.csg" for number in range(2)]
    assert csg("merge", *halves, "-o", tmp_path / "group.csg")[0] == 0
    found = {}
    for name in ("balls.ply", "balls.csg", "half1.csg", "group.csg"):
        report = report_of(csg("evaluate", tmp_path / name, "--data", capture, "--json"))
        found[name] = report["colour"]["psnr"]
        assert report["rows"] == (2 if name == "group.csg" else 1) * len(plain.means)
        assert (report["semantics"] is None) == (name == "balls.ply")
        if name in ("balls.csg", "group.csg"):
            assert report["semantics"]["rendered_2d"]["miou"] > 0.8
    assert found["balls.ply"] > 46 and found["balls.csg"] > 38 and found["half1.csg"] < 25
    assert abs(found["group.csg"] - found["balls.csg"]) < 0.2


def test_a_scene_that_holds_no_object(evaluate, capture: Path):
    scene = moved_scene()
    assert scene.semantics is not None
    empty = replace(scene.semantics, label=scene.semantics.label * 0, objects=())
    semantics = report_of(evaluate(capture, "--json", scene=replace(scene, semantics=empty)))["semantics"]
    assert semantics["selection_3d"]["miou"] == 0 == semantics["rendered_2d"]["miou"]
    assert semantics["objects"] == {"red ball": [], "Red box": [], "lamp": []}


def test_a_folder_of_colmap(evaluate, copied: Path):
    """The same photos and poses as COLMAP writes them; names hold spaces."""
    path = copied / "transforms.json"
    facts = json.loads(path.read_text())
    path.unlink()
    (copied / "sparse" / "0").mkdir(parents=True)
    (copied / "images").rename(copied / "photos of cam 0")
    (copied / "images").mkdir()
    (copied / "photos of cam 0").rename(copied / "images" / "cam 0")
    lines = []
    for number, frame in enumerate(facts["frames"], 1):
        pose = np.array(frame["transform_matrix"])[:3]
        rotation = (pose[:, :3] * (1, -1, -1)).T
        w, x, y, z = quaternion(rotation)
        shift = -rotation @ pose[:, 3]
        numbers = " ".join(map(repr, map(float, (w, x, y, z, *shift))))
        lines.append(f"{number} {numbers} 1 cam 0/{Path(frame['file_path']).name}\n\n")
    (copied / "sparse" / "0" / "images.txt").write_text("".join(lines))
    (copied / "sparse" / "0" / "cameras.txt").write_text("1 SIMPLE_PINHOLE 96 72 105.6 48 36\n")
    report = report_of(evaluate(copied, "--json"))
    assert report["colour"]["psnr"] > 45 and list(report["colour"]["per_view"]) == ["00", "08"]


def test_a_folder_of_blender(evaluate, copied: Path):
    """The same as Blender's files have it, with photos of the test views alone."""
    facts = json.loads((copied / "transforms.json").read_text())
    (copied / "transforms.json").unlink()
    sides = {"train": facts["frames"][1:], "test": facts["frames"][:1]}
    for side, frames in sides.items():
        told = [{**frame, "file_path": "./" + frame["file_path"].removesuffix(".png")} for frame in frames]
        angle = 2 * np.arctan(48 / 105.6)
        (copied / f"transforms_{side}.json").write_text(json.dumps({"camera_angle_x": angle, "frames": told}))
    report = report_of(evaluate(copied, "--json"))
    assert report["colour"]["psnr"] > 45 and list(report["colour"]["per_view"]) == ["00"]
    assert "the lists in" in report["held_out_by"]


def quaternion(rotation: np.ndarray) -> np.ndarray:
    """w, x, y, z: the eigenvector of Bar-Itzhack's matrix."""
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        (
            (a + e + i, h - f, c - g, d - b),
            (h - f, a - e - i, b + d, c + g),
            (c - g, b + d, e - a - i, f + h),
            (d - b, c + g, f + h, i - a - e),
        )
    )
    return np.linalg.eigh(matrix)[1][:, -1]


@pytest.mark.parametrize(
    ("lens", "told"),
    [
        (Lens(False, (0.4, 0.1, 0.0, 0.0, 0.01, -0.02)), {"k1": 0.4, "k2": 0.1, "p1": 0.01, "p2": -0.02}),
        (Lens(True, (0.6, 0.1, 0.0, 0.0, 0.0, 0.0)), {"k1": 0.6, "k2": 0.1, "camera_model": "OPENCV_FISHEYE"}),
    ],
)
def test_bent_photos_and_masks_are_straightened(evaluate, copied: Path, lens: Lens, told: dict):
    """The scene is drawn, bent by a lens and written as photos; what is measured is the scene."""
    path = copied / "transforms.json"
    facts = json.loads(path.read_text())
    middle, focal = np.array((facts["cx"], facts["cy"])), facts["fl_x"]
    corner = np.stack(np.meshgrid(np.arange(96), np.arange(72)), axis=-1) + 0.5
    straight = lens.straight((corner - middle) / focal) * focal + middle - 0.5
    column, row = np.moveaxis(np.rint(straight).astype(int).clip(0, (95, 71)), -1, 0)
    for file in [*(copied / "images").iterdir(), *(copied / "masks").iterdir()]:
        Image.fromarray(np.asarray(Image.open(file))[row, column]).save(file)
    path.write_text(json.dumps({**facts, **told}))
    for frame in (report := json.loads(path.read_text()))["frames"]:
        del frame["whole_mask_path"]
    path.write_text(json.dumps(report))
    found = report_of(evaluate(copied, "--json"))
    assert found["colour"]["psnr"] > 24 and found["semantics"]["rendered_2d"]["miou"] > 0.8
    path.write_text(json.dumps(report | {"k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0, "camera_model": "OPENCV"}))
    bent = report_of(evaluate(copied, "--json"))
    assert bent["colour"]["psnr"] < found["colour"]["psnr"] - 3


def test_masks_of_bent_photos_lie_where_the_camera_sees_them(copied: Path):
    """A square around a place in the photo's corner, which the lens moved."""
    path, lens = copied / "transforms.json", Lens(False, (-0.3, 0.0, 0.0, 0.0, 0.0, 0.0))
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"k1": -0.3}))
    middle, column, row = np.array((facts["cx"], facts["cy"])), 6, 65
    place = lens.straight((np.array([[column + 0.5, row + 0.5]]) - middle) / facts["fl_x"])[0]
    labels = np.zeros((72, 96), np.uint8)
    labels[row - 2 : row + 3, column - 2 : column + 3] = 2
    for file in (copied / "masks").iterdir():
        Image.fromarray(labels).save(file)
    views = open_views(copied, moved_scene().meta, "eval", None, 1.0, None)
    view = views.annotated[0]
    rows, columns = np.nonzero(views.true_view(view).masks["Red box"].numpy())
    expected = place * (view.camera.fx, view.camera.fy) + (view.camera.cx, view.camera.cy)
    assert np.allclose((columns.mean() + 0.5, rows.mean() + 0.5), expected, atol=0.4)
    assert np.abs(expected - (column + 0.5, row + 0.5)).max() > 1, "it moved"


def test_what_a_mask_hides_does_not_count_in_bent_photos(evaluate, copied: Path):
    path = copied / "transforms.json"
    facts = json.loads(path.read_text())
    hidden = Image.new("L", (96, 72), 255)
    hidden.paste(0, (0, 0, 48, 72))
    hidden.save(copied / "hidden.png")
    for number, frame in enumerate(facts["frames"]):
        frame["mask_path"] = "hidden.png"
        photo = Image.open(copied / frame["file_path"])
        photo.paste((255, 0, 0) if number % 2 else (0, 0, 255), (0, 0, 46, 72))
        photo.save(copied / frame["file_path"])
    path.write_text(json.dumps(facts | {"k1": 1e-5}))
    assert report_of(evaluate(copied, "--json"))["colour"]["psnr"] > 40


def test_other_data_is_refused(evaluate, copied: Path, tmp_path: Path):
    assert "there is no capture; give a folder with transforms.json" in evaluate(tmp_path / "missing")[2]
    for factor in ("nan", "inf", "-1"):
        assert f"--scale {factor}: expected a finite, positive factor" in evaluate(copied, "--scale", factor)[2]
    assert "makes images of" in evaluate(copied, "--scale", "1e308")[2]
    assert "makes images of 0 x 0 pixels" in evaluate(copied, "--scale", "0.001")[2]
    Image.new("RGB", (50, 72)).save(copied / "images" / "00.png")
    assert "00.png is 50x72 but its camera says 96x72" in evaluate(copied)[2]
    (copied / "images" / "00.png").write_bytes(b"no picture")
    assert "cannot be read" in evaluate(copied)[2]


def test_an_object_too_small_to_be_seen_has_no_figures(evaluate, copied: Path, capsys: pytest.CaptureFixture[str]):
    for path in (copied / "masks").iterdir():
        labels = np.array(Image.open(path))
        labels[labels == 3] = 0
        labels[0, 0] = 3  # one pixel of the corner, gone at half the size
        Image.fromarray(labels).save(path)
    code, told, errors = evaluate(copied, "--scale", "0.5")
    assert code == 0, errors
    row = next(line for line in told.splitlines() if "lamp" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][2:] == ["-", "-", "-"]
