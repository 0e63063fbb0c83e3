"""A finished or interrupted run, loaded. Alone, because nerfstudio looks for methods, ``ns.config``, while it loads."""

from pathlib import Path

from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.utils.eval_utils import eval_setup

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.ns.given import given_run
from csgaussian_ns.ns.model import CSGaussianModelConfig
from csgaussian_ns.ns.pipeline import CSGaussianPipeline


def load_run(config_file: Path, need_images: bool = True) -> CSGaussianPipeline:
    """The pipeline of a run at its last checkpoint, wherever its folder was moved to.

    Raises:
        ConfigError: No such file, or the run is of another method.
    """
    if not config_file.is_file():
        raise ConfigError(f"{config_file} does not exist; give the config.yml that ns-train wrote")
    with given_run(config_file):
        _, pipeline, _, _ = eval_setup(config_file, None, "test" if need_images else "inference", _with_our_pipeline)
    if not isinstance(pipeline, CSGaussianPipeline):
        raise ConfigError(f"expected a run of csgaussian; this one holds a {type(pipeline.model).__name__}")
    return pipeline


def _with_our_pipeline(config: TrainerConfig) -> TrainerConfig:
    """Early runs of ours name nerfstudio's."""
    if isinstance(config.pipeline.model, CSGaussianModelConfig):
        config.pipeline._target = CSGaussianPipeline
    return config
