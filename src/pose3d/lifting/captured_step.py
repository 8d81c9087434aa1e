"""A training step as one call: a GPU takes down what it does, and then does it again on new contents of its memory.

On small batches a GPU waits for Python to call the next of several hundred operators. A CUDA graph holds their kernels
with all addresses, and with all numbers that Python gave. So what changes from step to step has to come in tensors that
keep their places, the learning rates too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

_PLAIN_STEPS = 3
"""Taken before the capture: in them optimizers make their states, and libraries their workspaces."""

Inputs = TypeVar("Inputs")
Terms = dict[str, Tensor]
Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes down what some work would have the device do, without doing it, and gives what does it, on the same memory."""


def cuda_graph(work: Callable[[], None]) -> Callable[[], None]:
    """The :data:`Capture` of CUDA.

    Args:
        work: called once.

    Raises:
        RuntimeError: the work cannot be captured, such as where Python looks at a tensor's values.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def capture_for(device: torch.device, processes: int) -> Capture | None:
    """How a device takes a step down; None where it takes operators one by one.

    Processes that exchange gradients do so: what their exchange does in a graph is not known here.

    Args:
        device: of the training.
        processes: that train together.
    """
    return cuda_graph if device.type == "cuda" and processes == 1 else None


class CapturedStep(Generic[Inputs]):
    """A step that is captured after a few plain ones, and from then on replayed: the same numbers.

    Where it cannot be captured plain steps go on, and that is said.

    Args:
        take: the step, inputs to detached terms. No Python in it looks at a tensor's values.
        optimizers: those that it steps, fused. Their schedules are stepped between the steps.
        capture: of the device.
        device: where all of it is.
    """

    def __init__(
        self,
        take: Callable[[Inputs], Terms],
        optimizers: Sequence[torch.optim.Optimizer],
        capture: Capture,
        device: torch.device,
    ) -> None:
        self._take, self._optimizers, self._capture = take, optimizers, capture
        self._rates = [torch.zeros((), device=device) for _ in optimizers]
        self._plain_steps: float = _PLAIN_STEPS
        self._replay: Callable[[], None] | None = None

    def __call__(self, inputs: Inputs) -> Terms:
        """Take a step.

        Args:
            inputs: for ``take``, tensors in tuples, of the same shapes at every step.

        Returns:
            The terms, which the next step may overwrite.
        """
        for rate, optimizer in zip(self._rates, self._optimizers, strict=True):
            rate.fill_(optimizer.param_groups[0]["lr"])
        if self._plain_steps > 0:
            self._plain_steps -= 1
            return self._take_plainly(inputs)
        if self._replay is None:
            self._inputs = tree_map_only(Tensor, torch.clone, inputs)
            try:
                self._replay = self._captured()
            except RuntimeError as error:
                self._plain_steps = float("inf")
                reason = str(error).splitlines()[0]
                print(f"training steps are called operator by operator, because they cannot be captured: {reason}")
                return self._take_plainly(inputs)
        torch._foreach_copy_(tree_leaves(self._inputs), tree_leaves(inputs))
        self._replay()
        return self._terms

    def _take_plainly(self, inputs: Inputs) -> Terms:
        with self._rates_from_tensors(capturable=False):
            return self._take(inputs)

    def _captured(self) -> Callable[[], None]:
        def work() -> None:
            self._terms = self._take(self._inputs)

        with self._rates_from_tensors(capturable=True):
            return self._capture(work)

    @contextmanager
    def _rates_from_tensors(self, capturable: bool) -> Iterator[None]:
        """Let optimizers take their rates from tensors, and give them their own back, which schedules change.

        Plain steps do so, too: a tensor rounds a rate to float32, and a run that goes on from a checkpoint takes some
        plain steps where the run that wrote it replayed.
        """
        groups = [optimizer.param_groups[0] for optimizer in self._optimizers]
        kept = [{"lr": group["lr"], "capturable": group["capturable"]} for group in groups]
        for group, rate in zip(groups, self._rates, strict=True):
            group.update(lr=rate, capturable=capturable)
        try:
            yield
        finally:
            for group, own in zip(groups, kept, strict=True):
                group.update(own)
