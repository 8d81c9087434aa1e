"""Frames of many clips end to end, and short runs of consecutive frames drawn from them."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Runs:
    """Index of every run of consecutive frames in clips that are stacked end to end.

    A run has ``n_outputs`` frames of its clip with ``before`` and ``after`` more around them; where those leave the
    clip, or the clip is shorter than the run, its edge frame is repeated.

    Args:
        lengths: frames of each clip, all positive.
        before, after: frames around the outputs, at least 0.
        n_outputs: frames with an output, at least 1.
        device: where the indices live.
    """

    def __init__(self, lengths: Sequence[int], before: int, n_outputs: int, after: int, device: torch.device) -> None:
        ends = np.cumsum(lengths)
        firsts = ends - lengths
        starts = [np.arange(first, max(end - n_outputs, first) + 1) for first, end in zip(firsts, ends, strict=True)]
        counts = [len(s) for s in starts]
        self._starts = torch.from_numpy(np.concatenate(starts)).to(device)
        self._firsts = torch.from_numpy(np.repeat(firsts, counts)).to(device)
        self._lasts = torch.from_numpy(np.repeat(ends - 1, counts)).to(device)
        self._offsets = torch.arange(-before, n_outputs + after, device=device)

    def __len__(self) -> int:
        return len(self._starts)

    def frames(self, runs: Tensor) -> Tensor:
        """Frames (..., before + n_outputs + after) of the runs (...), as indices into the stack."""
        runs = runs[..., None]
        return (self._starts[runs] + self._offsets).clamp(self._firsts[runs], self._lasts[runs])
