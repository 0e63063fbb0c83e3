"""``csg masks``: label maps of a scene's photos ahead of training, and contact sheets to look at them."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import make_folder, write_json
from csgaussian_ns.semantic.masks.settings import FallbackSettings, SamSettings, settings_hash
from csgaussian_ns.tools.answer import AsJson, answer

if TYPE_CHECKING:
    import numpy as np

    from csgaussian_ns.capture.transforms import Capture
    from csgaussian_ns.semantic.masks.cache import FilledCache, MaskMaker

REPORT = "masks.json"
WEAK = "weak: regions of similar colour, not objects"


@dataclass(frozen=True)
class Masks:
    """Make the masks that semantic training learns from, one label map per photo, and contact sheets of them."""

    data: Path
    """Scene: the folder of a capture (transforms.json, Blender's or COLMAP's), its file, or a folder of photos."""
    source: Literal["sam", "fallback", "given"] = "sam"
    """sam: Segment Anything, needs --checkpoint. fallback: regions of similar colour; needs no weights and is weak.
    given: only check and draw masks that are there (instance_mask_path in transforms.json, or --labels)."""
    checkpoint: Path | None = None
    """Weights of Segment Anything, as its authors publish them (sam_vit_b, _l or _h); never downloaded for you."""
    sam_variant: Literal["auto", "vit_b", "vit_l", "vit_h"] = "auto"
    """Refuse a checkpoint of another variant; auto takes what the file holds."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where Segment Anything runs; auto takes a GPU if there is one."""
    labels: Path | None = None
    """With --source given: the folder of label maps."""
    output: Path | None = None
    """Folder to fill; what is in it already, made with the same settings from the same photos, is kept. Default:
    outputs/SCENE/masks/SOURCE-HASH, with the hash of the settings, beside the runs of the scene."""
    json: AsJson = False
    sam: SamSettings = field(default_factory=SamSettings)
    fallback: FallbackSettings = field(default_factory=FallbackSettings)

    def run(self) -> None:
        """Make what is missing, draw, and print one line about the result."""
        from csgaussian_ns.capture.folder import find_photos

        self._check()
        photos, capture = find_photos(self.data)
        if self.source == "given":
            self._look(photos, capture)
        else:
            self._make(photos)

    def _check(self) -> None:
        """Raise ConfigError for options that cannot work or do not go together."""
        self.sam.check()
        self.fallback.check()
        if self.source == "sam" and self.checkpoint is None:
            from csgaussian_ns.semantic.masks.sam import DOWNLOADS, how_to_download

            raise ConfigError(
                "--source sam needs weights of Segment Anything: --checkpoint FILE. Fetch one yourself, small to "
                f"large: {' | '.join(map(how_to_download, DOWNLOADS))}. Without weights: --source fallback, which is "
                f"{WEAK}"
            )
        if self.source != "sam" and self.checkpoint is not None:
            raise ConfigError(f"--checkpoint is for --source sam; got --source {self.source}")
        if self.source != "given" and self.labels is not None:
            raise ConfigError(f"--labels is for --source given; got --source {self.source}")

    def _make(self, photos: list[Path]) -> None:
        from csgaussian_ns.semantic.masks.cache import fill
        from csgaussian_ns.tools.progress import with_progress

        digest = self._settings_hash()
        folder = self._folder(f"{self.source}-{digest}")
        note = f" ({WEAK})" if self.source == "fallback" else ""
        made = fill(
            folder,
            photos,
            f"{self.source}/{digest}",
            self._maker,
            lambda work: with_progress(list(work), f"masks by {self.source}{note}"),
        )
        counts, sheets = _draw(folder, made.files, self.source)
        report = {"source": self.source, "settings": asdict(self._settings()), "settings_hash": digest}
        report |= {"weak": self.source == "fallback", "photos": len(photos), "masks_per_photo": counts}
        report |= {} if self.checkpoint is None else {"checkpoint": str(self.checkpoint)}
        write_json(folder / REPORT, report)
        size = sum(file.stat().st_size for file in made.files.values())
        words = (
            f"{folder}: {_counts(made)}, {sum(counts) / len(counts):.1f} masks per photo{note}, "
            f"{size / 1e6:.2f} MB in {_clock(made.seconds)}; look at "
            f"{_sheet_names(sheets)}; train with --pipeline.datamanager.masks {folder}"
        )
        facts = {"output": str(folder), "made": made.made, "bytes": size, "seconds": made.seconds}
        answer(self.json, facts | {"sheets": [str(sheet) for sheet in sheets]} | report, words)

    def _look(self, photos: list[Path], capture: "Capture | None") -> None:
        from csgaussian_ns.semantic.masks.sources import KEY, from_folder, from_transforms

        if self.labels is not None:
            source = from_folder(self.labels, photos)
        elif capture is not None:
            source = from_transforms(capture, photos)
        else:
            raise ConfigError(f"{self.data} holds no capture that could name masks; give a folder with --labels")
        if not source.files:
            raise ConfigError(f"no frame of {self.data} has the key {KEY}; give a folder with --labels")
        folder = self._folder("given")
        counts, sheets = _draw(folder, {photo: source.files.get(photo) for photo in photos}, "given")
        without = len(photos) - len(source.files)
        words = (
            f"{source.description}: {len(source.files)} label maps, {without} photos without, "
            f"{sum(counts) / len(source.files):.1f} masks per photo, {len(source.names)} names; look at "
            f"{_sheet_names(sheets)}"
        )
        facts = {"output": str(folder), "source": "given", "label_maps": len(source.files), "photos": len(photos)}
        facts |= {"masks_per_photo": counts, "names": dict(source.names), "sheets": [str(sheet) for sheet in sheets]}
        answer(self.json, facts, words)

    def _folder(self, name: str) -> Path:
        """The folder to write into, made if it is missing."""
        scene = self.data.resolve()
        scene = scene.parent if scene.suffix == ".json" else scene
        folder = self.output or Path("outputs") / scene.name / "masks" / name
        make_folder(folder)
        return folder

    def _settings(self) -> SamSettings | FallbackSettings:
        return self.sam if self.source == "sam" else self.fallback

    def _settings_hash(self) -> str:
        from csgaussian_ns.semantic.masks.cache import content_hash

        weights = "" if self.checkpoint is None else content_hash(self.checkpoint)
        return settings_hash(self.source, self._settings(), weights)

    def _maker(self) -> "MaskMaker":
        if self.source == "fallback":
            from csgaussian_ns.semantic.masks.fallback import ColourRegions

            return ColourRegions(self.fallback)
        import torch

        from csgaussian_ns.semantic.masks.sam import SamMasks, load_sam

        assert self.checkpoint is not None
        found = "cuda" if torch.cuda.is_available() else "cpu"
        if self.device == "cuda" and found == "cpu":
            raise ConfigError("--device cuda: torch finds no CUDA GPU; leave it out to run on the CPU")
        device = found if self.device == "auto" else self.device
        return SamMasks(load_sam(self.checkpoint, self.sam_variant, device), self.sam)


