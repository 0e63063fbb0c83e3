"""Cut-outs of objects, chosen by what is seen of them, and their mean vectors."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.semantic.embeddings import (
    LabelledView,
    best_cut_outs,
    cut_out,
    object_embeddings,
    with_embeddings,
)


class MeanColour:
    """An encoder whose vectors can be worked out by hand: the mean colour of the lit pixels."""

    name, dim = "mean/colour", 3

    def encode_text(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.tensor([[float(c) for c in text.split()] for text in texts]), dim=-1)

    def encode_images(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        means = [torch.from_numpy(image[image.any(axis=-1)].astype(np.float32)).mean(dim=0) for image in images]
        return torch.nn.functional.normalize(torch.stack(means), dim=-1)


def view(*patches: tuple[int, slice, slice, tuple[int, int, int]]) -> LabelledView:
    """A grey photo of 60x80 with coloured, labelled rectangles."""
    image, labels = np.full((60, 80, 3), 99, np.uint8), np.zeros((60, 80), np.int32)
    for label, rows, columns, colour in patches:
        image[rows, columns], labels[rows, columns] = colour, label
    return LabelledView(image, labels)


def test_a_cut_out_is_centred_on_black():
    shown = view((3, slice(10, 20), slice(30, 70), (200, 0, 0)))
    picture = cut_out(shown.image, shown.labels == 3, side=40)
    assert picture.shape == (40, 40, 3)
    assert (picture[15:25] == (200, 0, 0)).all(), "the patch fills the width and lies in the middle"
    assert (picture[:14] == 0).all() and (picture[26:] == 0).all(), "photo around the patch shows through"
    with pytest.raises(ValueError, match="empty mask"):
        cut_out(shown.image, shown.labels == 4)


def test_the_views_that_show_most_are_kept_in_order():
    red = (200, 0, 0)
    widths = (10, 40, 20, 40, 3)  # the last is below the least area
    views = [view((1, slice(0, 10), slice(0, width), (*red[:1], number, 0))) for number, width in enumerate(widths)]
    chosen = best_cut_outs(iter(views), per_object=3)[1]
    assert [int(picture[112, 112, 1]) for picture in chosen] == [1, 3, 2]
    assert len(best_cut_outs(iter(views), per_object=9)[1]) == 4
    assert best_cut_outs([views[-1]]) == {}


def test_embeddings_are_mean_directions_and_land_in_the_layer():
    views = [
        view((1, slice(0, 20), slice(0, 20), (200, 0, 0)), (2, slice(30, 50), slice(0, 20), (0, 0, 50))),
        view((1, slice(0, 20), slice(0, 20), (0, 200, 0))),
    ]
    done: list[tuple[int, int]] = []
    encoder = MeanColour()
    vectors = object_embeddings(best_cut_outs(views), encoder, lambda *counts: done.append(counts))
    torch.testing.assert_close(vectors[1], torch.tensor([0.5**0.5, 0.5**0.5, 0.0]))
    torch.testing.assert_close(vectors[2], torch.tensor([0.0, 0.0, 1.0]))
    assert done[-1] == (3, 3)

    origin = (0.0, 0.0, 0.0)
    objects = tuple(SceneObject(k, "", 1, origin, origin, origin, (0.0,)) for k in (1, 2, 3))
    layer = with_embeddings(SemanticLayer(torch.zeros(3, 1), torch.arange(3), objects), vectors, encoder.name)
    assert layer.text_encoder == encoder.name
    assert layer.objects[2].embedding is None
    query = encoder.encode_text(["0 0 1"])[0]
    scores = [float(torch.tensor(entry.embedding) @ query) for entry in layer.objects[:2]]
    assert scores == pytest.approx([0.0, 1.0])
    assert with_embeddings(layer, {}, encoder.name).text_encoder == ""
