"""Growth and pruning: statistics, the three levels, and an optimiser that stays in step."""

import pytest
import torch

from csgaussian_ns.scene import growth
from csgaussian_ns.scene.anchors import AnchorParams
from csgaussian_ns.scene.growth import GrowthSettings, GrowthState
from csgaussian_ns.scene.optimizer_rows import move_state
from tests.scene.scenes import grid_anchors


@pytest.fixture
def certain(monkeypatch: pytest.MonkeyPatch):
    """Every slot that may ask does ask."""
    monkeypatch.setattr(growth.torch, "rand", lambda count, generator: torch.ones(count))


def test_gradients_are_averaged_per_view_in_half_image_units():
    state = GrowthState(num_anchors=2, num_offsets=2)
    slots = torch.tensor([0, 3])
    gradient = torch.tensor([[3e-3, 4e-3], [1.0, 1.0]])
    for _ in range(2):
        observer = growth.GrowthObserver(state, slots, (200, 100))
        assert not observer.delivered
        observer(gradient, torch.tensor([True, False]))
        assert observer.delivered
    expected = 2 * ((3e-3 * 100) ** 2 + (4e-3 * 50) ** 2) ** 0.5
    assert state.gradient_sum.flatten().tolist() == pytest.approx([expected, 0, 0, 0])
    assert state.hits.flatten().tolist() == [2, 0, 0, 0]  # the second was not drawn


def test_opacity_sums_only_what_is_drawn():
    state = GrowthState(3, 2)
    growth.observe_opacity(state, torch.tensor([2, 0]), torch.tensor([[0.5, -0.9], [0.25, 0.25]]))
    assert state.opacity_sum.tolist() == [0.5, 0, 0.5]
    assert state.visits.tolist() == [1, 0, 1]


def judged_state(anchors: AnchorParams, mean_gradient: torch.Tensor) -> GrowthState:
    state = GrowthState(len(anchors), anchors.num_offsets)
    state.hits += 50
    state.gradient_sum += mean_gradient * 50
    return state


def test_a_slot_in_a_free_cell_gets_an_anchor_there(certain):
    anchors = grid_anchors([[0, 0, 0], [8, 0, 0]], voxel_size=0.5, num_offsets=2)
    anchors.offset.data[0, 1] = torch.tensor([20.4, 0.0, 0.0])  # 10.2 units away: voxel 20
    asks = torch.zeros(2, 2)
    asks[0, 1] = 5e-4
    settings = GrowthSettings(gradient_threshold=2e-4, level_cells=(4, 1))
    added = growth.propose_anchors(anchors, judged_state(anchors, asks), settings, torch.Generator())
    # Level 0: cell of 4 voxels, centre at 20. Level 1 (threshold 4e-4): voxel 20 is taken by then.
    assert added["grid"].tolist() == [[20, 0, 0]]
    assert torch.equal(added["feature"], anchors.feature[:1])
    assert added["scaling"].exp().flatten().tolist() == pytest.approx([2.0] * 6)
    assert added["offset"].abs().sum() == 0


def test_thresholds_double_from_level_to_level(certain):
    anchors = grid_anchors([[0, 0, 0], [100, 0, 0]], voxel_size=1.0, num_offsets=1)
    anchors.offset.data[:, 0] = torch.tensor([[9.0, 0, 0], [9.0, 0, 0]])
    settings = GrowthSettings(gradient_threshold=1.0, level_cells=(4, 1))
    added = growth.propose_anchors(
        anchors, judged_state(anchors, torch.tensor([[1.5], [2.5]])), settings, torch.Generator()
    )
    assert sorted(added["grid"][:, 0].tolist()) == [8, 108, 109]  # only the second reaches the finer level


def test_parents_of_one_cell_give_the_channelwise_maximum(certain):
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0]], voxel_size=1.0, num_offsets=1)
    anchors.feature.data = torch.tensor([[1.0, -5, 0, 2], [0.0, -4, 7, 2]])
    anchors.offset.data[:, 0] = torch.tensor([[30.0, 0, 0], [29.0, 0, 0]])
    added = growth.propose_anchors(
        anchors, judged_state(anchors, torch.ones(2, 1)), GrowthSettings(level_cells=(1,)), torch.Generator()
    )
    assert added["grid"].tolist() == [[30, 0, 0]]
    assert added["feature"].tolist() == [[1, -4, 7, 2]]


