"""``ns-export csg-bitstream`` of a run over many scenes: photos of a capture as one ``.csg`` file."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

import yaml

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError

LONGEST = 256
"""Pixels along the longer side of the photos, at most, where the run was trained with fewer."""


@runtime_checkable
class Asked(Protocol):
    """Options of ``ns-export csg-bitstream``."""

    load_config: Path
    output_dir: Path
    data: Path | None
    level: int | None
    photos: int
    refine: int
    target_size: str | None


def is_many_scenes(config_file: Path) -> bool:
    """Whether a run is one of codecsplat; no run at all is none."""
    from csgaussian_ns.ns.many_scenes import METHOD

    try:
        first = config_file.read_text("utf8")
    except (OSError, UnicodeDecodeError):
        return False
    return f"\nmethod_name: {METHOD}\n" in first


def export_photos(asked: Asked, verify: Callable[..., object]) -> None:
    """Choose photos that show much of each other, compress them, verify the file in a fresh process.

    Args:
        asked: What is asked for.
        verify: Decodes the file of a path, by options of ``csg verify``, in a fresh process.

    Raises:
        ConfigError: No capture is named, or options that cannot work.
        CheckpointError: The run has no weights yet.
        DataError: The capture cannot be used.
    """
    from nerfstudio.utils.rich_utils import CONSOLE

    from csgaussian_ns.core.files import replace_file, write_json
    from csgaussian_ns.core.sizes import parse_size
    from csgaussian_ns.feedforward.found import model_to_compress_by, naming
    from csgaussian_ns.feedforward.refining import Refining
    from csgaussian_ns.ns.many_scenes import weights_of
    from csgaussian_ns.receiver.of_photos import compress, photos_of

    if asked.data is None:
        raise ConfigError("--data: expected a capture; a run of codecsplat is no scene but makes scenes of its photos")
    weights = weights_of(asked.load_config.parent)
    most = None if asked.target_size is None else parse_size(asked.target_size, "--target-size")
    files = chosen_photos(asked.data, asked.photos)
    target = asked.output_dir / "scene.csg"
    with naming(weights):
        model = model_to_compress_by()
        tool = f"csgaussian_ns {__version__}"
        refine = Refining(asked.refine, each=_with_progress) if asked.refine else None
        photos, longest = photos_of(asked.data, files), _longest(asked.load_config)
        made = compress(photos, model, longest, asked.level, most, tool, refine=refine)
    replace_file(target, made.data, lambda path: verify(path, "--weights", str(weights)))
    report = {
        "file": str(target),
        "bytes": len(made.data),
        "level": made.level,
        "photos": [str(file) for file in files],
        "width": made.width,
        "height": made.height,
        "weights": model.digest,
    }
    write_json(asked.output_dir / "scene.json", report)
    CONSOLE.print(
        f"[bold green]{target}[/bold green]: {len(made.data):,} bytes, {len(files)} views of {made.width} x "
        f"{made.height} at level {made.level}, verified by decoding in a fresh process; shown by --weights {weights}"
    )


def _with_progress(numbers: range) -> Iterable[int]:
    from nerfstudio.utils.rich_utils import CONSOLE
    from rich.progress import track

    return track(numbers, "refining", console=CONSOLE)


def chosen_photos(data: Path, count: int) -> list[Path]:
    """Photos of a capture that show much of each other.

    Raises:
        ConfigError: Not a number of views.
        DataError: The capture cannot be used.
    """
    from csgaussian_ns.capture.folder import open_capture
    from csgaussian_ns.feedforward.choosing import Neighbours, spread_choice
    from csgaussian_ns.feedforward.fitting import fitted_camera, size_for
    from csgaussian_ns.feedforward.posed import scene_of_folder
    from csgaussian_ns.format.latents.meta import VIEWS

    if count not in VIEWS:
        raise ConfigError(f"--photos {count}: expected {VIEWS[0]} to {VIEWS[-1]}")
    scene, capture = scene_of_folder(data), open_capture(data)
    width, height = size_for(scene.cameras[0].width, scene.cameras[0].height, 128)
    cameras = [fitted_camera(camera, width, height) for camera in scene.cameras]
    return [capture.photos[number] for number in spread_choice(Neighbours(cameras, scene.near, scene.far), count)]


def _longest(config_file: Path) -> int:
    """Side of the photos that a run was trained with, at its largest, but at least ``LONGEST``."""
    config = yaml.load(config_file.read_text("utf8"), Loader=yaml.Loader)  # as nerfstudio reads its own
    return max(LONGEST, *config.pipeline.datamanager.sizes)
