"""What a run with rate ends with: steps off their rails, and little lost between training and the file."""

import pytest

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.ns.evaluation import quality_of
from csgaussian_ns.ns.model import model_of
from csgaussian_ns.ns.run import trained_scene
from csgaussian_ns.stages.colour import decoded_view


def test_rounding_and_coding_cost_little_and_steps_stay_off_their_rails(lite_config, started, record_property):
    config = lite_config(800)
    config.pipeline.model.voxel_size = 0.06  # 1800 anchors: steps this cheap can be many
    config.pipeline.model.semantic_steps = 0
    trainer = started(config)
    trainer.train()
    model = model_of(trainer.pipeline).eval()
    scene = model.scene

    encoding = scene.entropy.encoding(scene.anchors.grid)
    _, _, steps = decoded_view(scene.masked(), encoding, scene.entropy)
    for name, mean in zip(("feature", "scaling", "offset"), steps.mean(dim=0).tolist(), strict=True):
        assert 0.2 < mean < 1.8, f"the mean step of {name} is {mean:.2f} base steps"

    rounded = quality_of(trainer.pipeline, None)["psnr"]
    coded = quality_of(trainer.pipeline, decode(encode(trained_scene(trainer.pipeline)).data))["psnr"]
    scene.show_unrounded()
    unrounded = quality_of(trainer.pipeline, None)["psnr"]
    record_property("psnr", (unrounded, rounded, coded))
    assert rounded > unrounded - 0.05
    assert coded == pytest.approx(rounded, abs=0.05)
    assert rounded > 18
