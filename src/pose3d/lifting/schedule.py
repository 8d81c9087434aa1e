"""Values that change over training by a fixed rule: nothing is chosen by looking at errors."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


def geometric_ramp(step: int, start: float, end: float, steps: int) -> float:
    """From ``start`` at step 0 to ``end`` at step ``steps`` by a constant factor a step, then ``end``.

    The original's author: "the weight of the reprojection loss needs to be increased as training goes". With zero at
    either end there is no factor, and the value is ``end`` throughout.

    Args:
        step: from 0.
        start, end: values at the two ends, at least 0.
        steps: length of the ramp.
    """
    if step >= steps or start <= 0 or end <= 0:
        return end
    return start * (end / start) ** (step / steps)


def cosine_factor(step: int, end_ratio: float, steps: int) -> float:
    """From 1 at step 0 to ``end_ratio`` at step ``steps`` along half a cosine, for LambdaLR.

    Args:
        step: from 0; past ``steps`` the value stays.
        end_ratio: in [0, 1].
        steps: length of the half cosine, at least 1.
    """
    progress = min(step / steps, 1.0)
    return end_ratio + (1 - end_ratio) * 0.5 * (1 + math.cos(math.pi * progress))


def warmed_up_ema(decay: float) -> Callable[[Any, Any, Tensor | int], None]:
    """Exponential average for torch's AveragedModel that decays faster at first, and so forgets the random start.

    Args:
        decay: of each step, later on.
    """

    def update(averaged: Any, current: Any, n_averaged: Tensor | int) -> None:
        count = int(n_averaged)
        get_ema_multi_avg_fn(min(decay, count / (9 + count)))(averaged, current, count)

    return update
