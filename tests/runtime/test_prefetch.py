"""How long a device waited for what is loaded."""

import pytest
import torch

from pose3d.runtime.prefetch import Awaited, HostClock, clock_of


class Machine:
    """A host and a device whose work queues up, with one clock for both.

    Attributes:
        now: the host's time, s.
        free: when the device will have done all that it was given.
    """

    def __init__(self) -> None:
        self.now = self.free = 0.0

    def load(self, seconds: float, count: int):
        """Items, for each of which the host waits."""
        for _ in range(count):
            self.now += seconds
            yield self.now

    def compute(self, seconds: float) -> None:
        """Give the device work, and go on."""
        self.free = max(self.free, self.now) + seconds

    def mark(self) -> list[float]:
        """As of a stream: when the device comes to it, which is not before the host asks."""
        self.free = max(self.free, self.now)
        return [self.free]

    def seconds(self, first: list[float], second: list[float]) -> float:
        self.now = max(self.now, second[0])
        return second[0] - first[0]


class HostTime(HostClock):
    """The host's clock of the same machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def mark(self) -> float:
        return self._machine.now


@pytest.mark.parametrize(
    ("loading", "computing", "busy", "by_the_host"),
    [
        (0.9, 1.0, 1 - 0.9 / 10.9, 0),  # all but the first item are there before the device is done
        (1.0, 0.5, 5 / 10.5, 0),  # the device works in half of each second from the first item on
    ],
)
def test_a_device_that_works_while_the_host_waits_is_busy(loading, computing, busy, by_the_host):
    machine = Machine()
    items, of_host = Awaited(machine.load(loading, 10), machine), HostTime(machine)
    host = Awaited(items, of_host)
    for _ in host:
        machine.compute(computing)
    assert host.busy_share() == by_the_host  # the host gave work in no time, and waited in all of it
    assert items.busy_share() == pytest.approx(busy)


def test_looking_at_the_share_now_and_then_changes_nothing():
    shares = []
    for looks in (True, False):
        machine = Machine()
        items = Awaited(machine.load(1.0, 5), machine)
        for _ in items:
            machine.compute(3.0)
            if looks:
                items.busy_share()
        shares.append(items.busy_share())
    assert shares[1] == pytest.approx(15 / 16) and shares[0] == pytest.approx(15 / 20)  # looking waits for the device


def test_waiting_for_batches_is_counted(monkeypatch):
    clock = iter([0.0, 0.0, 1.0, 4.0, 7.0, 10.0, 10.0, 16.0])  # three waits of 1, 3 and 0 s
    monkeypatch.setattr("pose3d.runtime.prefetch.time.perf_counter", lambda: next(clock))
    batches = Awaited(iter("ab"))
    assert [*batches] == ["a", "b"]
    assert batches.busy_share() == 0.75


def test_a_cpus_clock_is_the_hosts():
    assert isinstance(clock_of(torch.device("cpu")), HostClock)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpus_clock_is_its_own():
    device = torch.device("cuda")
    clock, values = clock_of(device), torch.ones(4096, 4096, device=device)
    first = clock.mark()
    for _ in range(50):
        values = values @ values
    assert clock.seconds(first, clock.mark()) > 0
