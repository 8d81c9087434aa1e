"""Networks of linear layers and leaky ReLUs, with their passes written out.

Autograd derives such a network operator by operator, and a gradient's gradient once more. But between its kinks the
network is linear, so that three passes say everything, a matrix product a layer each:

- ``run`` takes inputs forward;
- ``pull`` takes cotangents back, the gradient by the outputs to that by the inputs, through the transposed layers;
- ``push`` takes tangents forward, a change of the inputs to that of the outputs, without the biases.

A weight's gradient is that of its outputs times its inputs. And the derivative of (input gradient . c) by a weight is
the cotangents of its outputs times the tangents of its inputs, where c is pushed: no pass is derived.

All take rows (N, features). Modules keep torch's names, so that they load what torch's own wrote.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Trace:
    """What the passes through a network leave for each other and for the weights' gradients.

    Args:
        wants_inputs: whether ``pull`` goes back to the network's inputs, and not to its first layer's outputs alone.
        rows: of those that were run, the ones that are pushed.

    Attributes:
        inputs, cotangents, tangents: rows of each linear layer, of its inputs, outputs and inputs, in running order.
        matrices: (out, in) of each linear layer and the same transposed, in its rows' precision.
        kept: of each other layer what its derivative needs, such as a leaky ReLU's outputs, whose signs are its slopes.
    """

    def __init__(self, wants_inputs: bool = True, rows: slice = slice(None)) -> None:
        self.wants_inputs, self.rows = wants_inputs, rows
        self.inputs: dict[Product, Tensor] = {}
        self.cotangents: dict[Product, Tensor] = {}
        self.tangents: dict[Product, Tensor] = {}
        self.matrices: dict[Product, tuple[Tensor, Tensor]] = {}
        self.kept: dict[nn.Module, Tensor] = {}


class Product(nn.Module):
    """What a linear layer does to rows, whatever the shape in which it keeps its weight."""

    weight: Tensor
    bias: Tensor
    _matrices: tuple[Tensor, Tensor] | None = None

    def matrix(self) -> Tensor:
        """The weight as (out, in), in its own memory."""
        return self.weight

    def matrices(self) -> tuple[Tensor, Tensor]:
        """:meth:`matrix`, and it transposed. Made anew where the weight has moved; a step changes it in place."""
        if self._matrices is None or self._matrices[0].data_ptr() != self.weight.data_ptr():
            matrix = self.matrix().detach()
            self._matrices = matrix, matrix.t()
        return self._matrices

    def gradient(self, cotangents: Tensor, inputs: Tensor) -> Tensor:
        """The weight's in its shape and memory layout, from (out, N) and (N, in)."""
        return cotangents.mm(inputs)

    def run(self, x: Tensor, trace: Trace) -> Tensor:
        matrix, transposed = self.matrices()
        if x.dtype != matrix.dtype:
            matrix = matrix.to(x.dtype)
            transposed = matrix.t()
        trace.inputs[self], trace.matrices[self] = x, (matrix, transposed)
        return torch.addmm(self.bias.to(x.dtype), x, transposed)

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        trace.cotangents[self] = cotangents
        if not trace.wants_inputs and self is next(iter(trace.inputs)):
            return cotangents  # nobody asks further
        return cotangents.mm(trace.matrices[self][0])

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        trace.tangents[self] = tangents
        return tangents.mm(trace.matrices[self][1])


class Linear(Product, nn.Linear):  # type: ignore[misc]  # to torch its bias may be missing
    """torch's, with the passes."""


class LeakyReLU(nn.LeakyReLU):
    """torch's, with the passes; it runs in place, in rows that nobody else keeps."""

    def run(self, x: Tensor, trace: Trace) -> Tensor:
        trace.kept[self] = nn.functional.leaky_relu_(x, self.negative_slope)
        return trace.kept[self]

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        return self._sloped(cotangents, trace.kept[self])

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        return self._sloped(tangents, trace.kept[self][trace.rows])

    def _sloped(self, values: Tensor, outputs: Tensor) -> Tensor:
        return torch.ops.aten.leaky_relu_backward(values, outputs, self.negative_slope, True)


class Sequential(nn.Sequential):
    """torch's, with the passes, of layers that have them."""

    def run(self, x: Tensor, trace: Trace) -> Tensor:
        for layer in self:
            x = cast(Any, layer).run(x, trace)
        return x

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        for layer in reversed(self):
            cotangents = cast(Any, layer).pull(cotangents, trace)
        return cotangents

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        for layer in self:
            tangents = cast(Any, layer).push(tangents, trace)
        return tangents


class ResidualBlock(nn.Module):
    """x + f(x), f two linear layers each followed by LeakyReLU (Martinez et al., ICCV 2017, without normalisation)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = Sequential(Linear(width, width), LeakyReLU(), Linear(width, width), LeakyReLU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)

    def run(self, x: Tensor, trace: Trace) -> Tensor:
        return x + self.layers.run(x, trace)

    def pull(self, cotangents: Tensor, trace: Trace) -> Tensor:
        return self.layers.pull(cotangents, trace).add_(cotangents)

    def push(self, tangents: Tensor, trace: Trace) -> Tensor:
        return self.layers.push(tangents, trace).add_(tangents)


def through(network: Any, x: Tensor) -> Tensor:
    """A network's outputs; their gradients by its weights and inputs are those of the passes, and have none themselves.

    Args:
        network: a module with ``run`` and ``pull``, all of whose weights are those of linear layers.
        x: what its ``run`` takes, which under autocast gets it in that precision.
    """
    if torch.is_grad_enabled():
        return _Through.apply(network, x, *network.parameters())
    return _run(network, x, Trace())


def _run(network: Any, x: Tensor, trace: Trace) -> Tensor:
    device = x.device.type
    if not torch.is_autocast_enabled(device):
        return network.run(x, trace)
    with torch.autocast(device, enabled=False):
        return network.run(x.to(torch.get_autocast_dtype(device)), trace)


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, network: Any, x: Tensor, *weights: Tensor) -> Tensor:
        ctx.network, ctx.shape, ctx.trace = network, x.shape, Trace(wants_inputs=ctx.needs_input_grad[1])
        return _run(network, x, ctx.trace)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        trace = ctx.trace
        of_x = ctx.network.pull(cotangents, trace)
        gradients: dict[Tensor | None, Tensor] = {}
        for layer, pulled in trace.cotangents.items():
            gradients[layer.weight] = layer.gradient(pulled.t(), trace.inputs[layer])
            gradients[layer.bias] = pulled.sum(0)
        of_weights = [gradients[weight] for weight in ctx.network.parameters()]
        return None, of_x.view(ctx.shape) if trace.wants_inputs else None, *of_weights
