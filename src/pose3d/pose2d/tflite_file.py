"""A TensorFlow Lite file (``.tflite``, a FlatBuffers file) as a list of operators and their constant tensors.

Weights may be stored as float16 and sparse: the operators DEQUANTIZE and DENSIFY that undo this are carried out here,
so that what is left is float32 arithmetic. Only data are read; nothing of a file is run.
"""

import os
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from pose3d.runtime.errors import InputError, in_words

MAX_VALUES = 2**24
"""Of any tensor. The largest of the networks that are read here has 1.6 million."""
_DTYPES: dict[int, np.dtype] = {
    tflite.TensorType.FLOAT32: np.dtype("<f4"),
    tflite.TensorType.FLOAT16: np.dtype("<f2"),
    tflite.TensorType.INT32: np.dtype("<i4"),
}
_OPTIONS = {
    "ADD": (tflite.AddOptions, ("FusedActivationFunction",)),
    "CONCATENATION": (tflite.ConcatenationOptions, ("FusedActivationFunction", "Axis")),
    "CONV_2D": (
        tflite.Conv2DOptions,
        ("FusedActivationFunction", "Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor"),
    ),
    "DEPTHWISE_CONV_2D": (
        tflite.DepthwiseConv2DOptions,
        ("FusedActivationFunction", "Padding", "StrideH", "StrideW", "DilationHFactor", "DilationWFactor"),
    ),
    "DEPTH_TO_SPACE": (tflite.DepthToSpaceOptions, ("BlockSize",)),
    "LOGISTIC": (None, ()),
    "MAX_POOL_2D": (
        tflite.Pool2DOptions,
        ("FusedActivationFunction", "Padding", "StrideH", "StrideW", "FilterHeight", "FilterWidth"),
    ),
    "PAD": (None, ()),
    "RESHAPE": (None, ()),
    "RESIZE_BILINEAR": (tflite.ResizeBilinearOptions, ("AlignCorners", "HalfPixelCenters")),
}
"""The operators that are read, with the class of the schema that holds their options, and which of these count."""


@dataclass(frozen=True)
class Operator:
    """One step of a graph.

    Attributes:
        kind: the operator's name in TensorFlow Lite, such as CONV_2D.
        inputs: numbers of tensors; -1 for one that is left out.
        output: number of a tensor.
        options: by their names in the schema.
    """

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: dict[str, Any]


@dataclass(frozen=True, eq=False)
class TFLiteGraph:
    """What a file holds, as TensorFlow has it: channels last, weights (out, height, width, in).

    Attributes:
        input: number of the tensor that goes in.
        outputs: numbers of the tensors that come out, by name.
        shapes: of each tensor, with a batch of one.
        operators: in the order in which they run.
        constants: float32 or int32 arrays by number of tensor.
    """

    input: int
    outputs: dict[str, int]
    shapes: tuple[tuple[int, ...], ...]
    operators: tuple[Operator, ...]
    constants: dict[int, np.ndarray]


def read_tflite(path: str | os.PathLike) -> TFLiteGraph:
    """The graph of a file.

    Raises:
        InputError: the file is missing, damaged or no TensorFlow Lite file, or has an operator or a form of tensor that
            is not among those read here.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): run the download stage again") from None
    if content[4:8] != b"TFL3":
        raise InputError(f"{path} is not a TensorFlow Lite file: give one that ends in .tflite")
    try:
        return _graph(tflite.Model.GetRootAs(content, 0))
    except _Unsupported as error:
        raise InputError(f"{path} has {error.args[0]}, which is not read here: give one of BlazePose's files") from None
    # What flatbuffers and numpy raise where a number in the file points outside of it or promises what is not there.
    except (struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} is damaged ({in_words(error)}): delete it and run the download stage again") from None


class _Unsupported(Exception):
    """Names what a file has that is not read."""


def _graph(model: Any) -> TFLiteGraph:
    if model.SubgraphsLength() != 1:
        raise _Unsupported(f"{model.SubgraphsLength()} graphs")
    graph = model.Subgraphs(0)
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    shapes = tuple(_shape(tensor) for tensor in tensors)
    constants = {}
    for number, tensor in enumerate(tensors):
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            constants[number] = _constant(tensor, buffer.DataAsNumpy().tobytes(), shapes[number])
    operators = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        kind = tflite.BUILTIN_OPCODE2NAME.get(code, f"number {code}")
        inputs, (output,) = tuple(operator.InputsAsNumpy().tolist()), operator.OutputsAsNumpy().tolist()
        if kind in ("DENSIFY", "DEQUANTIZE"):  # of constants, which are dense already
            constants[output] = constants[inputs[0]].astype(np.float32)
        else:
            operators.append(Operator(kind, inputs, output, _options(kind, operator)))
    outputs = {tensors[number].Name().decode(): number for number in graph.OutputsAsNumpy().tolist()}
    (first,) = graph.InputsAsNumpy().tolist()
    return TFLiteGraph(first, outputs, shapes, tuple(operators), constants)


def _shape(tensor: Any) -> tuple[int, ...]:
    shape = tuple(int(tensor.Shape(axis)) for axis in range(min(tensor.ShapeLength(), 8)))
    if any(length < 0 for length in shape) or prod(shape) > MAX_VALUES:
        raise _Unsupported(f"a tensor of shape {shape}")
    return shape


def _options(kind: str, operator: Any) -> dict[str, Any]:
    if kind not in _OPTIONS:
        raise _Unsupported(f"the operator {kind}")
    schema, names = _OPTIONS[kind]
    if schema is None:
        return {}
    options, table = schema(), operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return {name: getattr(options, name)() for name in names}


def _constant(tensor: Any, content: bytes, shape: tuple[int, ...]) -> np.ndarray:
    if tensor.Type() not in _DTYPES:
        raise _Unsupported(f"a tensor of type {tensor.Type()}")
    values = np.frombuffer(content, _DTYPES[tensor.Type()])
    sparsity = tensor.Sparsity()
    return values.reshape(shape) if sparsity is None else _dense(values, shape, sparsity)


def _dense(values: np.ndarray, shape: tuple[int, ...], sparsity: Any) -> np.ndarray:
    """A tensor of which each last axis lists the places of its values, the other axes being whole."""
    axes = [sparsity.DimMetadata(axis) for axis in range(sparsity.DimMetadataLength())]
    formats = [axis.Format() for axis in axes]
    in_order = sparsity.TraversalOrderAsNumpy().tolist() == list(range(len(shape)))
    if formats != [0] * (len(shape) - 1) + [1] or not in_order or sparsity.BlockMapLength():
        raise _Unsupported("a sparse tensor whose last axis is not the only sparse one")
    starts = _indices(axes[-1].ArraySegments(), axes[-1].ArraySegmentsType())
    places = _indices(axes[-1].ArrayIndices(), axes[-1].ArrayIndicesType())
    dense = np.zeros((prod(shape[:-1]), shape[-1]), values.dtype)
    if len(starts) != len(dense) + 1 or len(places) != len(values):
        raise ValueError("a sparse tensor has too many or too few values")
    dense[np.repeat(np.arange(len(dense)), np.diff(starts)), places] = values
    return dense.reshape(shape)


def _indices(table: Any, kind: int) -> np.ndarray:
    vectors = {
        tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
        tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
        tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
    }
    vector = vectors[kind]()
    vector.Init(table.Bytes, table.Pos)
    return vector.ValuesAsNumpy().astype(np.int64)
