"""``ns-export csg-bitstream``: a trained run as one ``.csg`` file, verified in a fresh process before it counts."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import tyro

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.ns.given import looking
from csgaussian_ns.semantic.text import DEFAULT_ARCHITECTURE, TextEncoder, load_openclip

if TYPE_CHECKING:
    from rich.progress import TaskID

    from csgaussian_ns.codec.encode import Encoded, TrainedScene
    from csgaussian_ns.codec.scene import TensorScene
    from csgaussian_ns.ns.pipeline import CSGaussianPipeline

SUBCOMMAND = "csg-bitstream"
CAST_RAYS = {
    "ExportPointCloud": "pointcloud",
    "ExportTSDFMesh": "tsdf",
    "ExportPoissonMesh": "poisson",
    "ExportMarchingCubesMesh": "marching-cubes",
}
"""Commands of nerfstudio for methods that cast rays."""


@dataclass
class ExportCsgBitstream:
    """Export a trained csgaussian scene as one compressed .csg file."""

    load_config: Path
    """The run's config.yml."""
    output_dir: Path
    """Folder for scene.csg and its report, scene.json."""
    target_size: str | None = None
    """Make the file of this size, such as 500kB, 1.5MB or 480KiB: at most that, and 2 % less at most where that can be
    reached. Refused where no file is so small. Of a run for many rates (csgaussian-hemgs) by lambda, unless
    --lambda-rate is given; else by coarser steps, see --step-scale for what is lost."""
    target_psnr: float | None = None
    """The same to this PSNR in dB on the held-out photos: at least that, and 0.1 dB more at most where that can be
    reached. Refused where no file is so good."""
    step_scale: float | None = None
    """Coarsen the file by this factor on its quantisation steps, 1 (as trained) to 4, and drop the anchors that
    training views see least of. A run trained with a higher lambda-rate looks better at the same size."""
    coder: Literal["rans", "torchac"] = "rans"
    """Coder of the symbols. torchac is slower, for cross-checks, and both sides need the extra [torchac] (GPL-3.0)."""
    evaluate: bool = True
    """Measure PSNR on the held-out views before and after coding."""
    lambda_rate: float | None = None
    """Weight of the rate, for runs of many (csgaussian-hemgs); by default that of the run. Less gives a larger file."""
    semantics: bool = True
    """Write the semantic layer, features and objects, if the run was trained with masks."""
    data: Path | None = None
    """Of a run of codecsplat: the capture whose photos become the scene."""
    level: int | None = None
    """Of a run of codecsplat: of the rate, 0 for the fewest bytes; the highest by default. --target-size takes one."""
    photos: int = 2
    """Of a run of codecsplat: how many photos of the capture are given to the network, 2 to 12."""
    refine: int = 0
    """Of a run of codecsplat: steps of gradients on these photos before coding."""
    text_weights: Path | None = None
    """Weights of an OpenCLIP encoder. With them the file says what its objects look like, and can be asked by text."""
    text_architecture: str = DEFAULT_ARCHITECTURE
    """OpenCLIP's name of their architecture."""

    def main(self) -> None:
        """What the command does: ``export``, and one line instead of a traceback where that is refused."""
        try:
            from csgaussian_ns.core.files import make_folder
            from csgaussian_ns.ns.export_photos import export_photos, is_many_scenes

            if is_many_scenes(self.load_config):
                make_folder(self.output_dir)
                export_photos(self, verify_in_fresh_process)
            elif self.data is not None or self.level is not None or self.refine:
                raise ConfigError("--data, --level and --refine are for runs of codecsplat; this one holds its scene")
            else:
                self.export()
        except (CsgError, OSError) as error:
            sys.exit(f"{SUBCOMMAND}: {one_line(error)}")

    def export(self) -> None:
        """Encode, verify, report. The file appears under its name only when it is complete and verified.

        Raises:
            CsgError: The run cannot be coded, or the written file does not decode.
        """
        from nerfstudio.utils.rich_utils import CONSOLE

        from csgaussian_ns.codec.decode import decode
        from csgaussian_ns.core.files import make_folder, write_json
        from csgaussian_ns.ns.coarser import asked_for, coded
        from csgaussian_ns.ns.run import load_run

        asked = asked_for(self.target_size, self.target_psnr, self.step_scale, self.evaluate)
        make_folder(self.output_dir)
        encoder = self._text_encoder()
        pipeline = load_run(self.load_config, need_images=self.evaluate or self.semantics)
        if self.lambda_rate is not None:
            pipeline.model.scene.rates.choose(self.lambda_rate)
        target = self.output_dir / "scene.csg"
        began = time.perf_counter()
        scene_to_code = pipeline.trained_scene(self.semantics)
        objects_seconds = time.perf_counter() - began
        report: dict[str, Any] = {"file": str(target), "tool": f"csgaussian_ns {__version__}"}
        if self.evaluate:
            report["before"] = pipeline.quality()
        began = time.perf_counter()
        trained = self._described(pipeline, scene_to_code, encoder)
        report["objects_seconds"] = objects_seconds + time.perf_counter() - began
        began = time.perf_counter()
        made = coded(pipeline, trained, asked, self.coder, self.evaluate, self.lambda_rate is not None)
        encoded, report = made.encoded, report | made.report
        report["encode_seconds"] = time.perf_counter() - began
        began = time.perf_counter()
        scene = decode(encoded.data)
        report["decode_seconds"] = time.perf_counter() - began
        if self.evaluate:
            report["after"] = made.quality or pipeline.quality(scene)
        report |= {
            "bytes": len(encoded.data),
            "bytes_by_section": encoded.bytes_by_kind,
            "share_by_section": {kind: size / len(encoded.data) for kind, size in encoded.bytes_by_kind.items()},
            "semantics": _semantics_report(scene, encoded),
            "anchors": encoded.anchors,
            "offsets": encoded.offsets,
            "ideal_attribute_bytes": encoded.ideal_bits / 8,
            "anchors_trained": len(pipeline.model.scene.anchors),
        }
        _write_verified(target, encoded.data)
        write_json(self.output_dir / "scene.json", report)
        quality = ""
        if self.evaluate:
            quality = f", PSNR {report['before']['psnr']:.2f} -> {report['after']['psnr']:.2f} dB on held-out views"
        CONSOLE.print(
            f"[bold green]{target}[/bold green]: {len(encoded.data) / 1e6:.3f} MB, {encoded.anchors:,} anchors with "
            f"{encoded.offsets:,} Gaussians{_objects_line(report['semantics'])}{quality}{made.words}, verified by "
            "decoding in a fresh process"
        )

    def _text_encoder(self) -> TextEncoder | None:
        """Before anything else, so that what is wrong with it shows at once."""
        if self.text_weights is None:
            return None
        import torch

        return load_openclip(self.text_weights, self.text_architecture, "cuda" if torch.cuda.is_available() else "cpu")

    @staticmethod
    def _described(
        pipeline: "CSGaussianPipeline", trained: "TrainedScene", encoder: TextEncoder | None
    ) -> "TrainedScene":
        """``trained`` with vectors of its objects, under a bar of progress; as it is without an encoder."""
        if encoder is None:
            return trained
        from nerfstudio.utils.rich_utils import CONSOLE
        from rich.progress import Progress

        from csgaussian_ns.ns.object_vectors import with_vectors

        with Progress(console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal) as bar:
            tasks: dict[str, TaskID] = {}

            def tell(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done)

            return with_vectors(pipeline.datamanager, trained, encoder, tell)


