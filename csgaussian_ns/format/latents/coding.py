"""Files of latents: from integers to bytes and back. The input of readers is not trusted. FORMAT.md, section 18."""

import hashlib
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.errors import ConfigError, FormatError
from csgaussian_ns.core.shapes import Float, Float32, Int64
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.container import Container, pack
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import write_facts
from csgaussian_ns.format.kinds import check_codec, compare_crc, info_of
from csgaussian_ns.format.latents.cameras import read_cameras, write_cameras
from csgaussian_ns.format.latents.meta import LatentMeta, latent_meta_of
from csgaussian_ns.format.latents.model import IntegerLatentModel, Latents, even_places, rows_of
from csgaussian_ns.format.layout import Entry, MustUnderstand, Section
from csgaussian_ns.format.limits import DecodeLimits, within_memory
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import ChannelPrior
from csgaussian_ns.format.streams import rans
from csgaussian_ns.format.streams.symbol_tables import load_tables

LATENT_KINDS = ("META", "VIEW", "LATN", "EDIT")


@dataclass(frozen=True)
class CodedLatents:
    """A decoded file of latents, up to what needs no more than integers.

    Attributes:
        latents: Exactly those of the encoder.
        cameras: As ``latents.cameras`` has them.
        meta: Facts.
        rows: Gaussians that the file promises.
        edits: What shall be seen of the scene.
    """

    latents: Latents
    cameras: Float32[np.ndarray, "V 10"]
    meta: LatentMeta
    rows: int
    edits: tuple[Edit, ...] = ()

    def digest(self) -> str:
        """SHA-256 of everything that was decoded as integers, the same on every device.

        Of these bytes, little endian: the model's SHA-256 (32 bytes); i64 hyper-latents, then latents, place by place;
        f32 cameras.
        """
        hasher = hashlib.sha256(bytes.fromhex(self.meta.model))
        for part in self.latents:
            hasher.update(rows_of(part).astype("<i8").tobytes())
        hasher.update(self.cameras.astype("<f4").tobytes())
        return hasher.hexdigest()


class EncodedLatents(NamedTuple):
    """The bytes of a file, and what a decoder gets out of it."""

    data: bytes
    latents: Latents


def encode_latents(
    hyper: Float[np.ndarray, "V Z a b"],
    values: Float[np.ndarray, "V L h w"],
    cameras: Float32[np.ndarray, "V 10"],
    meta: LatentMeta,
    model: IntegerLatentModel,
    rows: int,
) -> EncodedLatents:
    """The bytes of a file.

    Args:
        hyper: In steps.
        values: In steps.
        cameras: As ``latents.cameras`` has them.
        meta: Facts.
        model: That ``meta.model`` holds.
        rows: Gaussians that come of it.

    Raises:
        ConfigError: Shapes that are not those of the facts, or facts that no reader takes.
        QuantisationError: A value is not finite, or too far from what was expected.
    """
    size, coarse = meta.latent_size(model.cell), meta.hyper_size(model.cell)
    shapes = ((meta.views, model.hyper_channels, *coarse), (meta.views, model.channels, *size))
    if (hyper.shape, values.shape) != shapes or meta.level >= model.levels:
        raise ConfigError(
            f"latents of {hyper.shape} and {values.shape} at level {meta.level}; facts and model need {shapes} and a "
            f"level below {model.levels}"
        )
    even = even_places(*size)
    groups = [rows_of(hyper), *(values[:, :, chosen].transpose(0, 2, 1) for chosen in (even, ~even))]
    writing = _Writing([group.reshape(-1, group.shape[-1]) for group in groups])
    latents = model.walk(meta.views, size, meta.level, writing)
    stream = rans.encode(np.concatenate(writing.symbols), np.concatenate(writing.tables), load_tables())
    info = info_of("LATN", symbols=_symbols(meta, model), decoded_crc=_crc(latents))
    facts = packed_section("META", write_facts(meta))
    views = Section(info_of("VIEW"), write_cameras(cameras))
    return EncodedLatents(pack([facts, views, Section(info, stream)], rows, MustUnderstand.REPRESENTATION), latents)


