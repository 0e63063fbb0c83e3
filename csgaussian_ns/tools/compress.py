"""``csg compress``: two to twelve photos with cameras to a scene of some kilobytes, without training."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import WeightsFile
from csgaussian_ns.tools.maybe import Maybe
from csgaussian_ns.tools.outputs import output_folder

if TYPE_CHECKING:
    from csgaussian_ns.feedforward.refining import Refining
    from csgaussian_ns.receiver.of_photos import Photos


@dataclass(frozen=True)
class Compress:
    """Make a .csg file of two to twelve photos of one place, by a network that was trained before.

    The file names the weights of the network, and is shown by them alone.
    """

    views: tuple[Path, ...]
    """The photos."""
    camera: Path
    """The capture that has their cameras: transforms.json, or a folder as of csg render --camera."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The .csg file to write."""
    level: Maybe[int] = None
    """Of the rate, 0 for the fewest bytes; the highest that the weights have by default."""
    target_size: Maybe[str] = None
    """Bytes that the file may have, such as 8kB or 6KiB; the highest level that keeps to it is taken."""
    size: int = 256
    """Pixels along the longer side of the photos as the network gets them; best as it was trained."""
    near: Maybe[float] = None
    """Depth, in units of the capture, before which there is nothing; by default what the capture tells, or its points
    or cameras say."""
    far: Maybe[float] = None
    """Depth beyond which there is nothing."""
    refine: int = 0
    """Steps of gradients on these photos before coding; needs torch, and so many steps take a few CPU seconds for
    every ten. The photos themselves come out better, and other views may come out worse when there are many."""
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Read, compress, write, read back, measure."""
        if self.output.suffix.lower() != ".csg":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .csg")
        from csgaussian_ns.core.files import replace_file
        from csgaussian_ns.core.sizes import parse_size
        from csgaussian_ns.feedforward.depths import told_range
        from csgaussian_ns.feedforward.found import model_to_compress_by
        from csgaussian_ns.receiver.of_photos import compress, photos_of

        if self.level is not None and self.target_size is not None:
            raise ConfigError("--level and --target-size are given; expected one of them")
        most = None if self.target_size is None else parse_size(self.target_size, "--target-size")
        asked = self.near is not None or self.far is not None
        depths = told_range(self.near, self.far, "--near and --far: ") if asked else None
        model = model_to_compress_by()
        photos = photos_of(self.camera, self.views, depths)
        began = time.perf_counter()
        refiner = None if self.refine == 0 else _refiner(self.refine)
        tool = f"csgaussian_ns {__version__}"
        made = compress(photos, model, self.size, self.level, most, tool, refine=refiner)
        seconds = time.perf_counter() - began
        with output_folder(self.output.parent):
            replace_file(self.output, made.data)
        psnr = _likeness(made.data, photos)
        facts = {
            "output": str(self.output),
            "bytes": len(made.data),
            "level": made.level,
            "views": len(self.views),
            "width": made.width,
            "height": made.height,
            "near": photos.near,
            "far": photos.far,
            "weights": model.digest,
            "psnr": psnr,
            "seconds": seconds,
        }
        refined = ""
        if refiner is not None:
            before = _likeness(made.plain, photos)
            facts |= {"refine": self.refine, "psnr_before": before, "bytes_before": len(made.plain)}
            refined = f", refined from {before:.2f} dB at {len(made.plain):,} bytes"
        words = (
            f"{self.output}: {len(made.data):,} bytes, {len(self.views)} views of {made.width} x {made.height} at "
            f"level {made.level}, depths {photos.near:.3g} to {photos.far:.3g}; {psnr:.2f} dB PSNR against these "
            f"photos{refined}; {seconds:.1f} s; shown by the weights {model.digest[:16]}.."
        )
        answer(self.json, facts, words)


def _refiner(steps: int) -> "Refining":
    """Of so many steps, which says how far it is."""
    from csgaussian_ns.feedforward.refining import Refining
    from csgaussian_ns.tools.progress import with_progress

    return Refining(steps, each=lambda numbers: with_progress(numbers, "refining"))


def _likeness(data: bytes, photos: "Photos") -> float:
    """Mean PSNR of what the file shows against the photos as the network got them, dB."""
    import numpy as np

    from csgaussian_ns.feedforward.fitting import fitted_camera, fitted_photo
    from csgaussian_ns.format.container import read_container
    from csgaussian_ns.format.latents.meta import latent_meta_of
    from csgaussian_ns.receiver.load import load

    meta = latent_meta_of(read_container(data))
    scene = load(data)
    found = []
    for camera, pixels in zip(photos.cameras, photos.pixels, strict=True):
        shown = scene.render(fitted_camera(camera, meta.width, meta.height)).astype(np.float64)
        error = np.mean((shown - fitted_photo(pixels, meta.width, meta.height)) ** 2) / 255**2
        found.append(-10 * np.log10(max(error, 1e-12)))
    return float(np.mean(found))
