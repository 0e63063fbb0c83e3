"""What ``ns-viewer`` shows of a run over many scenes: one of them, made of a few of its photos by the run's network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO, Viewer
from nerfstudio.viewer.viewer_elements import ViewerDropdown, ViewerSlider
from torch import Tensor, nn
from viser import ClientHandle
from viser.transforms import SO3

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.feedforward.choosing import Choice, Neighbours, spread_choice
from csgaussian_ns.feedforward.evaluation import Shown, decoded, shown
from csgaussian_ns.feedforward.fitting import fitted_camera
from csgaussian_ns.feedforward.heads import GaussianArrays
from csgaussian_ns.feedforward.many import Entry, ManyScenes
from csgaussian_ns.feedforward.model import Model
from csgaussian_ns.feedforward.objective import seen_by
from csgaussian_ns.format.latents.meta import VIEWS
from csgaussian_ns.ns.note import AdoptedControl, ViewerNote
from csgaussian_ns.ns.pinhole import check_perspective, to_camera
from csgaussian_ns.render.backend import choose_rasterizer


class GivenPhotos:
    """The photos that the scene is made of, as nerfstudio's viewer asks a dataset for them.

    Attributes:
        cameras: Theirs.
    """

    def __init__(self, seen: Shown) -> None:
        """Those that were given to the network."""
        views = seen.views
        poses = np.linalg.inv(views.world_to_camera) @ np.diag([1.0, -1.0, -1.0, 1.0])
        fx, fy, cx, cy = torch.from_numpy(views.lens.T).float()[..., None]
        self.cameras = Cameras(torch.from_numpy(poses[:, :3]).float(), fx, fy, cx, cy, views.width, views.height)
        self._images = [torch.from_numpy(photo.astype(np.float32) / 255) for photo in seen.given]

    def __len__(self) -> int:
        """Number of photos."""
        return len(self._images)

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return {"image": self._images[number]}


class SceneShown(nn.Module):
    """A scene, and elements of the viewer's panel that choose another one, more photos or fewer bytes.

    The viewer finds the elements because they are attributes, and orders them by name. It calls ``_changed`` with its
    lock held.
    """

    def __init__(self, model: Model, scenes: ManyScenes, size: int, photos: int, device: torch.device | str) -> None:
        """Show the first scene held out, or the first where none is.

        Args:
            model: Of the run.
            scenes: Of its list.
            size: Side of the photos.
            photos: That the scene is made of at first.
            device: That draws.

        Raises:
            DataError: The scene cannot be read, or its photos make none.
        """
        super().__init__()
        self._model, self._size, self._device = model, size, torch.device(device)
        self._entries = _listed(scenes)
        self._rasterizer = choose_rasterizer("auto", self._device)
        names, highest = list(self._entries), model.settings.levels - 1
        self.control = AdoptedControl(self._adopted)
        self.row_a = ViewerNote("")
        self.row_b = ViewerDropdown("Scene", names[0], names, cb_hook=self._changed)
        self.row_c = ViewerSlider("Photos", photos, VIEWS[0], VIEWS[-1], 1, cb_hook=self._changed)
        self.row_d = ViewerSlider("Level", highest, 0, max(1, highest), 1, cb_hook=self._changed)
        self._known: tuple[tuple[str, int], Shown] | None = None
        self._show()

    @property
    def device(self) -> torch.device:
        """That draws."""
        return self._device

    @torch.no_grad()
    def get_outputs_for_camera(self, camera: Cameras, obb_box: OrientedBox | None = None) -> dict[str, Tensor]:
        """Draw the scene, inside ``obb_box`` only if one is given.

        Returns:
            ``rgb``, ``accumulation`` and ``depth`` as ``[H, W, C]``.
        """
        check_perspective(camera)
        pinhole = to_camera(camera.to(self._device))
        gaussians = seen_by(self._arrays, pinhole)
        if obb_box is not None:
            gaussians = gaussians.where(obb_box.within(gaussians.means).reshape(-1))
        drawn = self._rasterizer(gaussians, pinhole, with_depth=True)
        outputs = {"rgb": drawn.image, "accumulation": drawn.alpha}
        return outputs if drawn.depth is None else {**outputs, "depth": drawn.depth}

    def _show(self) -> None:
        """Make the scene that the panel asks for, as a file of it would show it."""
        level = min(int(self.row_d.value), self._model.settings.levels - 1)
        seen = self._seen(self.row_b.value, int(self.row_c.value))
        data = self._model.encode(seen.colours, seen.views, level).data
        scene = decoded(data, self._model)
        arrays = (scene.means, scene.quats, scene.scales, scene.opacities, scene.harmonics)
        self._arrays = GaussianArrays(*(torch.from_numpy(array).to(self._device) for array in arrays))
        self.photos = GivenPhotos(seen)
        self.row_a.content = (
            f"**{len(data):,} bytes** at level {level}: {len(self.photos)} photos of {self._size} x {self._size}, "
            f"{len(scene.means):,} Gaussians"
        )

    def _seen(self, name: str, count: int) -> Shown:
        """Photos of a scene that show much of each other; those of the last one asked for are kept."""
        if self._known is None or self._known[0] != (name, count):
            scene, size = self._entries[name].open(), self._size
            cameras = [fitted_camera(camera, size, size) for camera in scene.cameras]
            given = spread_choice(Neighbours(cameras, scene.near, scene.far), count)
            self._known = (name, count), shown(scene, Choice(given, ()), size, size)
        return self._known[1]

    def _changed(self, _: object) -> None:
        """What is not possible is said in the panel: an exception in a thread of the viewer reaches nobody."""
        before = self._known
        try:
            self._show()
        except CsgError as error:
            self._known = before
            self.row_a.content = f"**Not possible:** {error}"
            return
        if before is not self._known:
            self._place_photos()

    def _adopted(self) -> None:
        self.control.viewer.viser_server.on_client_connect(self._look)

    def _place_photos(self) -> None:
        """Draw the photos where they were taken, in place of those before; pages look through the first one."""
        viewer: Viewer = self.control.viewer
        for handle in viewer.camera_handles.values():
            handle.remove()
        viewer.init_scene(self.photos, "completed")  # type: ignore[arg-type]  # what it asks of a dataset
        for client in viewer.viser_server.get_clients().values():
            self._look(client)

    def _look(self, client: ClientHandle) -> None:
        """Let a page look through the first photo, from which the scene is seen as it was."""
        pose = self.photos.cameras.camera_to_worlds[0].numpy().astype(np.float64)
        turn = SO3.from_matrix(pose[:, :3]) @ SO3.from_x_radians(np.pi)
        with client.atomic():
            client.camera.position = pose[:, 3] * VISER_NERFSTUDIO_SCALE_RATIO
            client.camera.wxyz = turn.wxyz
            client.camera.up_direction = pose[:, 1]


def _listed(scenes: ManyScenes) -> dict[str, Entry]:
    """Scenes by what the panel calls them, those held out first."""
    found: dict[str, Entry] = {}
    for entry, part in _in_parts(scenes):
        name = f"{Path(entry.name).name}, {part}"
        found[name if name not in found else f"{name} ({len(found) + 1})"] = entry
    return found


def _in_parts(scenes: ManyScenes) -> Sequence[tuple[Entry, str]]:
    return [*((entry, "held out") for entry in scenes.held_out), *((entry, "trained on") for entry in scenes.train)]


class ViewedScenes:
    """What the viewer asks a data manager for."""

    includes_time = False
    eval_dataset = None

    def __init__(self, data: Path, scene: SceneShown) -> None:
        """Of a list of scenes, and the one that is shown."""
        self._data, self._scene = data, scene

    def get_datapath(self) -> Path:
        """Where the list lies."""
        return self._data

    @property
    def train_dataset(self) -> GivenPhotos:
        """The photos that the scene is made of."""
        return self._scene.photos


def of_run(model: Model, scenes: ManyScenes, config: Any, device: torch.device | str) -> SceneShown:
    """The scene that is shown of a run at first, with as many photos as it was trained with; errors as of the class."""
    return SceneShown(model, scenes, config.sizes[0], config.views_given[0], device)
