"""What writes a file anew: in another order, or without some of its rows. ``representations`` says which does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from csgaussian_ns.core.errors import ConfigError, QuantisationError
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.format.arranged import arranged
from csgaussian_ns.format.coded_file import CodedFile, open_coded
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.gaussians.arranged import arranged_gaussians
from csgaussian_ns.format.gaussians.read import CodedGaussians, GaussianFile, decode_gaussians, open_gaussians
from csgaussian_ns.format.gaussians.thinned import changed_gaussians, thinned_gaussians
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.thinned import AnchorRows, rows_of_file, thinned
from csgaussian_ns.receiver.baked import baked
from csgaussian_ns.semantic.shown import Look

MOST = 16384
"""Anchors of a chunk that is arranged."""


class Writer(ABC):
    """An open file, and as much of its scene as is needed to write it anew. What stays decodes to the same integers.

    Attributes:
        ROW: What a row is called.
        TAKES_LOOKS: Whether motions and colours can be coded; else they stay edits.
        file: Open.
        rows: Voxels and labels.
    """

    ROW: ClassVar[str]
    TAKES_LOOKS: ClassVar[bool]

    file: CodedFile | GaussianFile
    rows: AnchorRows

    @abstractmethod
    def __init__(self, container: Container, limits: DecodeLimits) -> None:
        """Open a file; the input is not trusted.

        Raises:
            FormatError, LimitExceeded: As of ``receiver.load.load``.
        """

    @property
    def position(self) -> Float[np.ndarray, "A 3"]:
        """Of the voxels."""
        return self.rows.grid.astype(np.float32) * np.float32(self.file.meta.voxel_size)

    @property
    def unmoved(self) -> Float[np.ndarray, "A 3"]:
        """The same: edits move rows, and are not applied here."""
        return self.position

    @property
    def slots(self) -> Bool[np.ndarray, "A 1"]:
        """Every row has some; how many is not read."""
        return np.ones((len(self.rows.grid), 1), np.bool_)

    @property
    def objects(self) -> tuple[SceneObject, ...]:
        """Before edits; without text vectors."""
        semantics = self.file.semantics
        return () if semantics is None else semantics.facts.objects(self.file.meta.voxel_size, embeddings=False)

    @property
    def semantics(self) -> SemanticLayer:
        """Labels and objects alone."""
        nothing = np.zeros((len(self.rows.label), 0), np.float32)
        return SemanticLayer(nothing, self.rows.label.astype(np.int64), self.objects)

    @abstractmethod
    def without(
        self, look: Look, kept: Bool[np.ndarray, " A"], changed: Bool[np.ndarray, " A"], names: Sequence[str]
    ) -> bytes:
        """The file without some rows, and without edits.

        Args:
            look: Motions and colours, which are coded where the rows take them.
            kept: Which rows stay.
            changed: Which of these the look changes.
            names: Of all objects.

        Raises:
            FormatError: Damaged, or what is left would change.
            ConfigError: The look takes rows where no file reaches.
        """

    @abstractmethod
    def arranged(self, share: Int[np.ndarray, " A"]) -> bytes:
        """The file in other chunks: rows of a smaller ``share`` come earlier. Without edits.

        Raises:
            FormatError: Damaged.
            UnsupportedVersion: Rows depend on others.
        """


class AnchorWriter(Writer):
    """Of anchors, which lie on voxels and take their colours out of networks for all."""

    ROW, TAKES_LOOKS = "anchor", False

    file: CodedFile

    def __init__(self, container: Container, limits: DecodeLimits) -> None:
        """As of ``Writer``."""
        self.file = open_coded(container)
        self.file.check(limits)
        self.rows = rows_of_file(self.file)

    def without(
        self, look: Look, kept: Bool[np.ndarray, " A"], changed: Bool[np.ndarray, " A"], names: Sequence[str]
    ) -> bytes:
        """As of ``Writer``."""
        return thinned(self.file, self.rows, kept, names)

    def arranged(self, share: Int[np.ndarray, " A"]) -> bytes:
        """As of ``Writer``."""
        return arranged(self.file, share, MOST)


class GaussianWriter(Writer):
    """Of plain Gaussians."""

    ROW, TAKES_LOOKS = "Gaussian", True

    file: GaussianFile

    def __init__(self, container: Container, limits: DecodeLimits) -> None:
        """As of ``Writer``."""
        self.file, self.coded = open_gaussians(container), decode_gaussians(container, limits, edits=False)
        self.rows = AnchorRows(self.coded.rows.grid, _labels(self.coded))

    def without(
        self, look: Look, kept: Bool[np.ndarray, " A"], changed: Bool[np.ndarray, " A"], names: Sequence[str]
    ) -> bytes:
        """As of ``Writer``."""
        if not changed.any():
            return thinned_gaussians(self.file, self.coded, kept, names)
        try:
            return changed_gaussians(self.file, self.coded, baked(self.coded, look, changed), kept, names)
        except QuantisationError as error:
            raise ConfigError(
                f"moved so, the Gaussians fit into no file of their steps, only edits do: {error}"
            ) from error

    def arranged(self, share: Int[np.ndarray, " A"]) -> bytes:
        """As of ``Writer``."""
        return arranged_gaussians(self.file, self.coded.rows, share)


def _labels(coded: CodedGaussians) -> np.ndarray:
    return np.zeros(len(coded), np.int32) if coded.semantics is None else coded.semantics.label.astype(np.int32)
