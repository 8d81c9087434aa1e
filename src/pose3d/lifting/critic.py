"""The critic, used in place of 3D labels: which poses could the prior's people have taken?

After RepNet's critic (Wandt and Rosenhahn, CVPR 2019): one path on the joints, one on kinematic chain space. Trained as
a Wasserstein critic with gradient penalty (Gulrajani et al., NeurIPS 2017), as the original, or with the non-saturating
logistic loss and R1 (Mescheder et al., ICML 2018). It may see a pose beside the 2D that the pose is to explain (a
conditional critic: Mirza and Osindero, "Conditional generative adversarial nets", 2014), because not every pose of the
prior fits what was seen. The original's own critic is in :mod:`pose3d.lifting.original_critic`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.dense import LeakyReLU, Linear, ResidualBlock, Sequential, Trace
from pose3d.lifting.kcs import KinematicChainSpace
from pose3d.runtime.processes import WHOLE, Share

JOINTS_WIDTH = 100


class Judge(Protocol):
    """What gives scores, higher for poses like the prior's.

    Poses are (B, 16, 3), root-relative, in metres; a critic that sees their 2D too takes (B, 16, 5), see
    :func:`beside`.
    """

    def __call__(self, poses: Tensor) -> Tensor:
        """Poses to scores (B,), for the generator: derived by the poses alone."""

    def scores_and_slopes(self, poses: Tensor, sloped: slice) -> tuple[Tensor, Tensor]:
        """For the critic: scores (B,) and, of some of the poses, each score's gradient by its pose.

        Both are derived by the critic's weights alone.

        Args:
            poses: B of them.
            sloped: S of them.
        """


def beside(poses: Tensor, seen: Tensor) -> Tensor:
    """Poses with the 2D that they are to explain, for a critic that sees it.

    Args:
        poses: (B, 16, 3).
        seen: (B, 16, 2) of the virtual camera's view, (B, 16, 0) for a critic that does not see it.

    Returns:
        (B, 16, 5), or the poses.
    """
    return torch.cat([poses, seen], -1) if seen.shape[-1] else poses


class TwoPathCritic(nn.Module):
    """A :class:`Judge` of two networks, on a pose's joints and on its kinematic chain space, and one on their outputs.

    Args:
        joints_path: of :class:`~pose3d.lifting.dense.Sequential`, flattened poses to (B, 100).
        kcs: what ``kcs_path`` sees of a pose.
        kcs_path: to (B, width).
        width: its outputs.
    """

    def __init__(self, joints_path: Sequential, kcs: KinematicChainSpace, kcs_path: Sequential, width: int) -> None:
        super().__init__()
        self.kcs, self.joints_path, self.kcs_path = kcs, joints_path, kcs_path
        self.score = Sequential(Linear(JOINTS_WIDTH + width, JOINTS_WIDTH), LeakyReLU(), Linear(JOINTS_WIDTH, 1))

    def forward(self, poses: Tensor) -> Tensor:
        return _Scores.apply(self, poses)

    def scores_and_slopes(self, poses: Tensor, sloped: slice) -> tuple[Tensor, Tensor]:
        return _ScoresAndSlopes.apply(self, sloped, poses, *self.parameters())

    def run(self, poses: Tensor, trace: Trace) -> Tensor:
        """Flattened poses to (B, 1)."""
        joints = self.joints_path.run(poses, trace)
        chain = self.kcs_path.run(self.kcs.run(poses, trace), trace)
        return self.score.run(torch.cat([joints, chain], 1), trace)

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        both = self.score.pull(cotangents, trace)
        joints, chain = both.split([JOINTS_WIDTH, both.shape[1] - JOINTS_WIDTH], 1)
        of_chain = self.kcs.pull(self.kcs_path.pull(chain, trace), trace)
        return self.joints_path.pull(joints, trace).add_(of_chain)

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        joints = self.joints_path.push(tangents, trace)
        chain = self.kcs_path.push(self.kcs.push(tangents, trace), trace)
        return self.score.push(torch.cat([joints, chain], 1), trace)


class _Scores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, critic: TwoPathCritic, poses: Tensor) -> Tensor:
        trace = Trace()
        scores = critic.run(poses.flatten(1), trace)
        ctx.slopes = critic.pull(torch.ones_like(scores), trace) if ctx.needs_input_grad[1] else None
        return scores.squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_scores: Tensor) -> tuple[None, Tensor]:
        return None, (ctx.slopes * of_scores[:, None]).unflatten(1, (N_JOINTS - 1, -1))


class _ScoresAndSlopes(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, critic: TwoPathCritic, sloped: slice, poses: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.critic, ctx.trace = critic, Trace(rows=sloped)
        scores = critic.run(poses.flatten(1), ctx.trace)
        slopes = critic.pull(torch.ones_like(scores), ctx.trace)[sloped]
        return scores.squeeze(1), slopes.unflatten(1, (N_JOINTS - 1, -1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_scores: Tensor, of_slopes: Tensor) -> tuple[Tensor | None, ...]:
        trace = ctx.trace
        ctx.critic.push(of_slopes.flatten(1), trace)
        layers = list(trace.inputs)
        inputs = torch._foreach_mul(list(trace.inputs.values()), [of_scores[:, None]] * len(layers))
        pushed = [rows[trace.rows] for rows in inputs]
        torch._foreach_add_(pushed, [trace.tangents[layer] for layer in layers])
        gradients: dict[Tensor | None, Tensor] = {}
        for layer, rows in zip(layers, inputs, strict=True):
            cotangents = trace.cotangents[layer].t()
            gradients[layer.weight], gradients[layer.bias] = layer.gradient(cotangents, rows), cotangents.mv(of_scores)
        return None, None, None, *(gradients[weight] for weight in ctx.critic.parameters())


class Critic(TwoPathCritic):
    """The virtual camera's.

    Args:
        width: features of the kinematic chain path.
        sees_keypoints: whether it takes poses :func:`beside` their 2D.
    """

    def __init__(self, width: int, sees_keypoints: bool = False) -> None:
        channels = 3 + 2 * sees_keypoints
        kcs = KinematicChainSpace(channels=channels)
        super().__init__(
            Sequential(
                Linear(channels * (N_JOINTS - 1), JOINTS_WIDTH),
                ResidualBlock(JOINTS_WIDTH),
                Linear(JOINTS_WIDTH, JOINTS_WIDTH),
            ),
            kcs,
            Sequential(Linear(kcs.outputs, width), LeakyReLU(), ResidualBlock(width)),
            width,
        )


def gradient_penalty(slopes: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] of slopes (B, 16, ...), x between real and fake poses (Gulrajani et al., equation 3)."""
    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()


