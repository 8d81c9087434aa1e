"""Batch normalisation over the batches of all processes, so that their number changes no result."""

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from pose3d.runtime.processes import mean_over_processes

Network = TypeVar("Network", bound=nn.Module)


class _Mean(torch.autograd.Function):
    """:func:`mean_over_processes` with gradients: each process's loss sends its own to every process."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        return mean_over_processes(values)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return mean_over_processes(gradient)


class SharedBatchNorm2d(nn.BatchNorm2d):
    """:class:`torch.nn.SyncBatchNorm` for any device, not for GPUs only; all processes' batches are of one size.

    Statistics are float32 at least, whatever the precision.
    """

    # Running statistics are always kept, with a momentum and not as a cumulative mean.
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape, B being this process's share."""
        if not self.training:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            values = x.to(torch.promote_types(x.dtype, torch.float32))
            mean = _Mean.apply(values.mean((0, 2, 3)))
            centred = values - mean[:, None, None]
            variance = _Mean.apply(centred.square().mean((0, 2, 3)))
            scale = self.weight * (variance + self.eps).rsqrt()
            normalised = (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)
        count = torch.distributed.get_world_size() * x.numel() // x.shape[1]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        return normalised


def share_batch_statistics(network: Network, device: torch.device) -> Network:
    """The network with every nn.BatchNorm2d replaced where there are several processes; names and values stay."""
    if not torch.distributed.is_initialized():
        return network
    if device.type != "cpu":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)
    return network
