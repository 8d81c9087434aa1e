"""The critic, used in place of 3D labels: which poses could the prior's people have taken?

After RepNet's critic (Wandt and Rosenhahn, CVPR 2019): one path on the joints, one on kinematic chain space. Trained as
a Wasserstein critic with gradient penalty (Gulrajani et al., NeurIPS 2017), as the original, or with the non-saturating
logistic loss and R1 (Mescheder et al., ICML 2018). The original's own critic is in :mod:`pose3d.lifting.original`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.kcs import N_BONES, KinematicChainSpace
from pose3d.lifting.networks import DoubleBackwardLeakyReLU, ResidualBlock
from pose3d.runtime.processes import WHOLE, Share

_JOINTS_WIDTH = 100


class Critic(nn.Module):
    """(B, 16, 3) root-relative poses in metres to (B,) scores, higher for poses like the prior's.

    Args:
        width: features of the kinematic chain path.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kcs = KinematicChainSpace()
        self.joints_path = nn.Sequential(
            nn.Linear(3 * (N_JOINTS - 1), _JOINTS_WIDTH),
            ResidualBlock(_JOINTS_WIDTH, DoubleBackwardLeakyReLU),
            nn.Linear(_JOINTS_WIDTH, _JOINTS_WIDTH),
        )
        self.kcs_path = nn.Sequential(
            nn.Linear(N_BONES * (N_BONES + 1) // 2, width),
            DoubleBackwardLeakyReLU(),
            ResidualBlock(width, DoubleBackwardLeakyReLU),
        )
        self.score = nn.Sequential(
            nn.Linear(_JOINTS_WIDTH + width, _JOINTS_WIDTH), DoubleBackwardLeakyReLU(), nn.Linear(_JOINTS_WIDTH, 1)
        )

    def forward(self, poses: Tensor) -> Tensor:
        joints = self.joints_path(poses.flatten(-2))
        chain = self.kcs_path(self.kcs(poses))
        return self.score(torch.cat([joints, chain], -1)).squeeze(-1)


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] at x between real and fake poses (Gulrajani et al., equation 3).

    Args:
        critic: takes (B, 16, 3) poses, gives (B,) scores.
        real, fake: (B, 16, 3).
        mix: (B,) in [0, 1], share of the real pose.
    """
    share = mix[:, None, None]
    between = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


class CriticLoss(Protocol):
    """The losses of a critic and of a generator that learns from its scores."""

    def critic_terms(
        self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """The critic's loss on (B, 16, 3) poses without a graph, and its unweighted penalty.

        Args:
            critic: takes (N, 16, 3) poses, gives (N,) scores.
            real, fake: (B, 16, 3) root-relative poses in metres, the prior's and the generator's.
            rng: the same in all processes.
        """

    def generator_term(self, scores: Tensor) -> Tensor:
        """The generator's loss from the (B,) scores of its poses."""


@dataclass(frozen=True)
class Wasserstein:
    """E[D(fake)] - E[D(real)] with :func:`gradient_penalty`; the generator lowers -E[D(fake)].

    Attributes:
        share: what the poses are of the batch that ``rng`` draws for.
    """

    share: Share = WHOLE

    def critic_terms(
        self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """E[D(fake)] - E[D(real)], and the gradient penalty.

        Args:
            critic, real, fake, rng: see :meth:`CriticLoss.critic_terms`.
        """
        mix = torch.from_numpy(self.share.part(rng.random(self.share.ranks * len(real)))).to(real)
        of_fake, of_real = critic(torch.cat([fake, real])).chunk(2)
        return of_fake.mean() - of_real.mean(), gradient_penalty(critic, real, fake, mix)

    def generator_term(self, scores: Tensor) -> Tensor:
        return -scores.mean()


class Logistic:
    """E[softplus(D(fake))] + E[softplus(-D(real))] with R1; the generator lowers E[softplus(-D(fake))].

    Non-saturating (Goodfellow et al., NeurIPS 2014). R1 is E[|grad D(real)|^2] / 2 (Mescheder et al., equation 9).
    """

    def critic_terms(
        self, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """E[softplus(D(fake))] + E[softplus(-D(real))], and R1.

        Args:
            critic, real, fake, rng: see :meth:`CriticLoss.critic_terms`; nothing is drawn.
        """
        real = real.clone().requires_grad_(True)
        scores = critic(real)
        (gradient,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
        loss = functional.softplus(-scores).mean() + functional.softplus(critic(fake)).mean()
        return loss, gradient.flatten(1).square().sum(1).mean() / 2

    def generator_term(self, scores: Tensor) -> Tensor:
        return functional.softplus(-scores).mean()