class CriticLoss(Protocol):
    """The losses of a critic and of a generator that learns from its scores."""

    def numbers(self, rngs: Sequence[np.random.Generator], poses: int) -> Tensor:
        """The random numbers of each of K critic steps' penalty, (K, ...).

        Args:
            rngs: of each step, the same in all processes.
            poses: B of :meth:`critic_terms`.
        """

    def critic_terms(self, critic: Judge, real: Tensor, fake: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's loss on poses without a graph, and its unweighted penalty.

        Args:
            critic: gives scores and slopes.
            real, fake: B poses of the prior and of the generator, see :class:`Judge`.
            numbers: a step's of :meth:`numbers`, on the poses' device.
        """

    def generator_term(self, scores: Tensor) -> Tensor:
        """The generator's loss from the (B,) scores of its poses."""


@dataclass(frozen=True)
class Wasserstein:
    """E[D(fake)] - E[D(real)] with :func:`gradient_penalty`; the generator lowers -E[D(fake)].

    Attributes:
        share: this process's part of the batch that ``rng`` draws for.
    """

    share: Share = WHOLE

    def numbers(self, rngs: Sequence[np.random.Generator], poses: int) -> Tensor:
        """Where between fake and real each slope is taken, 0 to 1, (K, B).

        Args:
            rngs, poses: see :meth:`CriticLoss.numbers`.
        """
        drawn = [self.share.part(rng.random(self.share.ranks * poses)) for rng in rngs]
        return torch.from_numpy(np.stack(drawn)).float()

    def critic_terms(self, critic: Judge, real: Tensor, fake: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """E[D(fake)] - E[D(real)], and the gradient penalty.

        Args:
            critic, real, fake, numbers: see :meth:`CriticLoss.critic_terms`.
        """
        between = torch.lerp(fake, real, numbers[:, None, None])
        scores, slopes = critic.scores_and_slopes(torch.cat([fake, real, between]), slice(2 * len(real), None))
        of_fake, of_real = scores[: 2 * len(real)].view(2, -1).mean(1)
        return of_fake - of_real, gradient_penalty(slopes)

    def generator_term(self, scores: Tensor) -> Tensor:
        return -scores.mean()


class Logistic:
    """E[softplus(D(fake))] + E[softplus(-D(real))] with R1; the generator lowers E[softplus(-D(fake))].

    Non-saturating (Goodfellow et al., NeurIPS 2014). R1 is E[|grad D(real)|^2] / 2 (Mescheder et al., equation 9).
    """

    def numbers(self, rngs: Sequence[np.random.Generator], poses: int) -> Tensor:
        """None, (K, 0).

        Args:
            rngs, poses: see :meth:`CriticLoss.numbers`.
        """
        return torch.empty(len(rngs), 0)

    def critic_terms(self, critic: Judge, real: Tensor, fake: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """E[softplus(D(fake))] + E[softplus(-D(real))], and R1.

        Args:
            critic, real, fake, numbers: see :meth:`CriticLoss.critic_terms`.
        """
        scores, slopes = critic.scores_and_slopes(torch.cat([real, fake]), slice(len(real)))
        signs = torch.ones_like(scores)
        signs[: len(real)].neg_()
        loss = functional.softplus(signs * scores).sum() / len(real)
        return loss, slopes.square().sum() / (2 * len(real))

    def generator_term(self, scores: Tensor) -> Tensor:
        return functional.softplus(-scores).mean()
