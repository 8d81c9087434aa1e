"""The critic that stands in for 3D labels: which poses could the prior's people have taken?

RepNet's critic (Wandt and Rosenhahn, CVPR 2019): one path on the joints, one on kinematic chain space. Trained as a
Wasserstein critic with gradient penalty (Gulrajani et al., NeurIPS 2017).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from pose3d.lifting.kcs import N_BONES, KinematicChainSpace
from pose3d.lifting.networks import ResidualBlock
from pose3d.skeleton import N_JOINTS

_JOINTS_WIDTH = 100


class Critic(nn.Module):
    """(B, 16, 3) root-relative poses in metres to (B,) scores, higher for poses like the prior's.

    Args:
        width: features of the kinematic chain path (the original: 1000).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kcs = KinematicChainSpace()
        self.joints_path = nn.Sequential(
            nn.Linear(3 * (N_JOINTS - 1), _JOINTS_WIDTH),
            ResidualBlock(_JOINTS_WIDTH),
            nn.Linear(_JOINTS_WIDTH, _JOINTS_WIDTH),
        )
        self.kcs_path = nn.Sequential(
            nn.Linear(N_BONES * (N_BONES + 1) // 2, width), nn.LeakyReLU(), ResidualBlock(width)
        )
        self.score = nn.Sequential(
            nn.Linear(_JOINTS_WIDTH + width, _JOINTS_WIDTH), nn.LeakyReLU(), nn.Linear(_JOINTS_WIDTH, 1)
        )

    def forward(self, poses: Tensor) -> Tensor:
        joints = self.joints_path(poses.flatten(-2))
        chain = self.kcs_path(self.kcs(poses))
        return self.score(torch.cat([joints, chain], -1)).squeeze(-1)


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] at x between real and fake poses (Gulrajani et al., equation 3).

    Args:
        real, fake: (B, 16, 3).
        mix: (B,) in [0, 1], share of the real pose.
    """
    share = mix[:, None, None]
    between = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def critic_terms(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Wasserstein estimate E[D(real)] - E[D(fake)], which the critic raises, and the gradient penalty.

    ``fake`` is cut from the generator's graph: a critic step must not spend time on the generator's gradients.
    """
    fake = fake.detach()
    distance = critic(real).mean() - critic(fake).mean()
    return distance, gradient_penalty(critic, real, fake, mix)
