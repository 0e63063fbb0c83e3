"""Photos straightened as training sees them: nerfstudio with OpenCV is the judge, and so are figures of its making."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.lens import Lens, lens_of
from csgaussian_ns.capture.optics import Intrinsics
from csgaussian_ns.capture.photos import open_photo, photo_of_size
from csgaussian_ns.capture.straight import pinhole_of, seen_by, straightened, straightening
from csgaussian_ns.capture.transforms import read_capture
from csgaussian_ns.core.errors import DataError
from tests.capture.captures import write

TAKEN = Intrinsics(152.0, 149.0, 84.0, 57.0, 160, 120)
BARREL = Lens(False, (-0.35, 0.12, 0.01, 0.0, 0.012, -0.009))
PINCUSHION = Lens(False, (0.2, 0.05, 0.0, 0.0, -0.01, 0.004))
FISHEYE = Lens(True, (0.08, -0.02, 0.004, -0.001, 0.0, 0.0))
EQUIDISTANT = Lens(True, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
LENSES = [BARREL, PINCUSHION, FISHEYE]


def noise(seed: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (TAKEN.height, TAKEN.width, channels)).astype(np.uint8)


def by_nerfstudio(photo: np.ndarray, mask: np.ndarray, taken: Intrinsics, lens: Lens):
    """Matrix, picture and mask as training has them."""
    torch = pytest.importorskip("torch")
    cameras = pytest.importorskip("nerfstudio.cameras.cameras", reason="nerfstudio is the judge")
    from nerfstudio.data.datamanagers.full_images_datamanager import _undistort_image

    camera = cameras.Cameras(
        camera_to_worlds=torch.eye(4)[None, :3],
        fx=taken.fx,
        fy=taken.fy,
        cx=taken.cx,
        cy=taken.cy,
        width=taken.width,
        height=taken.height,
        distortion_params=torch.tensor([lens.parameters]),
        camera_type=cameras.CameraType.FISHEYE if lens.fisheye else cameras.CameraType.PERSPECTIVE,
    )[0].reshape(())
    data, matrix = {"mask": torch.from_numpy(mask)[..., None]}, camera.get_intrinsics_matrices().numpy()
    matrix, picture, straight = _undistort_image(
        camera, camera.distortion_params.numpy(), data, photo.astype(np.float32), matrix
    )
    assert straight is not None
    return matrix, picture, straight[..., 0].numpy()


@pytest.mark.parametrize("lens", LENSES)
def test_a_picture_and_its_camera_are_those_of_training(lens: Lens):
    """Of noise, where a 32nd of a pixel is 8/255; a few places lie just between two of them."""
    photo, mask = noise(1), noise(2, 1)[..., 0] > 127
    matrix, picture, counts = by_nerfstudio(photo, mask, TAKEN, lens)
    made = straightened(TAKEN, lens)
    fx, fy, cx, cy, width, height = made.pinhole
    assert np.allclose((fx, fy, cx, cy), (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]), atol=1e-4)
    assert made.pinhole == pinhole_of(TAKEN, lens) and (height, width) == picture.shape[:2]
    away = np.abs(made.colours(photo) - picture)
    assert (away > 1).mean() < 1e-3 and away.max() < 9
    assert (made.counts(mask) != counts).mean() < 1e-3
    mean = np.tile(np.arange(TAKEN.width) * 1.5, (TAKEN.height, 1))[..., None]  # of a smooth picture, all are
    assert np.abs(made.colours(mean) - by_nerfstudio(mean, mask, TAKEN, lens)[1].reshape(height, width, 1)).max() < 0.1


@pytest.mark.parametrize("lens", [*LENSES, EQUIDISTANT])
def test_a_lens_undoes_itself(lens: Lens):
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, 9), np.linspace(-0.4, 0.4, 7))
    straight = np.stack([x, y], axis=-1)
    assert np.allclose(lens.straight(lens.bent(straight)), straight, atol=1e-9 if lens.fisheye else 2e-3)
    assert np.array_equal(lens.bent(np.zeros((1, 2))), np.zeros((1, 2)))


def test_an_equidistant_fisheye_measures_angles():
    angle = np.array([0.2, 0.7, 1.2])
    straight = np.stack([np.tan(angle), np.zeros(3)], axis=-1)
    assert np.allclose(EQUIDISTANT.bent(straight)[:, 0], angle) and np.allclose(BARREL.bent(straight * 0), 0)


@pytest.mark.parametrize("lens", LENSES)
def test_points_are_where_the_new_camera_sees_them(lens: Lens):
    """A dot, drawn where the lens puts a point in space, is found where the pinhole puts it."""
    made = straightened(TAKEN, lens)
    for place in ((0.1, 0.2), (-0.3, 0.15), (0.25, -0.2)):
        at = lens.bent(np.array([place]))[0] * (TAKEN.fx, TAKEN.fy) + (TAKEN.cx, TAKEN.cy)
        columns, rows = np.meshgrid(np.arange(TAKEN.width) + 0.5, np.arange(TAKEN.height) + 0.5)
        photo = np.exp(-((columns - at[0]) ** 2 + (rows - at[1]) ** 2) / 8)[..., None]
        found = made.colours(photo)[..., 0]
        columns, rows = np.meshgrid(np.arange(made.pinhole.width) + 0.5, np.arange(made.pinhole.height) + 0.5)
        middle = (found * columns).sum() / found.sum(), (found * rows).sum() / found.sum()
        expected = np.array(place) * made.pinhole[:2] + made.pinhole[2:4]
        assert np.allclose(middle, expected, atol=0.1)


def test_labels_are_those_of_the_nearest_pixel_and_none_outside():
    made = straightened(TAKEN, FISHEYE)
    labels = np.ones((TAKEN.height, TAKEN.width), np.uint16)
    labels[:, : TAKEN.width // 2] = 7
    found = made.nearest(labels)
    assert found.dtype == np.uint16 and set(np.unique(found)) <= {0, 1, 7}
    assert found[60, 5] == 7 and found[60, 150] == 1
    wide = straightened(TAKEN, BARREL)
    assert (wide.nearest(labels) > 0).all(), "edges that the lens did not reach are cut off"


def test_photos_of_a_fox(shared_data: Path):
    """Real photos through a phone's lens: the camera of nerfstudio 1.1.5, OpenCV 4.10."""
    capture = read_capture(shared_data / "fox")
    first = capture.frames[0]
    fx, fy, cx, cy, width, height = seen_by(first)
    assert (width, height) == (269, 479)
    bent, lens = straightening(first), lens_of(first)
    assert bent is not None and lens is not None and bent.pinhole == seen_by(first)
    photo = np.asarray(open_photo(first.photo))
    matrix, picture, _ = by_nerfstudio(photo, photo[..., 0] > 0, bent.taken, lens)
    assert np.allclose((fx, fy, cx, cy), (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]), atol=1e-4)
    assert np.abs(bent.colours(photo) - picture).max() < 1
    received = photo_of_size(first.photo, (width, height), (0.0, 0.0, 0.0), bent)
    assert np.abs(received * 255 - picture).max() < 1
    assert np.abs(received - photo[:479, :269] / 255).max() > 0.1, "it makes a difference"
    small = photo_of_size(first.photo, (134, 240), (0.0, 0.0, 0.0), bent)
    assert small.shape == (240, 134, 3)