def test_growth_respects_the_limit_and_needs_enough_hits(certain):
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0], [2, 0, 0]], voxel_size=1.0, num_offsets=1)
    anchors.offset.data[:, 0, 1] = torch.tensor([10.0, 20.0, 30.0])
    state = judged_state(anchors, torch.ones(3, 1))
    state.hits[2] = 3
    capped = growth.propose_anchors(anchors, state, GrowthSettings(level_cells=(1,), max_anchors=4), torch.Generator())
    assert len(capped["grid"]) == 1
    assert state.hits.flatten().tolist() == [0, 0, 3]  # judged slots start again, the other goes on


def test_the_last_anchors_go_where_they_are_needed_most(certain):
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0], [2, 0, 0]], voxel_size=1.0, num_offsets=1)
    anchors.offset.data[:, 0, 1] = torch.tensor([10.0, 20.0, 30.0])
    state = judged_state(anchors, torch.tensor([[1.0], [3.0], [2.0]]))
    added = growth.propose_anchors(anchors, state, GrowthSettings(level_cells=(1,), max_anchors=5), torch.Generator())
    assert added["grid"].tolist() == [[1, 20, 0], [2, 30, 0]]


def test_the_dice_repeat_with_the_seed():
    anchors = grid_anchors([[i, 0, 0] for i in range(200)], voxel_size=1.0, num_offsets=1)
    anchors.offset.data[:, 0, 1] = 50
    runs = []
    for seed in (1, 1, 2):
        generator = torch.Generator().manual_seed(seed)
        added = growth.propose_anchors(
            anchors, judged_state(anchors, torch.ones(200, 1)), GrowthSettings(level_cells=(1,)), generator
        )
        runs.append(added["grid"].tolist())
    assert runs[0] == runs[1] != runs[2]
    assert 60 < len(runs[0]) < 140  # half of 200 at the first level


def test_transparent_anchors_go_and_the_last_one_stays():
    state = GrowthState(3, 1)
    state.visits += torch.tensor([100.0, 100.0, 10.0])
    state.opacity_sum += torch.tensor([0.1, 50.0, 0.0])
    keep = growth.keep_mask(state, GrowthSettings(min_opacity=0.005, min_visits=80))
    assert keep.tolist() == [False, True, True]
    assert state.visits.tolist() == [0, 0, 10]
    state.visits += 100
    state.opacity_sum.zero_()
    assert growth.keep_mask(state, GrowthSettings()).sum() == 1


def test_an_edit_keeps_scene_statistics_and_optimiser_in_step():
    anchors = grid_anchors([[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    state = GrowthState(3, 3)
    state.visits += torch.tensor([1.0, 2.0, 3.0])
    optimizer = torch.optim.Adam([anchors.feature], lr=0.1, fused=True)
    (anchors.feature * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    optimizer.step()
    before = anchors.feature.detach().clone()
    moments = optimizer.state[anchors.feature]["exp_avg"].clone()

    keep = torch.tensor([True, False, True])
    added = {
        "grid": torch.tensor([[9, 9, 9]]),
        "feature": torch.full((1, 4), 7.0),
        "offset": torch.zeros(1, 3, 3),
        "scaling": torch.zeros(1, 6),
        "mask_logit": torch.zeros(1, 3),
    }
    old, new = growth.apply_edit(anchors, state, keep, added)["feature"]
    move_state(optimizer, old, new, keep)

    assert anchors.grid.tolist() == [[0, 0, 0], [2, 0, 0], [9, 9, 9]]
    assert torch.equal(anchors.feature, torch.cat([before[[0, 2]], torch.full((1, 4), 7.0)]))
    assert state.visits.tolist() == [1, 3, 0]
    assert optimizer.param_groups[0]["params"][0] is anchors.feature
    assert torch.equal(optimizer.state[anchors.feature]["exp_avg"], torch.cat([moments[[0, 2]], torch.zeros(1, 4)]))
    assert old not in optimizer.state
    anchors.feature.sum().backward()
    optimizer.step()  # shapes agree: the step goes through
    assert torch.all(anchors.feature[2] < 7)


def test_moving_a_stranger_is_refused():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2, 2))])
    stranger = torch.nn.Parameter(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="not in this optimiser"):
        move_state(optimizer, stranger, stranger, torch.tensor([True, True]))
