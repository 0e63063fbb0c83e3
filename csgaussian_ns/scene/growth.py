"""Where anchors are added and removed during training (Scaffold-GS, section 3.3): settings, state, operations."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.scene.anchors import INITIAL_MASK_LOGIT, AnchorParams


@dataclass
class GrowthSettings:
    """Thresholds of growth and pruning."""

    gradient_threshold: float = 2e-4
    """Mean 2-D position gradient above which a slot asks for anchors at the coarsest level, per half image."""
    level_cells: tuple[int, ...] = (16, 4, 1)
    """Edge of the cells of each level, in voxels; the threshold doubles from level to level."""
    min_hits: int = 20
    """Views in which a slot must have been drawn before its mean gradient counts."""
    min_opacity: float = 0.005
    """Anchors whose summed opacity per visit stays below this are removed."""
    min_visits: int = 80
    """Views in which an anchor must have been decoded before it can be removed."""
    max_anchors: int = 1_000_000
    """Growth stops at this number of anchors, the last ones where they are needed most; training must not start with
    more."""

    def check_start(self, anchors: int) -> None:
        """Refuse a limit that the first ``anchors`` already exceed.

        Raises:
            ConfigError: Says what would fit.
        """
        if anchors > self.max_anchors:
            raise ConfigError(
                f"growth.max-anchors {self.max_anchors}: training starts from {anchors} anchors. Give at least "
                f"{anchors}, or start from fewer: with a larger voxel-size, or with fewer random-init-points"
            )


class GrowthState(nn.Module):
    """Running statistics per anchor ``A`` and slot ``K``. Buffers, so that a resumed run continues exactly.

    Attributes:
        gradient_sum: Summed gradient norms of each slot ``[A, K]``.
        hits: In how many views each slot was drawn ``[A, K]``.
        opacity_sum: Summed positive opacity of each anchor ``[A]``.
        visits: In how many views each anchor was decoded since it was last judged ``[A]``.
        views_seen, views_shown: In how many training views each anchor was decoded, of how many, in all ``[A]``.
    """

    ROWS = ("gradient_sum", "hits", "opacity_sum", "visits", "views_seen", "views_shown")

    gradient_sum: Float[Tensor, "A K"]
    hits: Float[Tensor, "A K"]
    opacity_sum: Float[Tensor, " A"]
    visits: Float[Tensor, " A"]
    views_seen: Float[Tensor, " A"]
    views_shown: Float[Tensor, " A"]

    def __init__(self, num_anchors: int, num_offsets: int) -> None:
        """Start with nothing observed."""
        super().__init__()
        self.num_offsets = num_offsets
        self.register_buffer("gradient_sum", torch.zeros(num_anchors, num_offsets))
        self.register_buffer("hits", torch.zeros(num_anchors, num_offsets))
        self.register_buffer("opacity_sum", torch.zeros(num_anchors))
        self.register_buffer("visits", torch.zeros(num_anchors))
        self.register_buffer("views_seen", torch.zeros(num_anchors))
        self.register_buffer("views_shown", torch.zeros(num_anchors))

    def view_frequency(self) -> Float[Tensor, " A"]:
        """Share of the views that see each anchor, relative to the mean anchor (CAT-3DGS); 1 before any was shown."""
        share = torch.where(self.views_shown > 0, self.views_seen / self.views_shown.clamp(min=1), 1.0)
        return share / share.mean().clamp(min=1e-6)

    def resize_for(self, count: int) -> None:
        """Give every statistic ``count`` rows; used before a checkpoint is read."""
        for name in self.ROWS:
            old = getattr(self, name)
            setattr(self, name, old.new_zeros(count, *old.shape[1:]))

    def select_and_extend(self, keep: Bool[Tensor, " A"], added: int) -> None:
        """Keep the given rows and append ``added`` rows of zeros."""
        for name in self.ROWS:
            old = getattr(self, name)
            setattr(self, name, torch.cat([old[keep], old.new_zeros(added, *old.shape[1:])]))


class GrowthObserver:
    """Adds the position gradients of one view to the statistics when they come (a ``PositionObserver``).

    Attributes:
        delivered: Whether they have come.
    """

    def __init__(self, state: GrowthState, slots: Int[Tensor, " N"], image_size: tuple[int, int]) -> None:
        """Wait for the gradients of ``N`` Gaussians.

        Args:
            state: Changed in place.
            slots: Slot of each Gaussian, index into ``A * K``.
            image_size: ``(width, height)``. The threshold of growth is meant per half image, the unit of the reference
                rasteriser.
        """
        self.delivered = False
        self._state, self._slots, self._size = state, slots, image_size

    @torch.no_grad()
    def __call__(self, gradient: Float[Tensor, "N 2"], visible: Bool[Tensor, " N"]) -> None:
        """Add one view: the loss gradient per pixel of displacement, and which Gaussians were drawn."""
        width, height = self._size
        shown = visible.to(gradient.dtype)
        norm = (gradient * half_image(width, height, gradient.device)).norm(dim=-1) * shown
        self._state.gradient_sum.view(-1).index_add_(0, self._slots, norm)
        self._state.hits.view(-1).index_add_(0, self._slots, shown)
        self.delivered = True


@lru_cache(maxsize=256)
def half_image(width: int, height: int, device: torch.device) -> Float[Tensor, "2"]:
    """Half the size of an image. Kept: numbers on their way to a GPU stop the host."""
    return torch.tensor([width / 2, height / 2], device=device)


@torch.no_grad()
def observe_view(state: GrowthState, anchors: Int[Tensor, " V"], real: Bool[Tensor, " V"] | None = None) -> None:
    """Count one training view for the view frequency; of the anchors those that are ``real``, where it is given."""
    state.views_shown += 1
    state.views_seen.index_add_(0, anchors, (torch.ones_like(anchors) if real is None else real).float())


@torch.no_grad()
def observe_opacity(
    state: GrowthState,
    anchors: Int[Tensor, " V"],
    opacity: Float[Tensor, "V K"],
    real: Bool[Tensor, " V"] | None = None,
) -> None:
    """Add one view's decoded opacities to the statistics; those of anchors that are not ``real`` must be 0."""
    state.opacity_sum.index_add_(0, anchors, opacity.clamp(min=0).sum(dim=-1))
    state.visits.index_add_(0, anchors, torch.ones_like(opacity[:, 0]) if real is None else real.to(opacity.dtype))


