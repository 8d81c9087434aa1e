"""The original system's training loops, written again as its author wrote them: what our training is measured by.

Its networks, losses and schedule are those of ``formulation: original``, and on one batch its losses equal ours (a test
compares them); the arithmetic is the same, and so is what is learnt. What differs is how it is carried out, and that
mirrors the original's code, no better and no worse:

- A ``Dataset`` gives one item at a time, indexed out of normalised tensors that are made once; a ``DataLoader``
  collates 64 of them (no worker process for frames, one for windows). A window is cut out, and at a clip's edges put
  together, for each item.
- A critic step runs the generator with gradients, and the loss as well as the penalty, whose interpolated poses stay
  attached to the generator, send them back through it; nobody uses them, and the generator's own step clears them.
- The critic sees real, fake and interpolated poses one after another; each time the kinematic chain's matrix is made
  anew from a list, repeated for every pose of the batch and sent to the device.
- Windows go through strided convolutions. The critic's weights are frozen while the generator learns from frames, and
  not where it learns from windows.
- Adam as ``torch.optim`` makes it without being asked for anything; both parts of the generator's loss are fetched from
  the device in every step.

Left out are what its author did every 500 steps, saving and testing, and the wrong sign in the kinematic chain matrix.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.original import normalise_px, normalised_intrinsics
from pose3d.lifting.original_critic import chain_matrix
from pose3d.lifting.supervision import Supervision

PAD = 13
"""Frames of a window before and after its centre."""
BATCH_SIZE = 64
CRITIC_STEPS = 5
PENALTY_WEIGHT = 10
_LR, _BETAS = 1e-4, (0.5, 0.9)
_KEYPOINTS, _POSE = 2 * (N_JOINTS - 1), 3 * (N_JOINTS - 1)
_BONES = chain_matrix().tolist()


class ResidualBlock(nn.Module):
    """Two linear layers beside a skip connection; LeakyReLU between them and after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(), nn.Linear(width, width))
        self.activation = nn.LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.layers(x))


class FrameGenerator(nn.Module):
    """(B, 32) keypoints to (B, 54): a pose (48) and a weak-perspective camera (6)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(_KEYPOINTS, width), nn.LeakyReLU(), ResidualBlock(width))
        self.pose = nn.Sequential(
            ResidualBlock(width),
            ResidualBlock(width),
            nn.Linear(width, width),
            nn.LeakyReLU(),
            nn.Linear(width, _POSE),
        )
        self.camera = nn.Sequential(ResidualBlock(width), ResidualBlock(width), nn.Linear(width, 6))

    def forward(self, keypoints: Tensor) -> Tensor:
        shared = self.shared(keypoints)
        return torch.cat([self.pose(shared), self.camera(shared)], 1)


class WindowNetwork(nn.Module):
    """(B, 27, inputs) windows to (B, outputs) for their centre frame."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(inputs, width, 3, stride=3)
        self.reduce = nn.ModuleList(nn.Conv1d(width, width, 3, stride=3) for _ in range(2))
        self.mix = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(2))
        self.last = nn.Conv1d(width, outputs, 1)

    def forward(self, windows: Tensor) -> Tensor:
        x = functional.leaky_relu(self.first(windows.transpose(1, 2)))
        for reduce, mix in zip(self.reduce, self.mix, strict=True):
            centres = x[:, :, 1::3]
            x = functional.leaky_relu(reduce(x))
            x = self.residual(centres, mix(x))
        return self.last(x).squeeze(2)

    def residual(self, centres: Tensor, mixed: Tensor) -> Tensor:
        return functional.leaky_relu(centres + mixed)


