"""How many cores there are to work on."""

import os


def available_cores() -> int:
    """Cores this process may use: the affinity mask where the system has one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