def decode_latents(
    container: Container,
    model: IntegerLatentModel,
    limits: DecodeLimits,
    edits: bool = True,
    arithmetic: Arithmetic = "auto",
) -> CodedLatents:
    """Decode an open file of latents.

    Args:
        container: The file.
        model: That its META names; the caller has found it.
        limits: What to refuse before memory is taken or work is done.
        edits: Read what was edited, too.
        arithmetic: Of the networks; never changes the result.

    Raises:
        FormatError: Damaged.
        UnsupportedVersion: It is coded in an unknown way.
        LimitExceeded: It asks for more than ``limits`` allow.
    """
    with within_memory(limits):
        container.refuse_others(LATENT_KINDS, "a scene of latents")
        meta, edited = latent_meta_of(container), edits_of(container) if edits else ()
        view, latent = _once(container, "VIEW"), _once(container, "LATN")
        for entry in (view, latent):
            check_codec(entry.info)
        check_latents(meta, model, limits)
        if latent.info.symbols != _symbols(meta, model):
            raise FormatError(
                f"{latent.info}: promises {latent.info.symbols} symbols, META and model need {_symbols(meta, model)}"
            )
        cameras = read_cameras(container.read(view).body, meta.views)
        reader = rans.Decoder(container.read(latent).body, load_tables())
        latents = model.walk(meta.views, meta.latent_size(model.cell), meta.level, _Reading(reader), arithmetic)
        reader.finish()
        compare_crc(latent.info.decoded_crc, _crc(latents), str(latent.info))
        return CodedLatents(latents, cameras, meta, container.header.rows, edited)


def check_latents(meta: LatentMeta, model: IntegerLatentModel, limits: DecodeLimits) -> None:
    """What facts ask a reader for, before memory is taken.

    Raises:
        FormatError: The model has no such level.
        LimitExceeded: More than ``limits`` allow.
    """
    if meta.level >= model.levels:
        raise FormatError(f"META: level {meta.level}; the model has levels 0..{model.levels - 1}")
    sizes = (meta.latent_size(model.cell), meta.hyper_size(model.cell))
    places, coarse = (meta.views * rows * columns for rows, columns in sizes)
    what = f"latents of {meta.views} views of {meta.width} x {meta.height}"
    limits.check("max_symbols_per_chunk", _symbols(meta, model), what)
    limits.check("max_memory_bytes", model.memory(places, coarse), what)
    limits.check("max_network_operations", model.operations(places, coarse), what)


def _once(container: Container, kind: str) -> Entry:
    found = container.of_kind(kind)
    if len(found) != 1:
        raise FormatError(f"{kind} occurs {len(found)} times, expected once; the file is damaged")
    return found[0]


def _symbols(meta: LatentMeta, model: IntegerLatentModel) -> int:
    sizes = (meta.hyper_size(model.cell), meta.latent_size(model.cell))
    hyper, latent = (rows * columns for rows, columns in sizes)
    return meta.views * (hyper * model.hyper_channels + latent * model.channels)


def _crc(latents: Latents) -> int:
    return zlib.crc32(b"".join(rows_of(part).astype("<i8").tobytes() for part in latents))


class _Writing:
    """Collects symbols and their tables, group by group."""

    def __init__(self, groups: list[np.ndarray]) -> None:
        self._groups = groups
        self.symbols: list[np.ndarray] = []
        self.tables: list[np.ndarray] = []

    def __call__(self, group: int, prior: ChannelPrior) -> Int64[np.ndarray, "n C"]:
        found = prior.symbols(self._groups[group])
        self.symbols.append(found.astype(np.int32).reshape(-1))
        self.tables.append(prior.table.reshape(-1))
        return prior.values(found)


class _Reading:
    """Takes the symbols of each group from a stream."""

    def __init__(self, reader: rans.Decoder) -> None:
        self._reader = reader

    def __call__(self, group: int, prior: ChannelPrior) -> Int64[np.ndarray, "n C"]:
        found = self._reader.take(np.ascontiguousarray(prior.table).reshape(-1))
        return prior.values(found.astype(np.int64).reshape(prior.table.shape))