class Critic(nn.Module):
    """(B, 48) poses to (B, 1) scores."""

    def __init__(self, width: int, joints_width: int = 100) -> None:
        super().__init__()
        self.joints_path = nn.Sequential(
            nn.Linear(_POSE, joints_width),
            nn.LeakyReLU(),
            ResidualBlock(joints_width),
            nn.Linear(joints_width, joints_width),
        )
        self.kcs_path = nn.Sequential(nn.Linear(len(_BONES) ** 2, width), nn.LeakyReLU(), ResidualBlock(width))
        self.score = nn.Sequential(
            nn.Linear(joints_width + width, joints_width), nn.LeakyReLU(), nn.Linear(joints_width, 1)
        )

    def forward(self, poses: Tensor) -> Tensor:
        bones = torch.tensor(_BONES).repeat(len(poses), 1, 1).to(poses.device) @ poses.view(-1, N_JOINTS - 1, 3)
        psi = torch.matmul(bones, bones.transpose(1, 2))
        chain = self.kcs_path(psi.flatten(1))
        return self.score(torch.cat([self.joints_path(poses), chain], 1))


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """10 E[(|grad D(x)| - 1)^2] at x between (B, 48) poses, ``share`` (B, 1) of the real one."""
    between = share * real + (1 - share) * fake
    between.requires_grad_(True)
    scores = critic(between)
    (gradient,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True)
    return PENALTY_WEIGHT * ((gradient.norm(2, dim=1) - 1) ** 2).mean()


def critic_loss(critic: nn.Module, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """What the critic lowers on (B, 48) poses."""
    loss_real = -critic(real).mean()
    loss_fake = critic(fake).mean()
    return loss_real + loss_fake + gradient_penalty(critic, real, fake, share)


def frame_losses(critic: nn.Module, outputs: Tensor, keypoints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Reprojection, camera and critic terms, as weighed in the end, of outputs (B, 54) on keypoints (B, 32)."""
    poses, cameras = outputs[:, :_POSE], outputs[:, _POSE:].view(-1, 3, 2)
    projected = torch.matmul(poses.view(-1, N_JOINTS - 1, 3), cameras).view(-1, _KEYPOINTS)
    reprojection = 100 * 100 * functional.mse_loss(projected, keypoints)
    gram = torch.matmul(cameras.transpose(1, 2), cameras)
    scale = 2 / (gram[:, 0, 0] + gram[:, 1, 1])
    difference = scale.view(-1, 1, 1) * gram - torch.eye(2).view(1, 2, 2).to(gram.device)
    return reprojection, torch.norm(difference, dim=(1, 2)).mean(), -critic(poses).mean()


def window_losses(
    critic: nn.Module, poses: Tensor, roots: Tensor, absolute: Tensor, intrinsics: Tensor
) -> tuple[Tensor, Tensor]:
    """Reprojection and critic terms.

    Args:
        poses, roots: (B, 48) and (B, 3) of the centre frames.
        absolute: (B, 17, 2) normalised keypoints of the centre frames.
        intrinsics: (B, 4) focal lengths and centre in the same units.
    """
    roots = roots.view(-1, 1, 3)
    joints = torch.cat([roots, roots + poses.view(-1, N_JOINTS - 1, 3)], 1)
    depth = joints[..., 2:]
    projected = intrinsics[:, None, :2] * joints[..., :2] + intrinsics[:, None, 2:] * depth
    return 100 * functional.mse_loss(projected, absolute * depth), -critic(poses).mean()


def _endless(loader: DataLoader) -> Iterator[list[Tensor]]:
    while True:
        yield from loader


def _keypoints(supervision: Supervision) -> Tensor:
    """(N, 17, 2) of all clips, normalised: the root as it is, the other joints relative to it."""
    pairs = zip(supervision.sequences, supervision.detections, strict=True)
    absolute = [torch.from_numpy(normalise_px(d.keypoints_px, s.camera.width_px)).float() for s, d in pairs]
    keypoints = torch.cat(absolute)
    keypoints[:, 1:] -= keypoints[:, :1].clone()
    return keypoints


def _poses(supervision: Supervision) -> Tensor:
    """(N, 48) root-relative poses of the prior, one for each detection; there have to be as many."""
    poses = torch.cat([torch.from_numpy(s.poses_cam_m) for s in supervision.prior])
    return (poses[:, 1:] - poses[:, :1]).flatten(1)


class FrameItems(Dataset):
    """Keypoints (32,) and an unpaired pose (48,)."""

    def __init__(self, supervision: Supervision) -> None:
        self.keypoints = _keypoints(supervision)[:, 1:].flatten(1)
        self.poses = _poses(supervision)

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.keypoints[index], self.poses[index]


class WindowItems(Dataset):
    """A window (27, 34), its camera's intrinsics (4,) and an unpaired pose (48,); edge frames are repeated."""

    def __init__(self, supervision: Supervision) -> None:
        self.keypoints = _keypoints(supervision).flatten(1)
        self.poses = _poses(supervision)
        intrinsics, self.clips = [], []
        first = 0
        for sequence in supervision.sequences:
            focal, centre = normalised_intrinsics(sequence)
            intrinsics.append(torch.tensor([*focal, *centre]).float().expand(len(sequence), -1))
            self.clips += [(first, first + len(sequence))] * len(sequence)
            first += len(sequence)
        self.intrinsics = torch.cat(intrinsics)

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        first, end = self.clips[index]
        window = self.keypoints[max(index - PAD, first) : min(index + PAD + 1, end)]
        if index - PAD < first:
            window = torch.cat([window[:1].repeat(first - index + PAD, 1), window])
        if index + PAD >= end:
            window = torch.cat([window, window[-1:].repeat(index + PAD + 1 - end, 1)])
        return window, self.intrinsics[index], self.poses[index]


class FrameTraining:
    """The single-frame loop; :meth:`step` is five critic steps and one of the generator."""

    def __init__(self, supervision: Supervision, width: int, device: torch.device) -> None:
        self.device = device
        self.generator, self.critic = FrameGenerator(width).to(device), Critic(width).to(device)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=_LR, betas=_BETAS)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=_LR, betas=_BETAS)
        items = FrameItems(supervision)
        self.for_critic = _endless(DataLoader(items, BATCH_SIZE, shuffle=True))
        self.for_generator = _endless(DataLoader(items, BATCH_SIZE, shuffle=True))

    def step(self) -> tuple[float, float]:
        for parameter in self.critic.parameters():
            parameter.requires_grad = True
        for _ in range(CRITIC_STEPS):
            keypoints, real = (part.to(self.device) for part in next(self.for_critic))
            self.critic.zero_grad()
            fake = self.generator(keypoints)[:, :_POSE]
            critic_loss(self.critic, real, fake, torch.rand(len(real), 1).to(self.device)).backward()
            self.critic_optimizer.step()
        for parameter in self.critic.parameters():
            parameter.requires_grad = False
        keypoints = next(self.for_generator)[0].to(self.device)
        self.generator.zero_grad()
        reprojection, camera, adversarial = frame_losses(self.critic, self.generator(keypoints), keypoints)
        loss = reprojection + adversarial + camera
        logged = reprojection.item(), adversarial.item()
        loss.backward()
        self.generator_optimizer.step()
        return logged


