"""What a step of training gets: some photos of one of many scenes, and others of it to be foreseen."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.core.shapes import Float32, UInt8
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.choosing import Neighbours, choose
from csgaussian_ns.feedforward.fitting import as_network_takes, fitted_camera, fitted_depth, fitted_photo
from csgaussian_ns.feedforward.many import Entry
from csgaussian_ns.feedforward.posed import PosedScene
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.format.latents.meta import CELL, VIEWS

CACHE_BYTES = 1 << 29
"""Photos at the network's size that are kept in memory."""
OPEN_SCENES = 64
_K = TypeVar("_K")
_V = TypeVar("_V")


class Batch(NamedTuple):
    """One step's scene, in numpy.

    Attributes:
        photos: Given, colours in [0, 1].
        views: Their cameras.
        targets: To be foreseen, with their cameras.
        level: Of the rate.
        scene: Its name.
        depths: How far the pixels of the photos given are away; 0 where nothing is known.
    """

    photos: Float32[np.ndarray, "V 3 H W"]
    views: Views
    targets: list[tuple[Float32[np.ndarray, "H W 3"], Camera]]
    level: int
    scene: str
    depths: Float32[np.ndarray, "V H W"]


@dataclass(frozen=True)
class BatchOptions:
    """How steps choose.

    Attributes:
        given: Numbers of photos that are given; each step takes one of them.
        targets: Photos to be foreseen.
        sizes: Sides of the square photos in pixels; each step takes one of them.
        levels: Rates of the network; each step takes one of them.
        varied: Whether scenes are mirrored, and their colours exchanged, by chance.
        seed: Of all choices: those of a step depend on it and the step's number alone.
    """

    given: tuple[int, ...] = (2,)
    targets: int = 2
    sizes: tuple[int, ...] = (128,)
    levels: int = 6
    varied: bool = True
    seed: int = 0

    def check(self) -> None:
        """See that they can work.

        Raises:
            ConfigError: They cannot.
        """
        if not self.given or not all(count in VIEWS for count in self.given):
            raise ConfigError(f"views given {self.given}: expected numbers of {VIEWS[0]} to {VIEWS[-1]}")
        if not self.sizes or not all(size >= 2 * CELL and size % CELL == 0 for size in self.sizes):
            raise ConfigError(
                f"sizes {self.sizes}: expected multiples of {CELL} from {2 * CELL} on, such as 128 or 256"
            )
        if self.targets < 1:
            raise ConfigError(f"targets {self.targets}: expected at least 1")


