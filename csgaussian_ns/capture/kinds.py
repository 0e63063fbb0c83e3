"""What a scene folder may hold, by the names of its files alone; nothing is decoded, Python alone is needed."""

from pathlib import Path

from csgaussian_ns.capture.transforms import NAME, transforms_in

SIDES = {"train_filenames": "transforms_train.json", "val_filenames": "transforms_val.json"}
SIDES |= {"test_filenames": "transforms_test.json"}
"""Files of Blender's scenes, under the keys that ``transforms.json`` has for lists of their photos."""
MODELS = (("colmap", "sparse", "0"), ("sparse", "0"), ("sparse",), ("colmap", "sparse"), ())
"""Where in a scene folder a model of COLMAP may lie."""
MODEL_ENDINGS = (".txt", ".bin")
"""Of its files, the one that nerfstudio prefers first."""
KINDS = f"{NAME}, {SIDES['train_filenames']} as Blender's scenes have it, or a model of COLMAP (sparse/0)"
"""What a scene folder may hold, for messages."""


def files_in(folder: Path) -> dict[str, Path]:
    """Those of ``SIDES`` that a folder holds."""
    return {key: folder / name for key, name in SIDES.items() if (folder / name).is_file()}


def model_file(folder: Path, name: str) -> Path | None:
    """A file of a model, in the form that counts."""
    return next((path for ending in MODEL_ENDINGS if (path := folder / f"{name}{ending}").is_file()), None)


def model_in(data: Path) -> Path | None:
    """The folder of the model that a scene folder holds, or that ``data`` is or lies in; ``None`` without one."""
    if data.is_file():
        data = data.parent
    for parts in MODELS:
        folder = data.joinpath(*parts)
        if model_file(folder, "cameras") is not None and model_file(folder, "images") is not None:
            return folder
    return None


def is_capture(data: Path) -> bool:
    """Whether there is a file to read as a capture; what it holds is another question."""
    if data.is_file():
        return True
    return transforms_in(data).is_file() or bool(files_in(data)) or model_in(data) is not None
