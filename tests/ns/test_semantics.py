"""Stages 2 and 3 in nerfstudio: they follow colour, leave it alone, continue it, and resume exactly."""

import pytest
import torch

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.ns.run import load_run
from tests.ns.test_training import state_of

COLOUR, MEANING = 40, 30  # stage 3 sets in at step 40 + 18


@pytest.fixture(scope="module")
def colour_run(lite_config_in, started, tmp_path_factory: pytest.TempPathFactory):
    """A finished run of a capture whose masks were not used."""
    config = lite_config_in(tmp_path_factory.mktemp("colour"), COLOUR, "colour", MEANING)
    config.pipeline.datamanager.masks = "none"
    trainer = started(config)
    trainer.train()
    assert trainer.pipeline.model.scene.semantic is None
    assert trainer.step == COLOUR - 1
    return trainer


def continuing(config, trainer):
    config.load_dir = trainer.checkpoint_dir
    return config


def test_a_colour_run_is_continued_without_touching_colour(colour_run, lite_config, started, capsys):
    before = {name: value.clone() for name, value in state_of(colour_run).items()}
    psnr = colour_run.pipeline.get_average_eval_image_metrics()["psnr"]
    trainer = started(continuing(lite_config(COLOUR, "more", MEANING), colour_run))
    assert trainer._start_step == COLOUR and trainer.config.max_num_iterations == MEANING
    trainer.train()
    assert trainer.step == COLOUR + MEANING - 1
    after = state_of(trainer)
    rates = {name for name in before if name.endswith(".lr")}
    changed = [name for name in before if name not in rates and not torch.equal(before[name], after[name])]
    assert changed == [], "colour, its statistics or its optimisers' moments moved"
    assert {name.split(".")[0] for name in after.keys() - before.keys() if "scene" not in name} == {
        "semantic",
        "semantic_entropy",
    }
    assert trainer.pipeline.get_average_eval_image_metrics()["psnr"] == psnr
    printed = " ".join(capsys.readouterr().out.split())
    assert f"step {COLOUR + MEANING}/{COLOUR + MEANING} meaning, rounding" in printed
    assert "smoothing 0." in printed and "contrast 0." in printed and "features 0." in printed


def test_one_run_does_all_three_stages_and_learns(lite_config, started):
    colour, meaning = 60, 240  # enough to learn
    trainer = started(lite_config(colour, "all", meaning))
    scene = trainer.pipeline.model.scene
    assert scene.semantic is not None and len(scene.semantic.feature) == 0
    names, contrast = [], []
    step_once = trainer.train_iteration

    def watched(step):
        result = step_once(step)
        names.append(scene.stage_name)
        if step >= colour:
            contrast.append(float(result[1]["contrast"].detach()))
        return result

    trainer.train_iteration = watched
    trainer.train()
    assert list(dict.fromkeys(names[colour:])) == ["meaning", "meaning, rate", "meaning, rounding"]
    assert "meaning" not in names[:colour]
    assert len(scene.semantic.feature) == len(scene.anchors)
    assert sum(contrast[-20:]) < 0.6 * sum(contrast[:20])

    pipeline = load_run(trainer.base_dir / "config.yml")
    loaded = pipeline.model.scene
    assert (
        loaded.semantic is not None
        and loaded.step == colour + meaning - 1
        and torch.equal(loaded.semantic.feature, scene.semantic.feature)
    )
    decoded = loaded.decoded_semantics()
    assert decoded is not None and decoded.bits.min() > 0
    camera, _ = next(iter(pipeline.datamanager.fixed_indices_eval_dataloader))
    outputs = pipeline.model.get_outputs_for_camera(camera)
    names = ["rgb", "accumulation", "depth", "anchor_bits", "feature_step", "semantic", "quality_weight"]
    assert list(outputs) == names and outputs.drawn == {"rgb", "accumulation"}
    assert outputs["semantic"].shape == (60, 80, 3) and outputs["quality_weight"].shape == (60, 80, 1)
    for name in ("anchor_bits", "feature_step"):  # colour maps show 0 to 1
        assert outputs[name].max() <= 1.01 and outputs[name].std() > 0.01, name
    assert outputs["semantic"].min() >= 0 and outputs["semantic"].max() <= 1 + 1e-4 and outputs["semantic"].std() > 0.05


def test_a_resumed_run_continues_exactly(lite_config, started):
    """Stopped while colour is trained, in stage 2, and in stage 3."""
    whole = started(lite_config(COLOUR, "whole", MEANING))
    whole.train()
    expected = state_of(whole)
    part = started(lite_config(COLOUR, "part", MEANING))
    for stop in (15, 50, 62):
        part.config.max_num_iterations = stop - part._start_step
        part.train()
        part = started(continuing(lite_config(COLOUR, f"from-{stop}", MEANING), part))
        assert part._start_step == stop
    part.train()
    resumed = state_of(part)
    assert expected.keys() == resumed.keys()
    assert [name for name in expected if not torch.equal(expected[name], resumed[name])] == []


def test_a_checkpoint_beyond_colour_must_hold_features(colour_run, lite_config, started):
    with pytest.raises(CheckpointError, match=r"beyond the 30 steps of colour.*at least 40"):
        started(continuing(lite_config(COLOUR - 10, "shorter", MEANING), colour_run))


def test_a_run_with_meaning_is_not_continued_without_masks(lite_config, started):
    first = started(lite_config(10, "first", 5))
    first.train()
    config = continuing(lite_config(10, "second", 10), first)
    config.pipeline.datamanager.masks = "none"
    with pytest.raises(CheckpointError, match=r"learns meaning from masks, and this run has none"):
        started(config)


def test_a_capture_without_masks_trains_colour_alone(lite_config, started):
    config = lite_config(10, "plain", 1500)
    config.pipeline.datamanager.masks = "none"
    trainer = started(config)
    assert trainer.config.max_num_iterations == 10 and "semantic" not in trainer.optimizers.optimizers


def test_meaning_can_follow_colour_without_rate(lite_config, started):
    config = lite_config(20, "no-rate", 10)
    config.pipeline.model.lambda_rate = 0.0
    trainer = started(config)
    trainer.train()
    decoded = trainer.pipeline.model.scene.eval().decoded_semantics()
    assert decoded is not None and (decoded.quality == 1).all()


def test_impossible_options_are_refused(lite_config, started):
    config = lite_config(10, "bad", MEANING)
    config.pipeline.model.semantic.qat_step = -1.0
    with pytest.raises(ConfigError, match=r"--pipeline.model.semantic.qat-step must be at least 0, got -1.0"):
        started(config)