class Batches:
    """Steps over many scenes: each once, in an order by chance, then each again in another one.

    Scenes of one file follow each other, as such files are large.
    """

    def __init__(self, entries: Sequence[Entry], options: BatchOptions) -> None:
        """See that there is something to choose from.

        Raises:
            ConfigError, DataError: Options that cannot work, or no scene.
        """
        options.check()
        if not entries:
            raise DataError("no scenes; name some in scenes.json")
        self._entries, self.options = list(entries), options
        self._scenes: OrderedDict[int, PosedScene] = OrderedDict()
        self._neighbours: OrderedDict[tuple[int, int], Neighbours] = OrderedDict()
        self._photos: OrderedDict[tuple[int, int, int], UInt8[np.ndarray, "H W 3"]] = OrderedDict()
        self._bytes = 0
        self._order: tuple[int, list[int]] = (-1, [])

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self._entries)

    def at(self, step: int) -> Batch:
        """What a step gets; always the same for one number.

        Raises:
            DataError: A photo or a scene cannot be read.
        """
        options, generator = self.options, np.random.default_rng([self.options.seed, 1, step])
        number = self._scene_of(step)
        level = int(generator.integers(options.levels))
        size = int(generator.choice(options.sizes))
        neighbours = self.neighbours(number, size)
        choice = choose(neighbours, int(generator.choice(options.given)), options.targets, generator)
        batch = self.batch(number, size, choice.given, choice.targets, level)
        return _varied(batch, generator) if options.varied else batch

    def batch(self, number: int, size: int, given: Sequence[int], targets: Sequence[int], level: int) -> Batch:
        """Of a scene of a number, with photos of numbers."""
        scene, cameras = self.scene(number), self.neighbours(number, size).cameras
        photos = as_network_takes([self._photo(number, size, view) for view in given])
        views = Views.of_cameras([cameras[view] for view in given], scene.near, scene.far)
        shown = [(self._photo(number, size, view).astype(np.float32) / 255, cameras[view]) for view in targets]
        depths = np.stack([self._depth(number, size, view) for view in given])
        return Batch(photos, views, shown, level, self._entries[number].name, depths)

    def scene(self, number: int) -> PosedScene:
        """Of a number; the last ones stay open."""
        return _kept(self._scenes, number, self._entries[number].open, OPEN_SCENES)

    def neighbours(self, number: int, size: int) -> Neighbours:
        """Of a scene's cameras at a size."""

        def made() -> Neighbours:
            scene = self.scene(number)
            return Neighbours([fitted_camera(one, size, size) for one in scene.cameras], scene.near, scene.far)

        return _kept(self._neighbours, (number, size), made, 4 * OPEN_SCENES)

    def _photo(self, number: int, size: int, view: int) -> UInt8[np.ndarray, "H W 3"]:
        key = (number, size, view)
        if key not in self._photos:
            self._photos[key] = fitted_photo(self.scene(number).read(view), size, size)
            self._bytes += self._photos[key].nbytes
            while self._bytes > CACHE_BYTES:
                self._bytes -= self._photos.popitem(last=False)[1].nbytes
        self._photos.move_to_end(key)
        return self._photos[key]

    def _depth(self, number: int, size: int, view: int) -> Float32[np.ndarray, "H W"]:
        found = self.scene(number).depth(view)
        return np.zeros((size, size), np.float32) if found is None else fitted_depth(found, size, size)

    def _scene_of(self, step: int) -> int:
        turn, place = divmod(step, len(self))
        if self._order[0] != turn:
            generator = np.random.default_rng([self.options.seed, 0, turn])
            files = list(dict.fromkeys(entry.file for entry in self._entries))
            rank = dict(zip(files, generator.permutation(len(files)).tolist(), strict=True))
            shuffled = generator.permutation(len(self)).tolist()
            self._order = turn, sorted(shuffled, key=lambda number: rank[self._entries[number].file])
        return self._order[1][place]


def _kept(store: OrderedDict[_K, _V], key: _K, make: Callable[[], _V], most: int) -> _V:
    if key not in store:
        store[key] = make()
        while len(store) > most:
            store.popitem(last=False)
    store.move_to_end(key)
    return store[key]


def _varied(batch: Batch, generator: np.random.Generator) -> Batch:
    """The scene with its colours exchanged, and in a mirror, by chance."""
    colours = generator.permutation(3) if generator.random() < 0.5 else np.arange(3)
    photos = batch.photos[:, colours]
    targets = [(photo[..., colours], camera) for photo, camera in batch.targets]
    views, depths = batch.views, batch.depths
    if generator.random() < 0.5:
        photos, depths = photos[..., ::-1], np.ascontiguousarray(depths[..., ::-1])
        targets = [(photo[:, ::-1], _mirrored(camera)) for photo, camera in targets]
        lens = views.lens.copy()
        lens[:, 2] = views.width - lens[:, 2]
        views = replace(views, world_to_camera=_MIRROR @ views.world_to_camera @ _MIRROR, lens=lens)
    photos = np.ascontiguousarray(photos)
    return batch._replace(
        depths=depths,
        photos=photos,
        views=views,
        targets=[(np.ascontiguousarray(photo), camera) for photo, camera in targets],
    )


_MIRROR = np.diag([-1.0, 1.0, 1.0, 1.0])
"""Of the x axis, of the world as of cameras."""


def _mirrored(camera: Camera) -> Camera:
    pose = (_MIRROR @ camera.world_to_camera @ _MIRROR).astype(np.float32)
    return replace(camera, world_to_camera=pose, cx=camera.width - camera.cx)
