"""A TensorFlow Lite file as a torch module: float32, on any device, trainable, and exportable as any other.

Inside, images are (B, C, H, W) as everywhere in torch, where TensorFlow has (B, H, W, C). A layer's parameters are
named after its place among the file's operators, as in ``layers.12.weight``, so that weights load by name.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pose3d.pose2d.network import channels_last
from pose3d.pose2d.tflite_file import Operator, TFLiteGraph, read_tflite
from pose3d.runtime.errors import InputError

_SAME, _VALID = 0, 1  # of the schema's Padding
_ACTIVATIONS: dict[int, Callable[[], nn.Module]] = {
    0: nn.Identity,
    1: partial(nn.ReLU, inplace=True),
    3: partial(nn.ReLU6, inplace=True),
}
"""By the schema's ActivationFunctionType."""
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


class Convolution(nn.Conv2d):
    """A convolution, full or by channel, with what is padded before it and the activation after it."""

    def __init__(
        self,
        weight_shape: tuple[int, ...],
        groups: int,
        bias: bool,
        stride: tuple[int, int],
        padding: Sequence[Sequence[int]],
        activation: nn.Module,
    ) -> None:
        out_channels, in_channels, *kernel = weight_shape
        (top, bottom), (left, right) = padding
        even = top == bottom and left == right  # what the convolution itself can pad
        super().__init__(
            in_channels * groups,
            out_channels,
            (kernel[0], kernel[1]),
            stride,
            (top, left) if even else 0,
            groups=groups,
            bias=bias,
        )
        self.uneven_padding = None if even else (left, right, top, bottom)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        if self.uneven_padding is not None:
            x = F.pad(x, self.uneven_padding)
        return self.activation(super().forward(x))


class Add(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.activation(a + b)


class Concatenate(nn.Module):
    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, self.axis)