def _write_verified(target: Path, data: bytes) -> None:
    """Put a file in its place once it has been decoded elsewhere."""
    from csgaussian_ns.core.files import replace_file

    replace_file(target, data, verify_in_fresh_process)


def _semantics_report(scene: "TensorScene", encoded: "Encoded") -> dict[str, Any] | None:
    """What the semantic layer holds and takes; ``None`` without one."""
    if scene.semantics is None:
        return None
    size = sum(
        encoded.bytes_by_kind[kind] for kind in ("NETS", "LABL", "OPAC", "SEMA") if kind in encoded.bytes_by_kind
    )
    return {
        "objects": len(scene.semantics.objects),
        "names": [thing.name for thing in scene.semantics.objects],
        "anchors_in_objects": sum(thing.anchors for thing in scene.semantics.objects),
        "bytes": size,
        "share": size / len(encoded.data),
    }


def _objects_line(semantics: dict[str, Any] | None) -> str:
    if semantics is None:
        return ""
    return f", {semantics['objects']} objects ({100 * semantics['share']:.1f} % of the file)"


def verify_in_fresh_process(path: Path, *options: str) -> None:
    """Decode ``path`` in a new interpreter that shares nothing with this one, with options of ``csg verify``.

    Raises:
        CsgError: It does not decode; the message is the decoder's.
    """
    command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "verify", str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CsgError(f"the file that was written does not decode: {done.stderr.strip() or done.stdout.strip()}")


def add_to_ns_export() -> None:
    """Make ``ns-export`` list our subcommand beside its own, and commands look at the run that they are given.

    nerfstudio has no entry point for exporters: ``ns-export`` calls ``tyro.cli`` on a union of its own commands. This
    wraps ``tyro.cli`` once; a call with that union gets ours appended, and those of its own that know nothing of our
    runs replaced (``ns.export_plain``). Any other call is passed on untouched.
    """
    original = tyro.cli
    if getattr(original, "_csgaussian", False):
        return

    def cli(f: Any, *args: Any, **kwargs: Any) -> Any:
        return looking(original(_with_ours(f), *args, **kwargs))

    cli._csgaussian = True  # type: ignore[attr-defined]
    tyro.cli = cli  # type: ignore[assignment]


def _with_ours(form: Any) -> Any:
    """``form``, or nerfstudio's union of export commands, made to know our runs, with ours at its end."""
    markers = getattr(form, "__metadata__", ())
    union = get_args(form)[0] if markers else form
    if get_origin(union) is not Union:
        return form
    names = {getattr(get_args(option)[0] if get_args(option) else option, "__name__", "") for option in get_args(union)}
    if "ExportGaussianSplat" not in names:
        return form
    ours = Annotated[ExportCsgBitstream, tyro.conf.subcommand(name=SUBCOMMAND)]
    extended = Union[(*map(_knowing_ours, get_args(union)), ours)]  # built at run time
    return Annotated[(extended, *markers)] if markers else extended


def _knowing_ours(option: Any) -> Any:
    """A command of nerfstudio as it is, or one in its place that knows our runs."""
    from csgaussian_ns.ns.export_plain import ExportGaussianSplat, refusing

    kind, *markers = get_args(option) or (option,)
    if kind.__name__ == ExportGaussianSplat.__name__:
        kind = ExportGaussianSplat
    elif kind.__name__ in CAST_RAYS:
        kind = refusing(kind, CAST_RAYS[kind.__name__])
    return Annotated[(kind, *markers)] if markers else kind


def main() -> None:
    """Entry point of ``csg-export``, for environments where ``ns-export`` cannot be used."""
    tyro.cli(tyro.conf.FlagConversionOff[ExportCsgBitstream]).main()
