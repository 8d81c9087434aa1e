"""Training a lifter's spread on the projected prior, after the lifter's own training and without changing it.

What it learnt from, the lifter knows too well. So the spread is learnt, and calibrated, on strangers: see
:meth:`pose3d.lifting.virtual_objective.VirtualCameraObjective.of_strangers`.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pose3d.geometry.skeleton import N_JOINTS, mirror_permutation
from pose3d.lifting.lift import lift_both_ways
from pose3d.lifting.networks import Lifter
from pose3d.lifting.schedule import cosine_factor
from pose3d.lifting.spread import LEVEL, LEVELS, LiftedView, Spread, conformal_quantiles, pinball, sight_errors
from pose3d.lifting.virtual_camera import to_virtual_space
from pose3d.lifting.virtual_objective import VirtualCameraObjective
from pose3d.training.seeds import numpy_generator

WIDTH = 128
_LR = 2e-3
_CALIBRATION_STEPS = 32
_STEPS_AHEAD = 8
_SPREAD = 8  # key of random numbers, apart from the seed's other uses
_LEAST_ERROR = 1e-4  # a tenth of a mm, below which an error's logarithm says nothing


def fit_spread(lifter: Lifter, objective: VirtualCameraObjective, steps: int, seed: int) -> Spread:
    """Learn and calibrate the spread of a trained lifter.

    Args:
        lifter: trained; it stays as it is.
        objective: draws the pairs, see :meth:`VirtualCameraObjective.of_strangers`.
        steps: of Adam, with pairs that are not drawn twice; more of them follow for the calibration.
        seed: of the initial weights and all draws.

    Returns:
        On the lifter's device.
    """
    spread = _untrained(lifter.channels, lifter.layout, seed).to(next(lifter.parameters()).device)
    optimizer = torch.optim.Adam(spread.parameters(), lr=_LR)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine_factor(step, 0.0, steps))
    drawn = _draws(lifter, objective, steps + _CALIBRATION_STEPS, seed)
    for step in range(steps):
        view, mirrored, log_errors = next(drawn)
        if not step:
            with torch.no_grad():
                spread.last.bias.copy_(torch.quantile(log_errors.flatten(0, -3), LEVEL, dim=0).flatten())
        optimizer.zero_grad()
        pinball(log_errors - spread.log_radii(view, mirrored), LEVEL).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        scores = torch.cat([(log_errors - spread.log_radii(v, m)).flatten(0, -3) for v, m, log_errors in drawn])
        both = torch.cat([scores, scores[:, mirror_permutation()]])  # the mirror images of the draws are as likely
        spread.factors.copy_(conformal_quantiles(both, LEVELS).exp())
    return spread.eval().requires_grad_(False)


def _untrained(channels: int, name: str, seed: int) -> Spread:
    """With the same weights on all devices, and radii that begin as the same for all poses."""
    spread = Spread(channels, WIDTH, name)
    weight = spread.hidden.weight
    random = numpy_generator(seed, _SPREAD).normal(0, weight.shape[1] ** -0.5, weight.shape)
    with torch.no_grad():
        weight.copy_(torch.from_numpy(random))
        for zero in (spread.hidden.bias, spread.last.weight, spread.last.bias):
            zero.zero_()
    return spread


@torch.no_grad()
def _draws(
    lifter: Lifter, objective: VirtualCameraObjective, steps: int, seed: int
) -> Iterator[tuple[LiftedView, LiftedView, Tensor]]:
    """For each step views (N,), mirrored views, and the logarithms (N, 17, 2) of the errors."""
    for first in range(0, steps, _STEPS_AHEAD):
        ahead = range(first, min(first + _STEPS_AHEAD, steps))
        points, poses = objective.draw_pairs([numpy_generator(seed, _SPREAD, 1 + step) for step in ahead])
        for of_step, true_cam_m in zip(points, poses, strict=True):
            lifted, view, mirrored = lift_both_ways(lifter, of_step, lifter)
            before = lifter.frames_before + lifter.with_motion
            outputs = slice(before, of_step.shape[1] - lifter.frames_after)
            truth = to_virtual_space(true_cam_m[:, outputs, :N_JOINTS], lifted.rotation)
            errors = sight_errors(view.poses_virtual_m, view.roots_virtual_m, *truth)
            yield view, mirrored, (errors + _LEAST_ERROR).log()
