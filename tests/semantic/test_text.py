"""Words and pictures as vectors: OpenCLIP with random weights of real architectures, read from files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import BackendUnavailable, CheckpointError, ConfigError
from csgaussian_ns.semantic import text
from csgaussian_ns.semantic.text import TextEncoder, architecture_of, load_openclip

SMALL, SMALL_DIM = "ViT-S-32-alt", 256  # the smallest in open_clip's registry, built like ViT-B-16


def save_random(folder: Path, architecture: str) -> Path:
    """Random weights of an architecture in half precision, as a torch checkpoint; the file's path."""
    import open_clip

    torch.manual_seed(7)
    path = folder / f"{architecture}.bin"
    torch.save(open_clip.create_model(architecture, pretrained_hf=False).half().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    pytest.importorskip("open_clip", reason="needs OpenCLIP: pip install -e '.[text]'")
    path = save_random(tmp_path_factory.mktemp("text"), SMALL)
    yield path
    path.unlink()  # 0.1 GB


@pytest.fixture(scope="module")
def encoder(weights: Path) -> TextEncoder:
    return load_openclip(weights, SMALL)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch):
    """Whatever opens a connection fails loudly."""

    def refuse(*args, **kwargs):
        raise AssertionError("something tried to use the network")

    monkeypatch.setattr("socket.socket.connect", refuse)


def test_texts_and_pictures_become_unit_vectors_of_one_space(encoder: TextEncoder):
    assert isinstance(encoder, TextEncoder) and encoder.dim == SMALL_DIM
    words = encoder.encode_text(["a red mug", "a plant in a pot"])
    pictures = encoder.encode_images([np.full((30, 50, 3), level, np.uint8) for level in (0, 100, 255)])
    assert words.shape == (2, SMALL_DIM) and pictures.shape == (3, SMALL_DIM)
    torch.testing.assert_close(torch.cat([words, pictures]).norm(dim=1), torch.ones(5))
    assert not torch.allclose(words[0], words[1])
    assert encoder.encode_text([]).shape == (0, SMALL_DIM)


def test_batches_do_not_change_a_vector(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch):
    texts = ["mug", "ball", "chair"]
    together = encoder.encode_text(texts)
    monkeypatch.setattr(text, "BATCH", 1)
    torch.testing.assert_close(encoder.encode_text(texts), together, atol=1e-5, rtol=0)


def test_both_file_kinds_give_the_same_vectors_under_different_names(encoder: TextEncoder, weights: Path, tmp_path):
    from safetensors.torch import save_file

    copy = tmp_path / "weights.safetensors"
    save_file(torch.load(weights, weights_only=True), copy)  # noqa: TID251  # written by this test
    other = load_openclip(copy, SMALL)
    torch.testing.assert_close(other.encode_text(["mug"]), encoder.encode_text(["mug"]))
    assert other.name != encoder.name
    assert architecture_of(other.name) == architecture_of(encoder.name) == SMALL
    copy.unlink()


def test_weights_are_asked_for_and_never_fetched(encoder: TextEncoder, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no such file\. Weights are never downloaded.*huggingface.*--text-weights"):
        load_openclip(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("name", ["nonsense", "ViT-B-16-SigLIP", "roberta-ViT-B-32", "hf-hub:laion/x"])
def test_architectures_that_need_more_than_the_file_are_refused(weights: Path, name: str):
    with pytest.raises(ConfigError, match=rf"{name}: expected one .*ViT-B-16"):
        load_openclip(weights, name)


def test_damaged_files_are_told_from_those_of_another_architecture(weights: Path, tmp_path: Path):
    damaged = tmp_path / "damaged.bin"
    for content in (b"", b"no checkpoint at all", weights.read_bytes()[:100_000]):
        damaged.write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged, incomplete, or no checkpoint"):
            load_openclip(damaged, SMALL)
    (tmp_path / "damaged.safetensors").write_bytes(b"\x10" + bytes(40))
    with pytest.raises(CheckpointError, match="damaged, incomplete, or no checkpoint"):
        load_openclip(tmp_path / "damaged.safetensors", SMALL)
    torch.save({"epoch": 3}, damaged)
    with pytest.raises(CheckpointError, match="no table of tensors"):
        load_openclip(damaged, SMALL)
    with pytest.raises(CheckpointError, match=r"do not fit the architecture ViT-S-32.*--text-architecture"):
        load_openclip(weights, "ViT-S-32")


def test_weights_with_nan_are_noticed(tmp_path: Path):
    open_clip = pytest.importorskip("open_clip")
    state = open_clip.create_model(SMALL, pretrained_hf=False).half().state_dict()
    state["text_projection"][0, 0] = float("nan")
    torch.save(state, tmp_path / "nan.bin")
    with pytest.raises(CheckpointError, match="NaN"):
        load_openclip(tmp_path / "nan.bin", SMALL).encode_text(["mug"])
    (tmp_path / "nan.bin").unlink()


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    (tmp_path / "any.bin").touch()
    with pytest.raises(BackendUnavailable, match=r"pip install 'csgaussian-ns\[text\]'"):
        load_openclip(tmp_path / "any.bin")


@pytest.mark.slow
def test_the_default_architecture(tmp_path: Path):
    pytest.importorskip("open_clip", reason="needs OpenCLIP: pip install -e '.[text]'")
    path = save_random(tmp_path, text.DEFAULT_ARCHITECTURE)
    encoder = load_openclip(path)
    assert encoder.dim == 512
    assert encoder.encode_text(["a mug"]).shape == encoder.encode_images([np.zeros((9, 9, 3), np.uint8)]).shape
    path.unlink()  # 0.3 GB