@torch.no_grad()
def propose_anchors(
    anchors: AnchorParams, state: GrowthState, settings: GrowthSettings, generator: torch.Generator
) -> dict[str, Tensor]:
    """Rows of the anchors to add, and reset the statistics of the slots that were judged.

    At level ``i`` every slot with a mean gradient above ``gradient_threshold * 2**i`` asks, with probability
    ``1 - 0.5**(i + 1)``, for an anchor at the centre of its cell, unless the cell holds one already. A new anchor
    takes the channel-wise maximum of the features of the anchors that asked for it.

    Args:
        anchors: The scene.
        state: Statistics; those of judged slots restart at zero.
        settings: Thresholds.
        generator: Source of the random choice, seeded by the caller so that a resumed run makes the same one.

    Returns:
        ``grid``, ``feature``, ``offset`` and ``scaling`` of the new anchors, possibly of zero rows.
    """
    judged = state.hits > settings.min_hits
    mean_gradient = torch.where(judged, state.gradient_sum / state.hits.clamp(min=1), torch.zeros_like(state.hits))
    centres = anchors.gaussian_centres().reshape(-1, 3)
    taken = anchors.grid
    found: list[dict[str, Tensor]] = []
    for level, cell in enumerate(settings.level_cells):
        asks = (mean_gradient >= settings.gradient_threshold * 2**level).reshape(-1)
        chance = torch.rand(len(asks), generator=generator).to(asks.device)
        slots = torch.nonzero(asks & (chance > 0.5 ** (level + 1)))[:, 0]
        room = settings.max_anchors - len(taken)
        need = mean_gradient.reshape(-1)[slots]
        grid, source = _free_cells(centres[slots], need, taken, cell, float(anchors.voxel_size), room)
        if len(grid) == 0:
            continue
        parents = torch.div(slots, anchors.num_offsets, rounding_mode="floor")
        found.append(_rows_at(anchors, grid, source, parents, cell))
        taken = torch.cat([taken, grid])
    state.gradient_sum[judged] = 0
    state.hits[judged] = 0
    empty = {name: getattr(anchors, name)[:0] for name in ("grid", *anchors.ROWS)}
    return {name: torch.cat([empty[name], *(rows[name] for rows in found)]) for name in empty}


