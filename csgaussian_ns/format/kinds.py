"""The kinds of sections that this version knows, and what the table of contents may say of each.

FORMAT.md, section "Sections", is the normative text.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from csgaussian_ns.core.errors import FormatError, UnsupportedVersion


class Layer(IntEnum):
    """Which reader needs a section. Layers from SEMANTIC on lie last and may be cut off."""

    COMMON = 0
    COLOUR = 1
    SEMANTIC = 2


class Run(NamedTuple):
    """A chunk: its number, and the rows of the scene that it holds; see ``SectionInfo``."""

    chunk: int = 0
    first_row: int = 0
    rows: int = 0


NO_RUN = Run()
"""Of sections about no rows in particular."""


@dataclass(frozen=True)
class SectionInfo:
    """What the table of contents says about a section, apart from where it lies.

    Attributes:
        kind: Type, four characters out of A-Z and 0-9.
        layer: Which reader needs it.
        critical: A reader that does not know ``kind`` must refuse the file.
        chunk: Number of the spatial chunk among the sections of this kind.
        codec: How the body is coded; the numbers belong to the kind.
        symbols: Number of coded values, 0 where that means nothing.
        first_row: First row it is about: anchors, Gaussians, or what the scene is made of, in the order of the file.
        rows: Number of rows it is about; 0 when it is about none in particular.
        decoded_crc: CRC-32 of what decoding gives, as the kind defines it; 0 where it defines none.
        known_answer_crc: CRC-32 of network outputs that a decoder must reproduce first; 0 where the kind has none.
    """

    kind: str
    layer: Layer = Layer.COMMON
    critical: bool = True
    chunk: int = 0
    codec: int = 0
    symbols: int = 0
    first_row: int = 0
    rows: int = 0
    decoded_crc: int = 0
    known_answer_crc: int = 0

    @property
    def run(self) -> Run:
        """Which chunk it is of, and the rows it is about."""
        return Run(self.chunk, self.first_row, self.rows)

    def __str__(self) -> str:
        return f"section {self.kind} chunk {self.chunk}"


@dataclass(frozen=True)
class Kind:
    """What holds for all sections of a kind.

    Attributes:
        layer: Where they belong.
        chunked: They share out the rows of the scene; else there is one, about no rows in particular.
        counted: They say how many values they hold.
        answered: They say what a network answers.
        modelled: They hold an entropy model, whose number is a part of their codec.
        max_content: Bytes of the plain content of one that may be deflated.
        essential: A reader must know them although their layer may be cut off.
    """

    layer: Layer
    chunked: bool = False
    counted: bool = False
    answered: bool = False
    modelled: bool = False
    max_content: int = 1 << 24
    essential: bool = False

    @property
    def critical(self) -> bool:
        """Whether a reader must know them."""
        return self.layer < Layer.SEMANTIC or self.essential

    def check(self, info: SectionInfo) -> None:
        """Refuse what no section of this kind says.

        Raises:
            FormatError: It does.
        """
        if (info.layer, info.critical) != (self.layer, self.critical):
            raise FormatError(
                f"{info}: layer {info.layer.name}, critical {info.critical}; expected {self.layer.name} and "
                f"{self.critical}"
            )
        zeros = {} if self.chunked else info.run._asdict()
        zeros |= {} if self.counted else {"symbols": info.symbols}
        zeros |= {} if self.answered else {"known_answer_crc": info.known_answer_crc}
        if any(zeros.values()):
            raise FormatError(
                f"{info}: expected zeros where its kind defines nothing, found {zeros}; the file is damaged"
            )


KINDS = {
    "META": Kind(Layer.COMMON, max_content=1 << 16),
    "NETE": Kind(Layer.COMMON, modelled=True),
    "NETR": Kind(Layer.COMMON),
    "POSI": Kind(Layer.COMMON, chunked=True),
    "MASK": Kind(Layer.COLOUR, chunked=True, counted=True),
    "COLR": Kind(Layer.COLOUR, chunked=True, counted=True, answered=True),
    "SPLT": Kind(Layer.COLOUR, chunked=True, counted=True),
    "PART": Kind(Layer.COLOUR, chunked=True),
    "VIEW": Kind(Layer.COMMON),
    "LATN": Kind(Layer.COLOUR, counted=True),
    "NETS": Kind(Layer.SEMANTIC, modelled=True),
    "LABL": Kind(Layer.SEMANTIC),
    "OPAC": Kind(Layer.SEMANTIC, max_content=1 << 16),
    "TREE": Kind(Layer.SEMANTIC, max_content=1 << 18),
    "SEMA": Kind(Layer.SEMANTIC, chunked=True, counted=True, answered=True),
    "EDIT": Kind(Layer.SEMANTIC, essential=True, max_content=1 << 20),
}

SEMANTIC_KINDS = tuple(kind for kind, known in KINDS.items() if known.layer is Layer.SEMANTIC)
"""Of the layer that may be cut off, whatever a scene is made of."""


def info_of(kind: str, run: Run = NO_RUN, **fields: int) -> SectionInfo:
    """What the table of contents says of a section of a known kind; ``fields`` as of ``SectionInfo``."""
    return SectionInfo(kind, KINDS[kind].layer, KINDS[kind].critical, **run._asdict(), **fields)


def check_codec(info: SectionInfo) -> None:
    """Refuse a body that is coded in another way than the only one its kind has.

    Raises:
        UnsupportedVersion: It is.
    """
    if info.codec:
        raise UnsupportedVersion(f"{info}: codec {info.codec} is unknown, expected 0; a newer reader is needed")


def compare_crc(expected: int, found: int, where: str) -> None:
    """Refuse decoded content with another checksum than the table of contents has.

    Raises:
        FormatError: They differ.
    """
    if expected != found:
        raise FormatError(f"{where}: decoded content has checksum {found:#010x}, expected {expected:#010x}; damaged")
