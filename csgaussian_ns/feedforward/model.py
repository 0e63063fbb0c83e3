"""A trained network as its file of weights holds it: photos to the bytes of a scene and back, without torch."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.errors import ConfigError, DataError, FormatError
from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.feedforward.backbone import FeatureBackbone
from csgaussian_ns.feedforward.heads import OUTPUTS, GaussianArrays
from csgaussian_ns.feedforward.layers import Needed
from csgaussian_ns.feedforward.likely import GAIN, LatentModel
from csgaussian_ns.feedforward.network import Network
from csgaussian_ns.feedforward.settings import FEATURE_CELL, Settings
from csgaussian_ns.feedforward.views import Views, check_overlap
from csgaussian_ns.format.attributes import VALUE_BITS
from csgaussian_ns.format.facts import Facts
from csgaussian_ns.format.latents.coding import CodedLatents, EncodedLatents, encode_latents
from csgaussian_ns.format.latents.meta import LatentMeta
from csgaussian_ns.format.latents.model import IntegerLatentModel
from csgaussian_ns.format.latents.weights import Weights, read_weights, write_weights
from csgaussian_ns.format.limits import DecodeLimits

_COPIES, _SAMPLE, _PLACE = 3, 10, 24
"""Arrays at a time: of the inputs of a convolution, of samples of a sweep, of numbers about its places."""
CODER = "coder"
"""Name of the array with the bytes of the entropy model."""


@runtime_checkable
class Refiner(Protocol):
    """Improves a latent for the photos that it is of."""

    def __call__(
        self,
        model: "Model",
        photos: Float32[np.ndarray, "V 3 H W"],
        views: Views,
        level: int,
        values: Float32[np.ndarray, "V L h w"],
    ) -> Float32[np.ndarray, "V L h w"]:
        """The latent in steps, in place of ``values``.

        Args:
            model: Decodes it.
            photos: Colours in [0, 1].
            views: Their cameras, as the decoder will know them.
            level: Of the rate.
            values: What the network makes of the photos.
        """
        ...


@dataclass(frozen=True)
class Model:
    """Weights, and all that is done with them.

    Attributes:
        digest: SHA-256 of their file: what files of scenes name.
        settings: Sizes.
        coder: Of latents.
        parameters: By name; those of the backbone may be missing, then it only decodes.
        own_backbone: Makes features in place of ours.
    """

    digest: str
    settings: Settings
    coder: IntegerLatentModel
    parameters: Mapping[str, np.ndarray] = field(repr=False)
    own_backbone: FeatureBackbone | None = field(default=None, repr=False)

    @property
    def network(self) -> Network:
        """What is done with the parameters."""
        return Network(self.settings, self.own_backbone)

    @property
    def likely(self) -> LatentModel:
        """Gains, and the analysis of latents."""
        return LatentModel(self.settings)

    def rows(self, views: int, width: int, height: int) -> int:
        """Gaussians of so many photos of so many pixels."""
        side = FEATURE_CELL // self.settings.upsampling
        return views * (width // side) * (height // side)

    def encode(
        self,
        photos: Float32[np.ndarray, "V 3 H W"],
        views: Views,
        level: int,
        meta: Facts | None = None,
        refine: Refiner | None = None,
    ) -> EncodedLatents:
        """The bytes of a file.

        Args:
            photos: Colours in [0, 1].
            views: Their cameras.
            level: Of the rate, 0 for the fewest bytes.
            meta: Facts that all scenes have; those of a scene without a name by default.
            refine: Improves the latent before it is coded.

        Raises:
            DataError: The photos are not those of the views, or the views show nothing of each other.
            ConfigError: There is no such level, or the weights are a decoder's alone.
        """
        self._check(photos, views, level)
        meta = self._facts(views, level, meta)
        numbers = views.numbers
        seen = Views.of_numbers(numbers, meta)  # as the decoder will know them
        gains = self.likely.gains(self.parameters, level)
        values = self.network.latent(self.parameters, photos, seen) * gains
        if refine is not None:
            values = refine(self, photos, seen, level, values)
        hyper = self.likely.hyper_analysis(self.parameters, values)
        rows = self.rows(len(views), views.width, views.height)
        return encode_latents(hyper, values, numbers, meta, self.coder, rows)

    def _facts(self, views: Views, level: int, meta: Facts | None) -> LatentMeta:
        told = LatentMeta(self.digest, level, len(views), views.width, views.height, views.near, views.far)
        if meta is None:
            return told
        return replace(told, **{part.name: getattr(meta, part.name) for part in fields(Facts)})

    def _check(self, photos: Float32[np.ndarray, "V 3 H W"], views: Views, level: int) -> None:
        expected = (len(views), 3, views.height, views.width)
        if photos.shape != expected or not np.isfinite(photos).all():
            raise DataError(f"photos: expected finite numbers of shape {expected}, got {photos.shape}")
        if not 0 <= level < self.settings.levels:
            raise ConfigError(f"level {level}: the model has levels 0..{self.settings.levels - 1}")
        missing = [part.name for part in self._encoder() if part.name not in self.parameters]
        if missing:
            raise ConfigError(f"the weights {self.digest[:16]}.. only decode: they have no {missing[0]}")
        check_overlap(views)

    def _encoder(self) -> Iterator[Needed]:
        for part in (self.network.backbone, self.network.analysis, self.likely.hyper_analysis):
            yield from part.needed()

    def check(self, meta: LatentMeta, limits: DecodeLimits) -> None:
        """Refuse what ``gaussians`` would need too much for.

        Raises:
            LimitExceeded: More than ``limits`` allow.
        """
        sizes, what = self.settings, f"the network for {meta.views} views of {meta.width} x {meta.height}"
        side = sizes.latent_cell // FEATURE_CELL
        places = meta.views * math.prod(side * count for count in meta.latent_size(sizes.latent_cell))
        rows = self.rows(meta.views, meta.width, meta.height)
        limits.check("max_rows", rows, what)
        widest = 9 * max(2 * sizes.channels + 1, sizes.channels + sizes.planes)
        swept = sizes.planes * (_SAMPLE * sizes.matching + _PLACE)
        memory = 4 * (places * (_COPIES * widest + sizes.planes * 4) + rows * _COPIES * OUTPUTS)
        limits.check("max_memory_bytes", memory + 4 * (places // meta.views) * swept, what)
        weights = sum(math.prod(part.shape) for part in self.network.needed_to_decode())
        swept = sizes.planes * sizes.matching * sizes.partners
        limits.check("max_network_operations", places * (weights + swept), what)

    def gaussians(self, coded: CodedLatents) -> GaussianArrays:
        """The scene of a decoded file. Other libraries, and other machines, differ in its last digits.

        Raises:
            FormatError: The file promises another number of Gaussians.
        """
        meta = coded.meta
        rows = self.rows(meta.views, meta.width, meta.height)
        if rows != coded.rows:
            raise FormatError(f"the file promises {coded.rows} Gaussians, its latents make {rows}; it is damaged")
        gains = self.likely.gains(self.parameters, meta.level)
        latent = (coded.latents.values / 2.0**VALUE_BITS).astype(np.float32) / gains
        with np.errstate(all="ignore"):  # of cameras that make no sense come Gaussians that are not finite, nor drawn
            return self.network.gaussians(self.parameters, latent, Views.of_numbers(coded.cameras, meta))


def read_model(data: bytes, backbone: FeatureBackbone | None = None) -> Model:
    """A model out of its file. The input is not trusted.

    Args:
        data: The file.
        backbone: That the weights were trained with, where it was not ours.

    Raises:
        FormatError: Not such a file, damaged, or of a network that this version does not know.
    """
    weights = read_weights(data)
    try:
        settings = Settings.of_json(weights.settings)
    except ConfigError as error:
        raise FormatError(f"weights: {error}") from error
    coder = IntegerLatentModel.from_bytes(_coder_bytes(weights), settings.latent_cell)
    if (coder.levels, coder.hyper_channels, coder.channels) != (settings.levels, settings.hyper, settings.latent):
        raise FormatError("weights: the coder of latents is not of the sizes of the network; the file is damaged")
    parameters = {name: array for name, array in weights.arrays.items() if array.dtype == np.float32}
    model = Model(weights.digest, settings, coder, parameters, backbone)
    gain = Needed(GAIN, (settings.levels, settings.latent), 0.0)
    for part in (*model.network.needed_to_decode(), gain):
        if part.name not in parameters:
            raise FormatError(f"weights: {part.name} is missing; the file is damaged, or of another version")
    known = {part.name: part.shape for part in (*model.network.needed(), *model.likely.needed())}
    for name, array in parameters.items():
        if array.shape != known.get(name, array.shape):
            raise FormatError(f"weights: {name} has the shape {array.shape}, expected {known[name]}")
    return model


def _coder_bytes(weights: Weights) -> bytes:
    coder = weights.arrays.get(CODER)
    if coder is None or coder.dtype != np.uint8 or coder.ndim != 1:
        raise FormatError(f"weights: {CODER!r} is missing, or is no row of bytes; the file is damaged")
    return coder.tobytes()


def write_model(settings: Settings, parameters: Mapping[str, np.ndarray], coder: IntegerLatentModel) -> bytes:
    """The file of a model: gains in single precision, all else in half.

    Args:
        settings: Sizes.
        parameters: By name.
        coder: Of latents.

    Raises:
        FormatError: Numbers that half precision cannot hold, or parameters that do not fit.
    """
    arrays = {name: np.asarray(array, np.float32 if name == GAIN else np.float16) for name, array in parameters.items()}
    coded = {CODER: np.frombuffer(coder.to_bytes(), np.uint8)}
    return write_weights(settings.to_json(), {**arrays, **coded})