class Resize(nn.Module):
    """Bilinear, px centres at +0.5."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, self.size, mode="bilinear", align_corners=False)


class DepthToSpace(nn.Module):
    """Channels in the order block row, block column, channel, where torch's pixel shuffle has the channel first."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        n, (batch, channels, height, width) = self.block, x.shape
        x = x.reshape(batch, n, n, channels // n**2, height, width).permute(0, 3, 4, 1, 5, 2)
        return x.reshape(batch, channels // n**2, n * height, n * width)


class Reshape(nn.Module):
    """In TensorFlow's order of axes, to a shape of fewer than four axes."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).reshape(-1, *self.shape[1:])


class TFLiteNetwork(nn.Module):
    """The graph of a TensorFlow Lite file.

    Args:
        graph: as read.
        outputs: names of the file's outputs that are wanted, in this order; what only others need is left out.

    Raises:
        ValueError: a layer has a form that is unknown here, or would give another shape than the file says.
    """

    def __init__(self, graph: TFLiteGraph, outputs: Sequence[str]) -> None:
        super().__init__()
        missing = [name for name in outputs if name not in graph.outputs]
        if missing:
            raise ValueError(f"it has no output {missing[0]}")
        self._input, self._outputs = graph.input, [graph.outputs[name] for name in outputs]
        self._steps = _steps(graph, self._outputs)
        self.layers = nn.ModuleDict({step.name: _layer(step, graph) for step in self._steps})
        self.load_state_dict(_weights(self._steps, graph), assign=True)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) to the wanted outputs, (B, C, H, W) where they are images and else as in the file."""
        tensors = {self._input: images}
        for step in self._steps:
            tensors[step.output] = self.layers[step.name](*(tensors[number] for number in step.inputs))
        return tuple(tensors[number] for number in self._outputs)


@dataclass(frozen=True)
class _Step:
    """An operator with its place in the file, and what is padded before it, which the file has as an operator."""

    name: str
    operator: Operator
    inputs: tuple[int, ...]  # without constants
    padding: np.ndarray | None

    @property
    def output(self) -> int:
        return self.operator.output


def _steps(graph: TFLiteGraph, outputs: Sequence[int]) -> list[_Step]:
    """The operators on which the outputs depend, in order; padding is part of the convolution after it."""
    pads = {operator.output: operator for operator in graph.operators if operator.kind == "PAD"}
    wanted, steps = set(outputs), []
    for index, operator in reversed(list(enumerate(graph.operators))):
        if operator.output not in wanted:
            continue
        inputs = tuple(number for number in operator.inputs if number >= 0 and number not in graph.constants)
        padding = None
        if operator.kind in _CONVOLUTIONS and inputs[0] in pads:
            pad = pads[inputs[0]]
            inputs, padding = pad.inputs[:1], graph.constants[pad.inputs[1]]
        wanted.update(inputs)
        steps.append(_Step(str(index), operator, inputs, padding))
    return steps[::-1]


def _layer(step: _Step, graph: TFLiteGraph) -> nn.Module:
    """The module of one operator.

    The shape of what it gives is worked out from the shapes of its inputs, before anything is allocated for it.

    Raises:
        ValueError: see :class:`TFLiteNetwork`.
    """
    kind, options = step.operator.kind, step.operator.options
    inputs, given = [graph.shapes[number] for number in step.inputs], graph.shapes[step.output]
    layer: nn.Module | None = None
    shape, activation = inputs[0], options.get("FusedActivationFunction", 0)
    if kind in _CONVOLUTIONS:
        layer, shape = _convolution(step, graph)
    elif kind == "ADD" and inputs[0] == inputs[-1]:
        layer = Add(_ACTIVATIONS[activation]())
    elif kind == "CONCATENATION" and len(given) < 4 and activation == 0:
        axis = options["Axis"]
        layer = Concatenate(axis)
        shape = (*shape[:axis], sum(one[axis] for one in inputs), *shape[axis + 1 :])
    elif kind == "DEPTH_TO_SPACE":
        block = options["BlockSize"]
        layer = DepthToSpace(block)
        shape = (shape[0], shape[1] * block, shape[2] * block, shape[3] // block**2)
    elif kind == "LOGISTIC":
        layer = nn.Sigmoid()
    elif kind == "MAX_POOL_2D" and options["Padding"] == _VALID and activation == 0:
        kernel = options["FilterHeight"], options["FilterWidth"]
        stride = options["StrideH"], options["StrideW"]
        layer, shape = nn.MaxPool2d(kernel, stride), (1, *_lengths(shape[1:3], kernel, stride), shape[3])
    elif kind == "RESHAPE" and len(shape) == 4 and len(given) < 4 and prod(given) == prod(shape):
        layer, shape = Reshape(given), given
    elif kind == "RESIZE_BILINEAR" and options["HalfPixelCenters"] and not options["AlignCorners"]:
        layer, shape = Resize((given[1], given[2])), (1, *given[1:3], shape[3])
    if layer is None or shape != given:
        raise ValueError(f"its operator {step.name}, {kind}, has an unknown form, or gives {shape} and not {given}")
    return layer


def _convolution(step: _Step, graph: TFLiteGraph) -> tuple[nn.Module | None, tuple[int, ...]]:
    options, (_, height, width, channels) = step.operator.options, graph.shapes[step.inputs[0]]
    weight, *bias = step.operator.inputs[1:]
    weight_shape = _torch_weight(step.operator, graph.constants[weight]).shape
    stride = options["StrideH"], options["StrideW"]
    padding = np.zeros((2, 2), int) if step.padding is None else step.padding[1:3].astype(int)
    if options["Padding"] == _SAME:
        lengths = np.array([height, width]) + padding.sum(1)
        more = np.maximum((-(-lengths // stride) - 1) * stride + weight_shape[2:] - lengths, 0)
        padding = padding + np.stack([more // 2, more - more // 2], axis=1)
    groups = channels if step.operator.kind == "DEPTHWISE_CONV_2D" else 1
    dilated = (options["DilationHFactor"], options["DilationWFactor"]) != (1, 1)
    if dilated or weight_shape[1] * groups != channels or (padding < 0).any():
        return None, ()
    padded = height + int(padding[0].sum()), width + int(padding[1].sum())
    shape = (1, *_lengths(padded, weight_shape[2:], stride), weight_shape[0])
    if shape != graph.shapes[step.output]:
        return None, shape
    activation = _ACTIVATIONS[options["FusedActivationFunction"]]()
    return Convolution(weight_shape, groups, bool(bias), stride, padding.tolist(), activation), shape


def _lengths(lengths: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> tuple[int, ...]:
    """Height and width of what a window gives that stays inside."""
    return tuple((length - k) // s + 1 for length, k, s in zip(lengths, kernel, stride, strict=True))


def _torch_weight(operator: Operator, weight: np.ndarray) -> np.ndarray:
    """(out, H, W, in), by channel (1, H, W, out), to torch's (out, in, H, W)."""
    return weight.transpose(3, 0, 1, 2) if operator.kind == "DEPTHWISE_CONV_2D" else weight.transpose(0, 3, 1, 2)


def _weights(steps: Sequence[_Step], graph: TFLiteGraph) -> dict[str, Tensor]:
    weights = {}
    for step in steps:
        if step.operator.kind in _CONVOLUTIONS:
            weight, *bias = (graph.constants[number] for number in step.operator.inputs[1:])
            weights[f"layers.{step.name}.weight"] = _parameter(_torch_weight(step.operator, weight))
            weights |= {f"layers.{step.name}.bias": _parameter(values) for values in bias}
    return weights


def _parameter(values: np.ndarray) -> Tensor:
    if not np.isfinite(values).all():
        raise ValueError("it has a weight that is not finite")
    return torch.from_numpy(np.array(values, np.float32))


def load_tflite(path: str | os.PathLike, outputs: Sequence[str]) -> TFLiteNetwork:
    """The network of a file, in evaluation mode.

    Args:
        path: of the file.
        outputs: see :class:`TFLiteNetwork`.

    Raises:
        InputError: see :func:`pose3d.pose2d.tflite_file.read_tflite`, or the file's parts do not fit each other.
    """
    graph = read_tflite(path)
    try:
        return channels_last(TFLiteNetwork(graph, outputs)).eval()
    except (ValueError, KeyError, TypeError, IndexError, ZeroDivisionError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path} is damaged or not a network that is read here ({reason}): fetch it again") from None