def test_transparency_is_straightened_too(tmp_path: Path):
    pixels = noise(3, 4)
    pixels[..., 3] = 255
    pixels[:, :80, 3] = 0
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    made = straightened(TAKEN, FISHEYE)
    size = made.pinhole.size
    found = photo_of_size(tmp_path / "a.png", size, (0.0, 1.0, 0.0), made)
    assert np.allclose(found[60, 10], (0, 1, 0)) and not np.allclose(found[60, 120:], (0, 1, 0))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"camera_model": "EQUIRECTANGULAR"}, r"'camera_model' is 'EQUIRECTANGULAR'; expected a pinhole"),
        ({"camera_model": 7}, r"'camera_model' is '7'"),
        ({"k1": 0.1, "k4": 0.2}, r"frame 0 \(images/a.png\): the lens has a k4"),
        ({"distortion_params": [0.1] * 12, "camera_model": "OPENCV_FISHEYE"}, r"more parameters than k1"),
        ({"k1": 1e30}, r"frame 0 \(images/a.png\): the parameters 1e\+30, 0, 0, 0, 0, 0 of a lens leave nothing"),
        ({"k1": 1e300, "camera_model": "OPENCV_FISHEYE"}, r"of a lens leave nothing"),
    ],
)
def test_lenses_without_sense_are_refused(tmp_path: Path, extra: dict, message: str):
    frame = {"file_path": "images/a.png", "transform_matrix": np.eye(4).tolist()}
    path = write(tmp_path, frames=[frame], **extra)
    assert json.loads(path.read_text())
    with pytest.raises(DataError, match=message):
        seen_by(read_capture(path).frames[0])
