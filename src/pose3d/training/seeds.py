"""Seeds and random generators: same seed, same numbers."""

import os

import numpy as np
import torch

from pose3d.runtime.errors import InputError


def seed_all(seed: int) -> None:
    """Seed torch and ask it for deterministic algorithms; NumPy code takes :func:`numpy_generator` instead.

    ``POSE3D_DETERMINISTIC=0`` takes a GPU's quickest algorithms. On a CPU nothing is quicker without, and it stays
    deterministic whatever the variable says.

    Raises:
        InputError: the variable is something else than 0 and 1.
    """
    exact = _deterministic()
    if exact:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(exact, warn_only=True)
    # It would fill every new tensor with NaN first, to show what reads memory before writing it; nothing here does.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # not in torch's types
    torch.backends.cudnn.benchmark = not exact


def _deterministic() -> bool:
    value = os.environ.get("POSE3D_DETERMINISTIC") or "1"
    if value not in ("0", "1"):
        raise InputError(f"POSE3D_DETERMINISTIC must be 1, or 0 for a GPU's quickest algorithms, not '{value}'")
    on_gpu = os.environ.get("POSE3D_ACCELERATOR") != "cpu" and torch.cuda.is_available()
    return value == "1" or not on_gpu


def numpy_generator(seed: int, *keys: int) -> np.random.Generator:
    """A generator of its own for each purpose (``keys``), so that no draw depends on another's order."""
    return np.random.default_rng(np.random.SeedSequence([seed, *keys]))


def numbered_draws(numbers: np.ndarray, count: int, seed: int, *keys: int) -> np.ndarray:
    """Draws (B, count), uniform in [0, 1), for things with numbers: each thing's are its own, whoever it is drawn with.

    Thing n has draws n * count to (n + 1) * count - 1 of one generator that can begin anywhere: SplitMix64 (Steele, Lea
    and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17).

    Args:
        numbers: (B,) int64, from 0.
        count: of draws for each.
        seed, keys: as for :func:`numpy_generator`.
    """
    start = numpy_generator(seed, *keys).integers(2**64, dtype=np.uint64)
    places = numbers.astype(np.uint64)[:, None] * np.uint64(count) + np.arange(1, count + 1, dtype=np.uint64)
    mixed: np.ndarray = start + places * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)) * 2.0**-53
