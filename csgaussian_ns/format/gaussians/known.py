"""What a file says of the objects of its Gaussians, in integers, so that it can be coded again with fewer of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.shapes import Int, Int32, Int64
from csgaussian_ns.format.attributes import VALUE_BITS, semantic_layout
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.gaussians.read import GaussianFile
from csgaussian_ns.format.kinds import Run
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.networks.encodings import IntegerFactorised
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.hyperprior import IntegerHyperprior
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.positional import VoxelBox
from csgaussian_ns.format.object_bytes import write_objects
from csgaussian_ns.format.objects import ObjectTexts, object_table
from csgaussian_ns.format.semantic_chunks import encode_semantic_chunk, write_nets


@dataclass(frozen=True)
class Known:
    """The semantic layer of all Gaussians.

    Attributes:
        model: How likely features are.
        everywhere: Gaussians of no object have features, too.
        values: Features in 1/2**16 base step.
        label: Object of each, 1 .. N, or 0 for none.
        texts: Names and embeddings of the N objects.
    """

    model: IntegerModel
    everywhere: bool
    values: Int64[np.ndarray, "G D"]
    label: Int32[np.ndarray, " G"]
    texts: ObjectTexts

    @staticmethod
    def of_labels(label: Int32[np.ndarray, " G"], names: Sequence[str]) -> "Known":
        """Objects whose features are not known: one channel of zeros, which costs nothing."""
        zeros = np.zeros((len(label), 1), np.int64)
        return Known(_certain(), False, zeros, label, ObjectTexts.of(tuple(names), None, ""))

    def named(self, names: Sequence[str]) -> "Known":
        """With other names of the objects."""
        return replace(self, texts=replace(self.texts, names=tuple(names)))

    def at(self, rows: Int[np.ndarray, " M"]) -> "Known":
        """Of some Gaussians; objects that keep none are gone, the others count from 1 again."""
        label = self.label[rows]
        left = np.unique(label[label > 0])
        new = np.zeros(len(self.texts.names) + 1, np.int32)
        new[left] = np.arange(1, len(left) + 1)
        names, vectors = (
            tuple(own[number - 1] for number in left) for own in (self.texts.names, self.texts.embeddings)
        )
        texts = ObjectTexts(names, vectors, self.texts.encoder)
        return Known(self.model, self.everywhere, self.values[rows], new[label], texts)

    def sections(self, grid: Int32[np.ndarray, "G 3"], wheres: Sequence[Run]) -> Iterator[Section]:
        """NETS, LABL and SEMA of each chunk; none where there is nothing to say.

        Args:
            grid: Voxels.
            wheres: Which runs the chunks are.

        Raises:
            QuantisationError: A feature is so far from what the model expects at its voxel that it cannot be coded.
        """
        count = len(self.texts.names)
        if not count and not self.everywhere:
            return
        described, made = (self.label > 0) | self.everywhere, []
        for where in wheres:
            run = slice(where.first_row, where.first_row + where.rows)
            real, of_run = self.values[run] / 2**VALUE_BITS, (self.label[run], described[run])
            made.append(encode_semantic_chunk(self.model, grid[run], real, *of_run, count, where))
        table = object_table(self.label, grid, np.concatenate([integers for _, integers in made]), count)
        yield write_nets(self.model, self.everywhere)
        yield packed_section("LABL", write_objects(table, self.texts))
        for section, _ in made:
            yield section


def known_of(file: GaussianFile, grid: Int32[np.ndarray, "G 3"]) -> Known | None:
    """All that a file says, whose Gaussians lie on these voxels; ``None`` where it says nothing.

    Raises:
        FormatError: Damaged.
    """
    reader = file.semantics
    if reader is None:
        return None
    parts = [reader.chunk(*job) for job in reader.jobs(file.numbers, grid, "auto")]
    values = np.concatenate([np.zeros((0, reader.facts.layout.channels), np.int64), *(part[0] for part in parts)])
    label = np.concatenate([np.zeros(0, np.int32), *(part[1] for part in parts)])
    return Known(reader.model, reader.facts.everywhere, values, label, reader.facts.texts)


def _certain() -> IntegerHyperCarm:
    """An entropy model of one channel that expects 0, as surely as a table can."""
    weight, bias = np.zeros((3, 1), np.int8), np.array([0, -4096, 0], np.int64)
    network = IntegerNetwork((IntegerLayer(weight, bias, np.ones(3, np.int64), 1, -4096, 4096),), 511)
    layout = semantic_layout(1, 1.0)
    return IntegerHyperCarm(layout, IntegerHyperprior(layout, IntegerFactorised(VoxelBox((0, 0, 0), 0)), network))
