"""What nerfstudio 1.1.5 needs from us to run beside a current torch, and without a GPU."""

import os
import warnings
from typing import Any

import numpy as np
import torch
from nerfstudio.utils.rich_utils import CONSOLE


def allow_numpy_scalars_in_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)``, the default since torch 2.6, read nerfstudio's own schedulers.

    Their learning rates are numpy scalars. Ours are Python floats (``ns.schedulers``), but a user may choose theirs.
    """
    scalar: Any = np.float64(0).__reduce__()[0]  # numpy 1 and 2 keep this function in different private modules
    dtypes = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64)]
    torch.serialization.add_safe_globals([scalar, np.dtype, *dtypes])


def silence_frozen_groups() -> None:
    """Drop torch's warning about schedulers that run before their optimiser.

    nerfstudio steps the schedulers of all groups; groups that join the training later have nothing to step yet.
    """
    warnings.filterwarnings("ignore", message=r"Detected call of `lr_scheduler\.step\(\)` before")


def usable_device(wanted: str) -> str:
    """``wanted``, or ``cpu`` with one line of explanation where it asks for a GPU that torch cannot use."""
    if wanted == "cuda" and not torch.cuda.is_available():
        CONSOLE.print("[yellow]No CUDA GPU that torch can use was found: training on the CPU instead.[/yellow]")
        return "cpu"
    return wanted


def hint_wait_policy(device: str) -> None:
    """Tell how to keep torch's idle OpenMP threads off the cores; it must be set before torch is imported."""
    if device == "cpu" and os.environ.get("OMP_WAIT_POLICY", "").upper() != "PASSIVE":
        CONSOLE.print(
            "[dim]Hint: prefix the command with OMP_WAIT_POLICY=PASSIVE to train 10-20 % faster on a CPU.[/dim]"
        )
