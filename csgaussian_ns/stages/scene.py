"""The scene while it is trained: anchors, decoders, entropy model and growth, and what the plan does with them."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from csgaussian_ns.core.arrays import places
from csgaussian_ns.core.errors import ContractError
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.types import Anchors, Camera, Gaussians
from csgaussian_ns.entropy.base import Context
from csgaussian_ns.entropy.registry import new_model
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.quant.coded_linear import train_with_bits
from csgaussian_ns.scene import growth
from csgaussian_ns.scene.anchors import AnchorParams
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.dropout import dropout
from csgaussian_ns.scene.growth import GrowthObserver, GrowthState
from csgaussian_ns.scene.offset_masks import kept, straight_through_mask
from csgaussian_ns.scene.optimizer_rows import move_state
from csgaussian_ns.scene.spawn import Spawned, spawn, spawn_visible, visible
from csgaussian_ns.stages.colour import InView, Quantised, ScenePreview, quantise_anchors, scene_preview
from csgaussian_ns.stages.compiled import Parts
from csgaussian_ns.stages.moments import PerMoment
from csgaussian_ns.stages.padding import Buffers, Chosen
from csgaussian_ns.stages.rates import Rates
from csgaussian_ns.stages.schedule import SemanticPlan, SemanticState, StagePlan
from csgaussian_ns.stages.semantic import DecodedSemantics, SemanticParams, SemanticSettings, with_features
from csgaussian_ns.stages.settings import SceneSettings


class TrainableScene(nn.Module):
    """What checkpoints hold. Knows the plan and the step, and no image, no loss, no nerfstudio.

    With ``buffers`` a step puts what is in view there (``stages.padding``); ``parts`` compute it.
    """

    def __init__(
        self, anchors: AnchorParams, plan: StagePlan, settings: SceneSettings, rate_weight: float = 0.0
    ) -> None:
        """Put decoders, entropy model and statistics beside the first anchors.

        Args:
            anchors: The first ones.
            plan: What happens when.
            settings: Sizes and steps.
            rate_weight: Weight of the rate against the distortion, for the loss and for entropy models that know it.
        """
        super().__init__()
        settings.growth.check_start(len(anchors))
        self.plan, self.settings, self.step = plan, settings, 0
        feature_dim, num_offsets = anchors.feature.shape[1], anchors.num_offsets
        steps = (settings.feature_step, settings.scaling_step, settings.offset_step)
        self.anchors = anchors
        self.decoders = Decoders(feature_dim, num_offsets, settings.hidden_dim)
        self.layout = AttributeLayout(feature_dim, num_offsets, steps)
        self.entropy = new_model(settings.hyperprior, self.layout, settings.widths(), settings.hyperprior_size)
        self.rates = Rates(settings, rate_weight, self.entropy, plan.noise_from is not None)
        self.statistics = GrowthState(len(anchors), num_offsets)
        self.semantic: SemanticParams | None = None
        self.semantic_plan: SemanticPlan | None = None
        self.buffers: Buffers | None = None
        self.parts = Parts()
        self._awaited: GrowthObserver | None = None
        self._resized = 0
        self._decoded = PerMoment[ScenePreview]()
        self._decoded_semantics = PerMoment[DecodedSemantics]()

    def add_semantics(self, settings: SemanticSettings, plan: SemanticPlan) -> None:
        """Let stages 2 and 3 follow the colour plan."""
        self.semantic, self.semantic_plan = SemanticParams(settings).to(self.anchors.grid.device), plan

    @property
    def semantic_state(self) -> SemanticState | None:
        """What holds in stages 2 and 3; ``None`` while colour is trained and where nothing follows it."""
        if self.semantic_plan is None or self.step < self.plan.total:
            return None
        return self.semantic_plan.at(self.step - self.plan.total)

    @property
    def semantic_total(self) -> int:
        """Steps of stages 2 and 3."""
        return 0 if self.semantic_plan is None else self.semantic_plan.total

    @property
    def has_features(self) -> bool:
        """Whether stage 2 has begun: ``decoded_semantics`` gives something."""
        return self.semantic_state is not None and self.semantic is not None and len(self.semantic.feature) > 0

    @property
    def stage_name(self) -> str:
        """Of the current step, for people."""
        return (self.semantic_state or self.plan.at(self.step)).name

    @property
    def rate_weight(self) -> float:
        """Lambda that the scene is decoded and coded at."""
        return self.rates.chosen

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """One group per anchor attribute and per decoder, one for the entropy model, and those of the semantics."""
        groups = self.colour_groups()
        return groups if self.semantic is None else groups | self.semantic.param_groups()

    def colour_groups(self) -> dict[str, list[nn.Parameter]]:
        """What stage 1 trains and nothing after it may touch; tables of the entropy model, if any, on their own."""
        groups = {name: [getattr(self.anchors, name)] for name in AnchorParams.ROWS}
        groups |= {f"{name}_mlp": list(mlp.parameters()) for name, mlp in self.decoders.named_children()}
        own = set(map(id, tables := self.entropy.tables()))
        groups["entropy"] = [parameter for parameter in self.entropy.parameters() if id(parameter) not in own]
        return groups | ({"entropy_tables": tables} if tables else {})

    def go_to(self, step: int) -> None:
        """Be at ``step``, with nothing but the plan's view of it changed: a checkpoint is about to be read."""
        self.step = step
        rounds = self.plan.at(step).quantisation == "rounding"
        bits = self.settings.network_bits
        train_with_bits(self.decoders, bits if rounds and bits <= 8 else None)
        train_with_bits(self.entropy, min(bits, 8) if rounds else None)

    def begin_step(self, step: int) -> None:
        """Go to ``step`` and do what is done once at its beginning.

        Where the rate of colour or of features is first paid for, the entropy model starts from their statistics.
        Where stage 2 begins, features come into being. In stages 2 and 3 colour has no gradient at all: with a
        gradient of zero, Adam's momentum would still move it.
        """
        self.go_to(step)
        if not self.training:
            return
        if self.plan.at(step).start_rate:
            self.entropy.resize(self.settings.widths(len(self.anchors)))
            self.entropy.start(self.anchors.grid, self.entropy.values(self.layout.flat(self.anchors.everywhere())))
        state = self.semantic_state
        if state is None or self.semantic is None:
            return
        for parameter in (p for group in self.colour_groups().values() for p in group):
            parameter.requires_grad_(False).grad = None
        if state.start:
            self.semantic.start(len(self.anchors), self._generator(torch.device("cpu")))
        if state.start_rate:
            self.semantic.start_rate(self.anchors.grid)

    def in_training(self, camera: Camera) -> tuple[Int[Tensor, " V"], Quantised]:
        """The anchors in view as the current stage renders them, and their indices."""
        state, rate_weight = self.plan.at(self.step), self.rates.of_step(self.step)
        index, real = self._choose("anchors", visible(self.anchors.position, self.anchors.scaling, camera))
        logit = self.anchors.mask_logit.index_select(0, index) - self.rates.severity(rate_weight)
        mask = torch.ones_like(logit)
        if state.rate and self.settings.offset_masks:
            mask = straight_through_mask(logit, self.statistics.view_frequency().index_select(0, index))
        view = InView(self.anchors.at(index, mask if real is None else mask * real[:, None]), logit, real)
        context, generator = self.context(index)._replace(rate_weight=rate_weight), self._generator(index.device)
        how, by = state.quantisation, self.parts.quantise
        return index, quantise_anchors(view, self.layout, self.entropy, context, how, generator, by)

    def _choose(self, name: str, mask: Bool[Tensor, " N"]) -> Chosen:
        return Chosen(places(mask)) if self.buffers is None else self.buffers.choose(name, mask)

    def outgrown(self) -> bool:
        """Whether the view that was just drawn did not fit into the buffers: draw it again, they are larger now."""
        return self.buffers is not None and self.buffers.outgrown()

    def context(self, index: Int[Tensor, " V"] | None = None) -> Context:
        """What the entropy model may know of some anchors, or of all."""

        def values_of(rows: Int[Tensor, " n"]) -> Float[Tensor, "n D"]:
            anchors = self.anchors.at(rows, torch.ones_like(self.anchors.mask_logit[rows]))
            return self.entropy.values(self.layout.flat(anchors))

        return Context(self.anchors.grid, self.rate_weight, values_of, index)

    def spawned(self, anchors: Anchors, camera: Camera) -> Spawned:
        """The Gaussians of anchors in view as the current stage renders them.

        Some of them are missing (``scene.dropout``), until values are rounded and the scene settles on all.
        """
        share, factor = self.settings.dropout, None
        if share > 0 and self.plan.at(self.step).quantisation != "rounding":
            factor = dropout(anchors.mask.shape, share, self._generator(anchors.position.device, stream=1))
        return spawn(anchors, self.decoders, camera, factor, partial(self._choose, "slots"), self.parts.halves)

    def random_colour(self) -> Float[Tensor, "3"]:
        """A colour of this step, to put behind the scene."""
        device = self.anchors.grid.device
        return torch.rand(3, generator=self._generator(device, stream=2), device=device)

    def in_semantic_training(self, camera: Camera) -> tuple[Gaussians, Float[Tensor, ""] | None]:
        """The Gaussians of a view in the colours of their features, and the features' bits per channel in stage 3.

        Everything but the features is what a decoder will have: rounded and masked.
        """
        state = self.semantic_state
        assert self.semantic is not None and state is not None
        anchors = self.decoded().anchors
        with torch.no_grad():
            index, spawned = spawn_visible(anchors, self.decoders, camera)
            weight = self.quality().index_select(0, index)
        generator = self._generator(index.device)
        feature, rate = self.semantic.in_training(index, self.anchors.grid, state, generator)
        return with_features(spawned, feature * weight[:, None]), rate

    @torch.no_grad()
    def decoded(self) -> ScenePreview:
        """All anchors as a decoder would see them; computed once per step, and once for stages 2 and 3."""
        moment = self.step if self.semantic_state is None else self.plan.total
        return self._decoded.at((self._resized, moment, self.rate_weight), self._decode)

    @torch.no_grad()
    def decoded_semantics(self) -> DecodedSemantics | None:
        """All features as a decoder would see them, ``None`` before stage 2; computed once per step."""
        if (state := self.semantic_state) is None or self.semantic is None or not self.has_features:
            return None
        moment, made = (self._resized, self.step, self.rate_weight), self.semantic.decoded
        return self._decoded_semantics.at(moment, lambda: made(self.anchors.grid, state.rate, self.quality()))

    def quality(self) -> Float[Tensor, " A"]:
        """Weight of each anchor in semantic learning (CSGaussian, Eq. 3); 1 where colour was trained without rate."""
        assert self.semantic is not None
        step = self.decoded().feature_step
        return self.semantic.quality(step) if self.plan.at(self.step).rate else torch.ones_like(step)

    @torch.no_grad()
    def masked(self) -> Anchors:
        """All anchors as trained, not rounded, with the mask that decides what is kept."""
        logit = self.anchors.mask_logit - self.rates.severity(self.rate_weight)
        mask = kept(logit, self.statistics.view_frequency()).float() if self.settings.offset_masks else None
        return self.anchors.everywhere(mask)

    def _decode(self) -> ScenePreview:
        if not self.plan.at(self.step).rate:
            return ScenePreview.as_trained(self.anchors.everywhere())
        return scene_preview(self.masked(), self.layout, self.entropy, self.context())

    def count_view(self, index: Tensor, opacity: Tensor, real: Tensor | None = None) -> None:
        """Feed the growth statistics with a view; arguments as of ``growth.observe_opacity``."""
        growth.observe_view(self.statistics, index, real)
        if self.plan.at(self.step).observe:
            growth.observe_opacity(self.statistics, index, opacity, real)

    def observer(self, index: Int[Tensor, " V"], spawned: Spawned, size: tuple[int, int]) -> GrowthObserver | None:
        """Who shall get the position gradients of a view.

        Args:
            index: The anchors in view.
            spawned: Their Gaussians, about to be rendered.
            size: Width and height of the image.

        Returns:
            ``None`` where the plan asks for no statistics.
        """
        if not self.plan.at(self.step).observe:
            return None
        slots = index[spawned.owner] * self.anchors.num_offsets + spawned.slots % self.anchors.num_offsets
        self._awaited = GrowthObserver(self.statistics, slots, size)
        return self._awaited

    def edit_anchors(self, optimizers: dict[str, torch.optim.Optimizer]) -> dict[str, nn.Parameter]:
        """Grow and prune if this step asks for it.

        Args:
            optimizers: By the names of ``param_groups``; their moments follow the anchors.

        Returns:
            The parameters that were replaced, by name.

        Raises:
            ContractError: The position gradients of the last view never came: growth would be blind.
        """
        awaited, self._awaited = self._awaited, None
        if awaited is not None and not awaited.delivered:
            raise ContractError(
                f"step {self.step} asked for the position gradients of its view, and the renderer delivered none: "
                "without them no anchor would ever be added. Every renderer must call the observer that it is given "
                "(render.rasterizer.Rasterizer)"
            )
        if not self.plan.at(self.step).edit_anchors:
            return {}
        generator = self._generator(torch.device("cpu"))
        added = growth.propose_anchors(self.anchors, self.statistics, self.settings.growth, generator)
        keep = growth.keep_mask(self.statistics, self.settings.growth)
        swapped = growth.apply_edit(self.anchors, self.statistics, keep, added)
        for name, (old, new) in swapped.items():
            move_state(optimizers[name], old, new, keep)
        return {name: new for name, (_, new) in swapped.items()}

    def resize_for(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Make room for the tensors of another scene, by their names here: anchors, and widths of the entropy model."""
        self._resized += 1
        self.entropy.resize_for({name.removeprefix("entropy."): value for name, value in checkpoint.items()})
        count = len(checkpoint["anchors.grid"])
        self.anchors.resize_for(count)
        self.statistics.resize_for(count)

    def _generator(self, device: torch.device, stream: int = 0) -> torch.Generator:
        """Random numbers of this step for one purpose: a resumed run draws the same."""
        return torch.Generator(device).manual_seed(self.settings.seed * 1_000_003 + self.step + (stream << 40))
