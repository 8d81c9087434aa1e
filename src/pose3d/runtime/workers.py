"""The number of processes or threads that share frame work."""

import os

from pose3d.runtime.errors import InputError


def worker_count() -> int:
    """``POSE3D_WORKERS``, or one per CPU core. From the environment, not from params, because no result depends on it.

    Raises:
        InputError: the variable is not a whole number above 0.
    """
    value = os.environ.get("POSE3D_WORKERS", "")
    if not value:
        return os.cpu_count() or 1
    if not value.isdecimal() or int(value) < 1:
        raise InputError(f"POSE3D_WORKERS must be a whole number above 0, not '{value}'")
    return int(value)
