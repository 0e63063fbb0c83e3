"""Ways to compute a step, as options of a run."""

import pytest
import torch

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.ns import model
from csgaussian_ns.ns.trainer import CSGaussianTrainer
from csgaussian_ns.stages.compiled import Parts

STEPS = 60


def trained(lite_config, started, name: str, execution: str, load=None, upto: int = STEPS) -> CSGaussianTrainer:
    config = lite_config(STEPS, name)
    config.pipeline.model.execution, config.load_dir = execution, load
    trainer = started(config)
    trainer.config.max_num_iterations = upto - trainer._start_step
    trainer.train()
    return trainer


def test_a_run_in_buffers_learns_grows_and_resumes_exactly(lite_config, started):
    plain = trained(lite_config, started, "plain", "plain")
    whole = trained(lite_config, started, "whole", "padded")
    assert plain.pipeline.model.scene.buffers is None and whole.pipeline.model.scene.buffers is not None
    sizes = whole.pipeline.model.scene.buffers._sizes
    assert sizes.keys() == {"anchors", "slots"} and min(sizes.values()) > 1024
    counts = [len(run.pipeline.model.scene.anchors) for run in (plain, whole)]
    assert counts[1] == pytest.approx(counts[0], rel=0.02)
    assert whole.pipeline.quality()["psnr"] == pytest.approx(plain.pipeline.quality()["psnr"], abs=0.3)
    first = trained(lite_config, started, "first", "padded", upto=25)
    second = trained(lite_config, started, "second", "padded", first.checkpoint_dir)
    expected, found = (run.pipeline.model.scene.state_dict() for run in (whole, second))
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_what_is_compiled_is_what_steps_call(lite_config, started, monkeypatch: pytest.MonkeyPatch):
    """A stand-in for the compiler: under these tests types are checked by wrappers that it cannot read."""
    calls: list[str] = []

    def counted(name, function):
        return lambda *arguments: calls.append(name) or function(*arguments)

    def compiled_parts(device: torch.device) -> Parts:
        (quantise, (decode, gather)), found = Parts(), str(device)
        calls.append(found)
        halves = type(Parts().halves)(counted("decode", decode), counted("gather", gather))
        return Parts(counted("quantise", quantise), halves)

    monkeypatch.setattr(model, "compiled_parts", compiled_parts)
    trainer = trained(lite_config, started, "compiled", "compiled")
    assert trainer.pipeline.model.scene.buffers is not None and calls[0] == "cpu"
    assert calls.count("decode") >= STEPS and calls.count("gather") == calls.count("decode")
    assert STEPS / 2 < calls.count("quantise") <= calls.count("decode")


def test_a_compiler_that_is_missing_ends_the_run(lite_config, started, monkeypatch: pytest.MonkeyPatch):
    def compile_nothing(*_, **__):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(torch, "compile", compile_nothing)
    config = lite_config(STEPS)
    config.pipeline.model.execution = "compiled"
    with pytest.raises(BackendUnavailable, match=r"torch.compile does not work on cpu \(no compiler\)"):
        started(config)
