"""nerfstudio's pipeline; where a run has learned what objects are, its evaluation says how well."""

from pathlib import Path

from nerfstudio.pipelines.base_pipeline import VanillaPipeline


class CSGaussianPipeline(VanillaPipeline):
    """Adds ``object_metrics`` to what is measured on the held-out views."""

    def get_average_eval_image_metrics(
        self, step: int | None = None, output_path: Path | None = None, get_std: bool = False
    ) -> dict[str, float]:
        """Image quality, and how well objects are found where that can be measured."""
        from csgaussian_ns.ns.object_metrics import object_metrics  # loads runs, so it needs the finished configs

        return super().get_average_eval_image_metrics(step, output_path, get_std) | object_metrics(self)
