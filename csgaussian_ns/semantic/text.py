"""Words and pictures as vectors of one space: what an encoder must offer, and OpenCLIP behind it.

Weights are read from a file and never fetched. An encoder is known by its architecture and the hash of its weights:
vectors of two encoders cannot be compared, and nothing in the numbers would tell.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from csgaussian_ns.core.errors import BackendUnavailable, CheckpointError, ConfigError
from csgaussian_ns.core.shapes import Float, UInt8
from csgaussian_ns.semantic.weights_file import read_weights, short

DEFAULT_ARCHITECTURE = "ViT-B-16"
"""What LangSplat (section 4.1 of its paper) encodes masks with, trained as laion2b_s34b_b88k."""
HASH_DIGITS = 12
BATCH = 32
"""Pictures or texts per pass through the network."""
WHERE_TO_GET = (
    "Weights are never downloaded for you. Fetch for example open_clip_model.safetensors (0.6 GB) from "
    "https://huggingface.co/laion/CLIP-ViT-B-16-laion2B-s34B-b88K, and give its path as --text-weights"
)

Picture = UInt8[np.ndarray, "H W 3"]


@runtime_checkable
class TextEncoder(Protocol):
    """Maps texts and pictures to unit vectors whose dot product says how well they fit."""

    @property
    def name(self) -> str:
        """Architecture and weights; equal names mean comparable vectors."""
        ...

    @property
    def dim(self) -> int:
        """Length ``D`` of the vectors."""
        ...

    def encode_text(self, texts: Sequence[str]) -> Float[Tensor, "N D"]:
        """One unit vector per text, on the CPU."""
        ...

    def encode_images(self, images: Sequence[Picture]) -> Float[Tensor, "N D"]:
        """One unit vector per RGB picture, on the CPU. Pictures are best square: others are cropped to their middle."""
        ...


class OpenClipEncoder:
    """OpenCLIP (Ilharco et al. 2021) as a ``TextEncoder``; made by ``load_openclip``."""

    def __init__(self, model: Any, name: str, dim: int, tokenizer: Any, preprocess: Any) -> None:
        """Take over a loaded model of open_clip with its tokenizer and its preparation of pictures."""
        self._model, self._tokenizer, self._preprocess = model, tokenizer, preprocess
        self._name, self._dim = name, dim

    @property
    def name(self) -> str:
        """For example ``ViT-B-16/0a1b2c3d4e5f``."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of the vectors."""
        return self._dim

    def encode_text(self, texts: Sequence[str]) -> Float[Tensor, "N D"]:
        """See ``TextEncoder``."""
        return self._in_batches(texts, lambda batch: self._model.encode_text(self._tokenizer(batch).to(self._device)))

    def encode_images(self, images: Sequence[Picture]) -> Float[Tensor, "N D"]:
        """See ``TextEncoder``."""

        def encode(batch: list[Picture]) -> Tensor:
            prepared = torch.stack([self._preprocess(Image.fromarray(image)) for image in batch])
            return self._model.encode_image(prepared.to(self._device))

        return self._in_batches(images, encode)

    @property
    def _device(self) -> torch.device:
        return next(self._model.parameters()).device

    @torch.no_grad()
    def _in_batches(self, items: Sequence[Any], encode: Any) -> Float[Tensor, "N D"]:
        vectors = [encode(list(items[start : start + BATCH])) for start in range(0, len(items), BATCH)]
        result = torch.cat(vectors).float().cpu() if vectors else torch.zeros(0, self._dim)
        if not bool(torch.isfinite(result).all()):
            raise CheckpointError(f"the text encoder {self._name} gives NaN or infinity: its weights are damaged")
        return torch.nn.functional.normalize(result, dim=-1)


def load_openclip(
    weights: Path, architecture: str = DEFAULT_ARCHITECTURE, device: torch.device | str = "cpu"
) -> OpenClipEncoder:
    """Read an encoder from a checkpoint of open_clip, ``.safetensors`` or torch's own format (read without unpickling).

    Raises:
        BackendUnavailable: open_clip is not installed.
        ConfigError: No such file; an architecture that open_clip does not know or that needs files from elsewhere.
        CheckpointError: The file is damaged, no checkpoint, or of another architecture.
    """
    open_clip = _import_open_clip()
    config = _config_of(open_clip, architecture)
    reader = open_clip.factory.load_state_dict
    state = read_weights(
        weights, lambda file: reader(str(file), weights_only=True), "text encoder weights", WHERE_TO_GET
    )
    model = open_clip.create_model(architecture, pretrained=None, pretrained_hf=False)
    try:
        model.load_state_dict(state, strict=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"text encoder weights {weights} do not fit the architecture {architecture}: {short(error)}. Name "
            "theirs with --text-architecture"
        ) from error
    model.eval().requires_grad_(False).to(device)
    settings = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
    preprocess = open_clip.transform.image_transform_v2(settings, is_train=False)
    name = f"{architecture}/{_hash_of(weights)}"
    return OpenClipEncoder(model, name, config["embed_dim"], open_clip.get_tokenizer(architecture), preprocess)


def architecture_of(name: str) -> str:
    """The architecture in the name of an encoder: what to load at the receiver."""
    return name.rpartition("/")[0]


def _import_open_clip() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise BackendUnavailable(
            f"text needs OpenCLIP, which cannot be imported ({error}): pip install 'csgaussian-ns[text]'"
        ) from error
    return open_clip


def _config_of(open_clip: Any, architecture: str) -> dict[str, Any]:
    """The architecture's sizes. Towers of timm and of Hugging Face are left out: their parts are fetched by name."""
    usable = [name for name in open_clip.list_models() if _is_self_contained(open_clip.get_model_config(name))]
    if architecture not in usable:
        raise ConfigError(
            f"--text-architecture {architecture}: expected one that open_clip builds from the weights file alone: "
            f"{', '.join(usable)}"
        )
    return open_clip.get_model_config(architecture)


def _is_self_contained(config: dict[str, Any]) -> bool:
    foreign = {"hf_model_name", "hf_tokenizer_name", "timm_model_name"}
    return foreign.isdisjoint(config["text_cfg"]) and foreign.isdisjoint(config["vision_cfg"])


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()[:HASH_DIGITS]
