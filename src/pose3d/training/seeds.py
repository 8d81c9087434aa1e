"""Seeds and random generators: same seed, same numbers."""

import os

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed torch and ask it for deterministic algorithms; NumPy code takes :func:`numpy_generator` instead."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # It would fill every new tensor with NaN first, to show what reads memory before writing it; nothing here does.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False


def numpy_generator(seed: int, *keys: int) -> np.random.Generator:
    """A generator of its own for each purpose (``keys``), so that no draw depends on another's order."""
    return np.random.default_rng(np.random.SeedSequence([seed, *keys]))
