"""Training a lifter's landmark head on the projected prior, after the lifter's own training and without changing it.

On strangers, as the spread is: what it learnt from, the lifter knows too well, and the head would too.
"""

import torch
from torch import Tensor

from pose3d.geometry.layouts import layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.landmark_head import LandmarkHead
from pose3d.lifting.lift import lift_both_ways
from pose3d.lifting.losses import joint_distance
from pose3d.lifting.networks import Lifter
from pose3d.lifting.schedule import cosine_factor
from pose3d.lifting.spread import LiftedView
from pose3d.lifting.virtual_objective import VirtualCameraObjective
from pose3d.training.seeds import numpy_generator

WIDTH = 128
PASSES = 4
"""How often each draw is learnt from: drawing and lifting take longer than a step of the head does."""
_LR = 2e-3
_STEPS_AHEAD = 8
_LANDMARKS = 10  # key of random numbers, apart from the seed's other uses


def fit_landmarks(lifter: Lifter, objective: VirtualCameraObjective, steps: int, seed: int) -> LandmarkHead:
    """Learn where a trained lifter's landmarks are beside its joints.

    Args:
        lifter: trained, of a layout with landmarks; it stays as it is.
        objective: draws the pairs, see :meth:`VirtualCameraObjective.of_strangers`.
        steps: of draws, from each of which Adam takes :data:`PASSES` steps.
        seed: of the initial weights and all draws.

    Returns:
        On the lifter's device.
    """
    head = _untrained(lifter.channels, lifter.layout, seed).to(next(lifter.parameters()).device)
    optimizer = torch.optim.Adam(head.parameters(), lr=_LR)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: cosine_factor(step, 0.0, PASSES * steps))
    for first in range(0, steps, _STEPS_AHEAD):
        drawn = _draws(lifter, head.carriers, objective, range(first, min(first + _STEPS_AHEAD, steps)), seed)
        for view, mirrored, offsets in drawn * PASSES:
            optimizer.zero_grad()
            joint_distance(head.offsets_m(view, mirrored), offsets).backward()
            optimizer.step()
            schedule.step()
    return head.eval().requires_grad_(False)


def _untrained(channels: int, name: str, seed: int) -> LandmarkHead:
    """With the same weights on all devices, and landmarks that begin at their joints."""
    head = LandmarkHead(channels, WIDTH, name)
    rng = numpy_generator(seed, _LANDMARKS, 0)
    with torch.no_grad():
        for layer in (head.first, head.second):
            random = rng.normal(0, layer.weight.shape[1] ** -0.5, layer.weight.shape)
            layer.weight.copy_(torch.from_numpy(random))
            layer.bias.zero_()
        head.last.weight.zero_()
        head.last.bias.zero_()
    return head


@torch.no_grad()
def _draws(
    lifter: Lifter, carriers: list[int], objective: VirtualCameraObjective, steps: range, seed: int
) -> list[tuple[LiftedView, LiftedView, Tensor]]:
    """For each step views (N,), mirrored views, and the true offsets (N, L, 3) in the virtual camera's axes."""
    points = layout(lifter.layout)
    own = torch.from_numpy(points.numbers[points.numbers >= N_JOINTS])
    before = lifter.frames_before + lifter.with_motion
    planes, poses = objective.draw_pairs([numpy_generator(seed, _LANDMARKS, 1 + step) for step in steps])
    drawn = []
    for plane, true_cam_m in zip(planes, poses, strict=True):
        lifted, view, mirrored = lift_both_ways(lifter, plane, lifter)
        truth = true_cam_m[:, before : plane.shape[1] - lifter.frames_after]
        offsets = (truth[..., own, :] - truth[..., carriers, :]) @ lifted.rotation.transpose(-1, -2)
        drawn.append((view, mirrored, offsets))
    return drawn