class WindowTraining:
    """The temporal loop; :meth:`step` is five critic steps and one of the two generators."""

    def __init__(self, supervision: Supervision, width: int, device: torch.device) -> None:
        self.device = device
        self.pose, self.root = (
            WindowNetwork(inputs, outputs, width).to(device)
            for inputs, outputs in ((_KEYPOINTS, _POSE), (2 * N_JOINTS, 3))
        )
        self.critic = Critic(width).to(device)
        parameters = [*self.root.parameters(), *self.pose.parameters()]
        self.generator_optimizer = torch.optim.Adam(parameters, lr=_LR, betas=_BETAS)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=_LR, betas=_BETAS)
        items = WindowItems(supervision)
        self.for_critic = _endless(DataLoader(items, BATCH_SIZE, shuffle=True, num_workers=1))
        self.for_generator = _endless(DataLoader(items, BATCH_SIZE, shuffle=True, num_workers=1))

    def step(self) -> tuple[float, float]:
        for _ in range(CRITIC_STEPS):
            windows, _, real = next(self.for_critic)
            windows, real = windows.to(self.device), real.to(self.device)
            self.critic.zero_grad()
            fake = self.pose(windows[..., 2:])
            critic_loss(self.critic, real, fake, torch.rand(len(real), 1).to(self.device)).backward()
            self.critic_optimizer.step()
        windows, intrinsics, _ = next(self.for_generator)
        windows, intrinsics = windows.to(self.device), intrinsics.to(self.device)
        absolute = windows.clone().unflatten(2, (N_JOINTS, 2))
        absolute[:, :, 1:] = absolute[:, :, 1:] + absolute[:, :, :1]
        self.pose.zero_grad()
        self.root.zero_grad()
        poses, roots = self.pose(windows[..., 2:]), self.root(absolute.flatten(2))
        reprojection, adversarial = window_losses(self.critic, poses, roots, absolute[:, PAD], intrinsics)
        loss = adversarial + reprojection
        logged = adversarial.item(), reprojection.item()
        loss.backward()
        self.generator_optimizer.step()
        return logged