@torch.no_grad()
def keep_mask(state: GrowthState, settings: GrowthSettings) -> Bool[Tensor, " A"]:
    """Which anchors stay; the opacity statistics of the anchors that were judged restart at zero.

    The last anchor is never removed: a scene without anchors could not be trained further.
    """
    judged = state.visits > settings.min_visits
    keep = ~(judged & (state.opacity_sum < settings.min_opacity * state.visits))
    if not keep.any():
        keep[state.opacity_sum.argmax()] = True
    state.opacity_sum[judged] = 0
    state.visits[judged] = 0
    return keep


def apply_edit(
    anchors: AnchorParams,
    state: GrowthState,
    keep: Bool[Tensor, " A"],
    added: dict[str, Tensor],
) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
    """Remove and append anchors in the scene and its statistics.

    Returns:
        Old and new parameter by name, for ``optimizer_rows.move_state``.
    """
    rows = {
        name: torch.cat([getattr(anchors, name).detach()[keep], added[name].detach()])
        for name in ("grid", *anchors.ROWS)
    }
    state.select_and_extend(keep, len(added["grid"]))
    return anchors.replace_rows(rows)


def _free_cells(
    centres: Float[Tensor, "S 3"],
    need: Float[Tensor, " S"],
    taken: Int[Tensor, "A 3"],
    cell: int,
    voxel_size: float,
    room: int,
) -> tuple[Int[Tensor, "M 3"], Int[Tensor, " S"]]:
    """Cells that hold a centre but no anchor; where there are more than ``room``, those with the greatest ``need``.

    Returns:
        Grid coordinates of the cells, and for each centre the row of its cell in them, or -1.
    """
    wanted = torch.round(centres / (voxel_size * cell)).to(torch.int64)
    occupied = torch.round(taken.to(torch.float64) / cell).to(torch.int64)
    cells, row_of = torch.unique(wanted, dim=0, return_inverse=True)
    free = ~torch.isin(_key(cells), _key(occupied))
    of_cell = need.new_zeros(len(cells)).scatter_reduce_(0, row_of, need, reduce="amax")
    beyond = torch.where(free, of_cell, -1.0).argsort(descending=True, stable=True)[max(room, 0) :]
    free[beyond] = False
    new_row = torch.where(free, torch.cumsum(free.to(torch.int64), 0) - 1, torch.full_like(free, -1, dtype=torch.int64))
    return (cells[free] * cell).to(torch.int32), new_row[row_of]


def _key(cells: Int[Tensor, "M 3"]) -> Int[Tensor, " M"]:
    """One integer per cell; coordinates are far below 2**20 in size (``sfm_init.MAX_COORDINATE``)."""
    x, y, z = (cells + 2**20).clamp(0, 2**21 - 1).unbind(-1)
    return (x << 42) | (y << 21) | z


def _rows_at(
    anchors: AnchorParams,
    grid: Int[Tensor, "M 3"],
    source: Int[Tensor, " S"],
    parents: Int[Tensor, " S"],
    cell: int,
) -> dict[str, Tensor]:
    """Rows of new anchors at ``grid``; ``source`` names for each asking slot its new anchor or -1."""
    count, asked = len(grid), source >= 0
    feature = anchors.feature.new_full((count, anchors.feature.shape[1]), -torch.inf)
    target = source[asked][:, None].expand(-1, feature.shape[1])
    feature.scatter_reduce_(0, target, anchors.feature.detach()[parents[asked]], reduce="amax")
    log_length = torch.log(anchors.voxel_size * cell)
    return {
        "grid": grid,
        "feature": feature,
        "offset": anchors.offset.new_zeros(count, *anchors.offset.shape[1:]),
        "scaling": log_length.to(feature).expand(count, 6),
        "mask_logit": anchors.mask_logit.new_full((count, anchors.num_offsets), INITIAL_MASK_LOGIT),
    }