def _draw(folder: Path, files: dict[Path, Path | None] | dict[Path, Path], source: str) -> tuple[list[int], list[Path]]:
    """Contact sheets of all photos; also the number of masks of each photo."""
    import numpy as np

    from csgaussian_ns.capture.photos import has_size_of_photo, photo_names, read_photo
    from csgaussian_ns.semantic.masks.label_maps import read_label_maps
    from csgaussian_ns.semantic.masks.sheet import pair, write_sheets
    from csgaussian_ns.tools.progress import with_progress

    counts: list[int] = []
    names = photo_names(list(files))

    def pairs() -> Iterator["np.ndarray"]:
        for name, (photo, file) in with_progress(list(zip(names, files.items(), strict=True)), "contact sheets"):
            layers = None if file is None else read_label_maps(file)
            if file is not None and layers is not None:
                has_size_of_photo((layers.shape[2], layers.shape[1]), file, photo)
            found = 0 if layers is None else len(np.unique(layers[layers > 0]))
            counts.append(found)
            title = f"{name}: no label map" if layers is None else f"{name}: {found} masks, {source}"
            yield pair(title, read_photo(photo), layers)

    return counts, write_sheets(folder, pairs())


def _counts(made: "FilledCache") -> str:
    again = f", {made.replaced} of them again because a photo or setting changed" if made.replaced else ""
    return f"{len(made.files)} label maps ({made.made} made{again}, {len(made.files) - made.made} were there)"


def _sheet_names(sheets: Iterable[Path]) -> str:
    first, *rest = sheets
    return f"{first}" + (f" to {rest[-1].name}" if rest else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d} min"
