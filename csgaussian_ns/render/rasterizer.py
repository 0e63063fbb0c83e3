"""The one interface every renderer of tensors implements. ``render.draw`` needs no tensors."""

from typing import Any, Protocol, runtime_checkable

from csgaussian_ns.core.arrays import namespace
from csgaussian_ns.core.errors import ContractError
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera, Gaussians, Rendering


@runtime_checkable
class PositionObserver(Protocol):
    """Is told, once for each backward pass through a rendering, where the loss wants the projected Gaussians to go."""

    def __call__(self, gradient: Float[Any, "N 2"], visible: Bool[Any, " N"]) -> None:
        """Take the gradients of one view.

        Args:
            gradient: Of the loss, per pixel of displacement of each projected centre; 0 where not ``visible``.
            visible: Which Gaussians may have been drawn. Holds every one that contributes to a pixel, and none that is
                closer than the near plane (0.01) or whose centre is further from the image, along either axis, than
                3.34 standard deviations of its widest direction and two pixels. Between the two a backend is free.
        """
        ...


@runtime_checkable
class Rasterizer(Protocol):
    """Draws the Gaussians seen by one camera.

    Contract, checked for every backend by tests/render/test_parity.py: the axes and units of ``core.types``; a
    Gaussian contributes to a pixel where ``opacity * exp(-sigma) >= 1/255``, alpha is capped at 0.999, blending
    stops before transmittance falls to 1e-4, 0.3 px^2 is added to both diagonal entries of the projected
    covariance, equal depths are drawn in index order. Gradients flow to every tensor of ``gaussians`` and to
    nothing in ``camera``; those of the projected centres go to an observer that is passed in.
    """

    @property
    def name(self) -> str:
        """How ``choose_rasterizer`` knows it."""
        ...

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Float[Any, " C"] | None = None,
        with_depth: bool = False,
        observer: PositionObserver | None = None,
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see the class for the contract.

        Args:
            gaussians: What is drawn.
            camera: From where.
            background: Colour behind it, 0 where ``None``.
            with_depth: Blend expected depth as well.
            observer: Gets the position gradients; called in each backward pass that reaches the Gaussians. Backends
                hand their projected centres to ``observe_positions`` and have nothing else to do for it.
        """
        ...


def observe_positions(
    means2d: Float[Any, "*camera N 2"], visible: Bool[Any, " N"], observer: PositionObserver | None
) -> None:
    """Let ``observer`` have the gradient that arrives at ``means2d``.

    Args:
        means2d: Projected centres in pixels, the very tensor that was drawn from; a leading axis of one camera is
            allowed. Nothing is observed where it has no gradient.
        visible: See ``PositionObserver``.
        observer: Nothing is done for ``None``.

    Raises:
        ContractError: ``means2d`` is a leaf: no gradient passes through it on its way to the Gaussians, so a hook on
            it would never be called (a copy of what was drawn from, for example).
    """
    if observer is None or not means2d.requires_grad:
        return
    if means2d.is_leaf:
        raise ContractError(
            "observe_positions expects the projected centres that the image was drawn from; it was given a leaf of the "
            "autograd graph, which no gradient passes through. Hand over the tensor itself, not a detached copy"
        )

    def deliver(gradient: Any) -> None:
        where = namespace(gradient).where
        observer(where(visible[:, None], gradient.detach().reshape(-1, 2), 0.0), visible)

    means2d.register_hook(deliver)
