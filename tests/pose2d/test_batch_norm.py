import copy
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from torch import nn

from pose3d.pose2d import batch_norm
from pose3d.pose2d.batch_norm import SharedBatchNorm2d, share_batch_statistics
from pose3d.pose2d.network import PoseResNet
from pose3d.runtime.processes import Share

CPU = torch.device("cpu")


@pytest.fixture
def two_threads(monkeypatch):
    """Threads instead of processes: two at a time meet in ``mean_over_processes``."""
    met, values = Barrier(2, timeout=10), []

    def mean(value):
        values.append(value.detach())
        met.wait()
        result = sum(values[-2:]) / 2
        met.wait()
        return result

    monkeypatch.setattr(batch_norm, "mean_over_processes", mean)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    with ThreadPoolExecutor(2) as pool:
        yield lambda function: list(pool.map(function, range(2)))


def test_batch_norm_of_shares_is_that_of_the_whole_batch(two_threads):
    """Outputs, gradients and running statistics of two steps, against nn.BatchNorm2d on the whole batch."""
    torch.manual_seed(0)
    whole = nn.Sequential(nn.BatchNorm2d(3))
    nn.init.normal_(whole[0].weight)
    nn.init.normal_(whole[0].bias)
    networks = [share_batch_statistics(copy.deepcopy(whole), CPU) for _ in range(2)]
    assert type(networks[1][0]) is SharedBatchNorm2d and list(networks[1].state_dict()) == list(whole.state_dict())
    batches = [3 + torch.randn(4, 3, 5, 6) * torch.arange(1, 5)[:, None, None, None] for _ in range(2)]
    targets = torch.randn(2, 4, 3, 5, 6)

    def train(network, rank, ranks):
        outputs = []
        for x, target in zip(batches, targets, strict=True):
            x = Share(rank, ranks).part(x).clone().requires_grad_(True)
            y = network(x)
            (y - Share(rank, ranks).part(target)).pow(2).mean().backward()
            outputs += [y.detach(), x.grad / ranks]
        return outputs

    expected = train(whole, 0, 1)
    found = two_threads(lambda rank: train(networks[rank], rank, 2))
    for value, *parts in zip(expected, *found, strict=True):
        torch.testing.assert_close(torch.cat(parts), value)
    for name, parameter in whole.named_parameters():
        gradients = [network.get_parameter(name).grad for network in networks]
        torch.testing.assert_close(sum(gradients) / 2, parameter.grad)
    for network in networks:
        for name, value in whole.state_dict().items():
            torch.testing.assert_close(network.state_dict()[name], value)
        torch.testing.assert_close(network.eval()(batches[0]), whole.eval()(batches[0]))


def test_one_process_keeps_its_batch_norm():
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=8)
    kinds = [type(module) for module in network.modules()]
    assert [type(module) for module in share_batch_statistics(network, CPU).modules()] == kinds
