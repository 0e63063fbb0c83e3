"""Trainable anchors on a voxel grid (Scaffold-GS, section 3.1)."""

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.core.types import Anchors

INITIAL_MASK_LOGIT = -2.0
"""Every slot starts as kept, at a distance from the threshold (logit -4.6) that short schedules can cover."""


class AnchorParams(nn.Module):
    """Everything that training learns or keeps per anchor.

    Positions never move: they are integer voxel coordinates times ``voxel_size``, so what training sees and what a
    lossless integer coder stores are the same numbers.

    Attributes:
        grid: Voxel coordinates ``[A, 3]``.
        feature: Input of the decoders ``[A, F]``.
        offset: Gaussian centres relative to the anchor, in units of ``exp(scaling[:, :3])``: ``[A, K, 3]``.
        scaling: Log lengths in world units ``[A, 6]``: the first three scale the offsets, the last three the Gaussians.
        mask_logit: How much speaks for keeping each Gaussian slot ``[A, K]``, see ``scene.offset_masks``.
        voxel_size: Edge of a voxel in world units (0-d).
    """

    ROWS = ("feature", "offset", "scaling", "mask_logit")
    """Names of the parameters that hold one row per anchor."""

    grid: Int[Tensor, "A 3"]
    voxel_size: Float[Tensor, ""]

    def __init__(
        self,
        grid: Int[Tensor, "A 3"],
        voxel_size: float,
        log_length: Float[Tensor, " A"],
        feature_dim: int,
        num_offsets: int,
    ) -> None:
        """Start all anchors with zero features and offsets.

        Args:
            grid: Distinct voxel coordinates.
            voxel_size: Edge of a voxel, world units.
            log_length: Initial log length of each anchor, usually from the distance to its neighbours.
            feature_dim: Number of feature channels ``F``.
            num_offsets: Gaussians per anchor ``K``.
        """
        super().__init__()
        count = len(grid)
        self.register_buffer("grid", grid.to(torch.int32))
        self.register_buffer("voxel_size", torch.tensor(voxel_size, dtype=torch.float32))
        self.feature = nn.Parameter(torch.zeros(count, feature_dim))
        self.offset = nn.Parameter(torch.zeros(count, num_offsets, 3))
        self.scaling = nn.Parameter(log_length.to(torch.float32)[:, None].repeat(1, 6))
        self.mask_logit = nn.Parameter(torch.full((count, num_offsets), INITIAL_MASK_LOGIT))

    def __len__(self) -> int:
        return len(self.grid)

    @property
    def num_offsets(self) -> int:
        """Gaussians per anchor, ``K``."""
        return self.offset.shape[1]

    @property
    def position(self) -> Float[Tensor, "A 3"]:
        """Anchor positions in world units."""
        return self.grid.to(torch.float32) * self.voxel_size

    def at(self, index: Int[Tensor, " V"], mask: Float[Tensor, "V K"]) -> Anchors:
        """The values of some anchors, with the given mask; gradients flow back here."""
        feature, offset, scaling = (
            tensor.index_select(0, index) for tensor in (self.feature, self.offset, self.scaling)
        )
        return Anchors(self.position.index_select(0, index), feature, offset, scaling, mask)

    def everywhere(self, mask: Float[Tensor, "A K"] | None = None) -> Anchors:
        """The values of all anchors, copied; nothing is masked without a mask."""
        everything = torch.arange(len(self), device=self.grid.device)
        return self.at(everything, torch.ones_like(self.mask_logit) if mask is None else mask)

    def gaussian_centres(self) -> Float[Tensor, "A K 3"]:
        """Centre of every Gaussian slot, rendered or not, in world units."""
        return self.position[:, None] + self.offset * torch.exp(self.scaling[:, None, :3])

    def replace_rows(self, rows: dict[str, Tensor]) -> dict[str, tuple[nn.Parameter, nn.Parameter]]:
        """Put new tensors, of a new length, in place of ``grid`` and every name in ``ROWS``.

        Returns:
            Old and new parameter by name, for the optimiser (``optimizer_rows.move_state``).
        """
        self.grid = rows["grid"].to(torch.int32)
        swapped = {}
        for name in self.ROWS:
            old = getattr(self, name)
            new = nn.Parameter(rows[name].contiguous(), requires_grad=old.requires_grad)
            setattr(self, name, new)
            swapped[name] = (old, new)
        return swapped

    def resize_for(self, count: int) -> None:
        """Give every per-anchor tensor ``count`` rows in place, keeping the Parameter objects.

        Optimisers built before a checkpoint is read hold these very objects, so they must survive the read. Only
        safe before the first forward pass: autograd remembers a parameter's shape.
        """
        self.grid = self.grid.new_zeros(count, 3)
        for name in self.ROWS:
            parameter = getattr(self, name)
            parameter.data = parameter.data.new_zeros(count, *parameter.shape[1:])
