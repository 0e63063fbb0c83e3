"""The methods that ``ns-train`` lists. Imports nothing optional: an error here would break every ``ns-*`` command."""

from dataclasses import dataclass, replace

import torch
from nerfstudio.configs.base_config import LocalWriterConfig, LoggingConfig, MachineConfig, ViewerConfig
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from nerfstudio.engine.optimizers import AdamOptimizerConfig
from nerfstudio.plugins.types import MethodSpecification

from csgaussian_ns.capture.split import INTERVAL
from csgaussian_ns.ns.compat import allow_numpy_scalars_in_checkpoints
from csgaussian_ns.ns.datamanager import CSGaussianDataManagerConfig
from csgaussian_ns.ns.export import add_to_ns_export
from csgaussian_ns.ns.many_scenes import METHOD, CodecSplatTrainerConfig
from csgaussian_ns.ns.model import CSGaussianModelConfig
from csgaussian_ns.ns.pipeline import CSGaussianPipelineConfig
from csgaussian_ns.ns.schedulers import LogLinearSchedulerConfig
from csgaussian_ns.ns.trainer import CSGaussianTrainerConfig
from csgaussian_ns.stages.schedule import LITE_PLAN, LITE_SEMANTIC_PLAN, PAPER_PLAN, StagePlan

allow_numpy_scalars_in_checkpoints()
add_to_ns_export()


@dataclass
class FusedAdamOptimizerConfig(AdamOptimizerConfig):
    """Adam in one pass over the parameters."""

    eps: float = 1e-15
    """Term added to the denominator; tiny, because many gradients are."""
    fused: bool = True
    """Use torch's fused kernel (CPU and CUDA)."""

    def setup(self, params: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Build the optimiser of one group."""
        return torch.optim.Adam(params, self.lr, eps=self.eps, weight_decay=self.weight_decay, fused=self.fused)


def _group(lr: float, lr_final: float | None = None, start_step: int = 0) -> dict:
    scheduler = None if lr_final is None else LogLinearSchedulerConfig(lr_final=lr_final, start_step=start_step)
    return {"optimizer": FusedAdamOptimizerConfig(lr=lr), "scheduler": scheduler}


def _optimizers(short: bool) -> dict:
    """Learning rates of Scaffold-GS; positions of anchors are not trained.

    Where a run is ``short``, a sixth of the paper's, those of features, scalings and decoders begin at twice as much,
    that of colour at half as much again.

    That of offsets it multiplies by the extent of the cameras, 3.3 for cameras at distance 3. Offsets are in units of
    the anchor's length, so no scene's extent has to do with it, but the larger rate is the better one.

    Those that Scaffold-GS keeps constant decay to a tenth while the rate is paid for (``start_step=-1``): values then
    settle where bits and distortion balance.
    """
    faster = 2 if short else 1
    return {
        "feature": _group(0.0075 * faster, 0.00075, start_step=-1),
        "offset": _group(0.033, 0.00033),
        "scaling": _group(0.007 * faster, 0.0007, start_step=-1),
        "opacity_mlp": _group(0.002 * faster, 0.00002),
        "covariance_mlp": _group(0.004 * faster, 0.0004, start_step=-1),
        "color_mlp": _group(0.012 if short else 0.008, 0.00005),
        "mask_logit": _group(0.02, 0.002, start_step=-1),
        "entropy": _group(0.003, 0.0001, start_step=-1),
        "entropy_tables": _group(0.008, 0.0001, start_step=-1),
        "semantic": _group(0.05, 0.005, start_step=-1),
        "semantic_entropy": _group(0.005, 0.0005, start_step=-1),
    }


def _trainer(method_name: str, plan: StagePlan, model: CSGaussianModelConfig, every: int) -> CSGaussianTrainerConfig:
    """A run of ``plan``; ``every`` steps one evaluation view is measured and a checkpoint written."""
    return CSGaussianTrainerConfig(
        method_name=method_name,
        machine=MachineConfig(device_type="cuda" if torch.cuda.is_available() else "cpu"),
        logging=LoggingConfig(local_writer=LocalWriterConfig(enable=False), steps_per_log=50),
        max_num_iterations=plan.total,
        steps_per_save=every,
        steps_per_eval_batch=0,
        steps_per_eval_image=every,
        steps_per_eval_all_images=5 * every,
        mixed_precision=False,
        pipeline=CSGaussianPipelineConfig(
            datamanager=CSGaussianDataManagerConfig(
                dataparser=NerfstudioDataParserConfig(
                    load_3D_points=True, eval_mode="interval", eval_interval=INTERVAL
                ),
            ),
            model=model,
        ),
        optimizers=_optimizers(short=plan.total < PAPER_PLAN.total),
        viewer=ViewerConfig(num_rays_per_chunk=1 << 15, quit_on_train_completion=True),
        vis="viewer+tensorboard",
    )


csgaussian = MethodSpecification(
    config=_trainer("csgaussian", PAPER_PLAN, CSGaussianModelConfig(plan="paper"), every=1000),
    description="CSGaussian: anchor-based Gaussian splatting, the paper's schedule (GPU).",
)
csgaussian_lite = MethodSpecification(
    config=_trainer(
        "csgaussian-lite",
        LITE_PLAN,
        CSGaussianModelConfig(plan="lite", semantic_steps=LITE_SEMANTIC_PLAN.total),
        every=500,
    ),
    description="CSGaussian, the same plan scaled down: minutes on a CPU.",
)


HEMGS_WEIGHTS = (0.002, 0.004, 0.008, 0.016)
"""Lambdas of a run of HEMGS; the paper has four, too."""
HEMGS_MASKS = 1.0
"""How masks of such a run follow lambda (docs/decisions/0065)."""


def _hemgs(config: CSGaussianModelConfig) -> CSGaussianModelConfig:
    """The same scene with what pays of the entropy model of HEMGS (docs/decisions/0051), for many rates."""
    many = {"rate_weights": HEMGS_WEIGHTS, "rate_masks": HEMGS_MASKS}
    return replace(config, scene=replace(config.scene, hyperprior="progressive", **many))


csgaussian_hemgs = MethodSpecification(
    config=_trainer("csgaussian-hemgs", PAPER_PLAN, _hemgs(CSGaussianModelConfig(plan="paper")), every=1000),
    description="CSGaussian with what pays of HEMGS: one run, many rates, details coded from the feature (GPU).",
)
csgaussian_hemgs_lite = MethodSpecification(
    config=_trainer(
        "csgaussian-hemgs-lite",
        LITE_PLAN,
        _hemgs(CSGaussianModelConfig(plan="lite", semantic_steps=LITE_SEMANTIC_PLAN.total)),
        every=500,
    ),
    description="CSGaussian with what pays of HEMGS, the same plan scaled down: for CPUs.",
)


codecsplat = MethodSpecification(
    config=CodecSplatTrainerConfig(
        method_name=METHOD,
        machine=MachineConfig(device_type="cuda" if torch.cuda.is_available() else "cpu"),
        logging=LoggingConfig(local_writer=LocalWriterConfig(enable=False)),
        max_num_iterations=60_000,
        steps_per_save=1000,
        steps_per_eval_all_images=2000,
        mixed_precision=False,
        optimizers={},
        vis="tensorboard",
    ),
    description="CodecSplat: a network trained on many scenes makes one of a few photos, in some kilobytes.",
)
