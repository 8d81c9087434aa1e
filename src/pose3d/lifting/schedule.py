"""Values that change over training by a fixed rule: nothing is chosen by looking at errors."""

import math


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


def cosine_decay(step: int, start: float, end_share: float, steps: int) -> float:
    """From ``start`` at step 0 to ``start * end_share`` at step ``steps`` along half a cosine.

    Args:
        step: from 0; past ``steps`` the value stays.
        start: value at step 0.
        end_share: value at the end over that at the start, in [0, 1].
        steps: length of the half cosine, at least 1.
    """
    progress = min(step / steps, 1.0)
    return start * (end_share + (1 - end_share) * 0.5 * (1 + math.cos(math.pi * progress)))


def averaging_decay(step: int, decay: float) -> float:
    """Decay of the averaged weights at a step: small at first, so that the average forgets the random start."""
    return min(decay, (1 + step) / (10 + step))
