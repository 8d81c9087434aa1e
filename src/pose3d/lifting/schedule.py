"""Values that change over training by a fixed rule: nothing is chosen by looking at errors."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


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


class WeightAverage:
    """Exponential average of a network's weights that decays faster at first, and so forgets the random start.

    Args:
        network: where it will be trained; its weights now are the average's first.
        decay: of each step, later on.

    Attributes:
        weights: the average by name, as in the network's ``state_dict``.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay, self._count = decay, 1
        current = network.state_dict()
        self._current = list(current.values())  # in the network's own memory
        self.weights = {name: value.clone() for name, value in current.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the network's weights in."""
        decay = min(self._decay, self._count / (9 + self._count))
        torch._foreach_lerp_(list(self.weights.values()), self._current, 1 - decay)
        self._count += 1

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, value in self.weights.items():
            value.copy_(state["weights"][name])
        self._count = state["count"]
