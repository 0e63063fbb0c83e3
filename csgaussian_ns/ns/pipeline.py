"""nerfstudio's pipeline; where a run has learned what objects are, its evaluation says how well."""

from pathlib import Path
from typing import Any

from nerfstudio.pipelines.base_pipeline import VanillaPipeline


class CSGaussianPipeline(VanillaPipeline):
    """Adds how well objects are found to what is measured on the held-out views."""

    def get_average_eval_image_metrics(
        self, step: int | None = None, output_path: Path | None = None, get_std: bool = False
    ) -> dict[str, Any]:
        """Image quality, and how well objects are found where that can be measured.

        ``ns-eval``, which measures no step of a training, also gets ``semantics``: the whole report, per object and per
        view, in the form of ``csg evaluate --json``. Loggers of a training can take numbers alone.
        """
        from csgaussian_ns.ns.object_metrics import means_of, object_report  # loads runs: needs the finished configs

        metrics = super().get_average_eval_image_metrics(step, output_path, get_std)
        report = object_report(self)
        details = {"semantics": report} if report and step is None else {}
        return metrics | means_of(report) | details
