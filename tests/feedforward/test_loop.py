"""A run over many scenes: what it writes, and that a run which was cut goes on as if it had not been."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from csgaussian_ns.core.errors import CheckpointError, ConfigError, CsgError
from csgaussian_ns.feedforward.batches import Batches, BatchOptions
from csgaussian_ns.feedforward.loop import LoopOptions, Training
from csgaussian_ns.feedforward.many import read_scenes
from csgaussian_ns.feedforward.model import read_model
from csgaussian_ns.feedforward.run import RunOptions, carry_out, newest
from csgaussian_ns.feedforward.settings import Settings
from tests.feedforward.captures import SIDE, write_folder
from tests.feedforward.worlds import SMALL

LOOP = LoopOptions(steps=6, warm_steps=2, seed=3)


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    folder = tmp_path_factory.mktemp("loop")
    write_folder(folder / "one")
    (folder / "scenes.json").write_text('{"train": ["one"]}')
    return Batches(read_scenes(folder).train, BatchOptions(sizes=(SIDE,), levels=SMALL.levels))


def weights_of(training: Training) -> torch.Tensor:
    return torch.cat([value.detach().reshape(-1) for value in training.network.parameters()])


def test_a_run_that_was_cut_ends_as_one_that_was_not(batches: Batches, tmp_path: Path):
    said: list[str] = []
    whole = Training(SMALL, LOOP, batches)
    options = RunOptions(tmp_path / "whole", save_every=2, measure_every=3, measured=1)
    carry_out(whole, batches, options, said.append)
    assert [path.name for path in (tmp_path / "whole/checkpoints").iterdir()] == ["step-000000006.ckpt"]
    assert any("held out, level by level" in line for line in said)
    assert any(line.startswith("step 6/6  train PSNR ") for line in said)
    assert list((tmp_path / "whole").glob("events.*"))
    data = (tmp_path / "whole/weights.csgw").read_bytes()
    facts = json.loads((tmp_path / "whole/weights.json").read_text())
    assert facts["sha256"] == sha256(data).hexdigest() == read_model(data).digest and facts["sha256"] in said[-1]

    cut = RunOptions(tmp_path / "cut", save_every=100, measure_every=0, curves=False)
    carry_out(Training(SMALL, LOOP, batches), None, cut, said.append, until=3)
    later = Training(SMALL, LOOP, batches)
    checkpoint = newest(tmp_path / "cut/checkpoints")
    assert checkpoint is not None and checkpoint.name == "step-000000003.ckpt"
    later.resume(checkpoint)
    carry_out(later, None, cut, said.append)
    assert torch.equal(weights_of(later), weights_of(whole))
    assert (tmp_path / "cut/weights.csgw").read_bytes() == data


def test_what_is_no_checkpoint_is_refused(batches: Batches, tmp_path: Path):
    training = Training(SMALL, LOOP, batches)
    path = tmp_path / "step-000000000.ckpt"
    path.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint of codecsplat"):
        training.resume(path)
    training.write(path)
    other = Training(Settings(**{**SMALL.to_json(), "planes": 4}), LOOP, batches)
    with pytest.raises(CheckpointError, match="network of the sizes"):
        other.resume(path)


def test_costs_that_are_no_numbers_change_no_weights(batches: Batches, monkeypatch: pytest.MonkeyPatch):
    training = Training(SMALL, LOOP, batches)
    before = weights_of(training)
    usual = training._cost

    def spoilt(batch):
        found = usual(batch)
        return found._replace(loss=found.loss * torch.nan)

    monkeypatch.setattr(training, "_cost", spoilt)
    monkeypatch.setattr("csgaussian_ns.feedforward.loop._MOST_SKIPPED", 1)
    training.advance()
    assert torch.equal(weights_of(training), before)
    with pytest.raises(CsgError, match="in a row had no finite cost"):
        training.advance()


def test_options_that_cannot_work(batches: Batches):
    for wrong in (LoopOptions(steps=0), LoopOptions(averaged=1.0), LoopOptions(rate=0.0)):
        with pytest.raises(ConfigError):
            Training(SMALL, wrong, batches)
    with pytest.raises(ConfigError, match="save_every 0"):
        carry_out(Training(SMALL, LOOP, batches), None, RunOptions(Path("x"), save_every=0), print)
    rates = [LOOP.rate_at(step) for step in range(7)]
    assert rates[0] < rates[1] and rates[6] == 0
