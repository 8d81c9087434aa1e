"""Write the trained models as ONNX, for onnxruntime and other programs that run it.

pose2d.onnx takes normalised crops (B, 3, S, S), and gives heatmaps (B, 17, H, H). repnet.onnx and temporal.onnx take
the features of B clips of any length, and give poses in metres relative to the root and what places them. Of lifters
that have error bars, repnet.spread.onnx and temporal.spread.onnx take a :class:`pose3d.lifting.spread.LiftedView` of T
frames and that of their mirror images, and give radii (T, 17, 2) in metres. What comes before and after (crops,
decoding, virtual camera) is not in the graphs: pose3d.onnx.runtime loads them into the same Python functions that call
torch's modules.

A file's metadata_props say how to use it, each value as JSON: architecture, joint_names, and crop_size_px,
sigma_heatmap_px, image_mean, image_std or frames_before, frames_after or lifter_sha256; and last sha256, of all bytes
before this property. Every file is run by onnxruntime and compared with torch before it takes its name.
"""

import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pose3d.geometry.skeleton import JOINT_NAMES, N_JOINTS
from pose3d.lifting.lift import load_lifter
from pose3d.lifting.networks import Lifter
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.spread import LEVEL, LiftedView, Spread
from pose3d.lifting.virtual_camera import MOTION_CHANNELS, POSE_CHANNELS
from pose3d.onnx.runtime import (
    LIFTER_SHA256,
    NETWORK,
    PORTS,
    SPREAD,
    digest_property,
    load_lifter_onnx,
    load_network_onnx,
    load_spread_onnx,
    spread_path,
)
from pose3d.pose2d.batches import IMAGE_MEAN, IMAGE_STD
from pose3d.pose2d.inference import load_network
from pose3d.runtime.errors import InputError
from pose3d.runtime.files import atomic_output, exclusive
from pose3d.training.model_file import load_model

OPSET = 17
MAX_DIFFERENCE = 1e-4
"""Allowed between onnxruntime's outputs and torch's: of heatmaps, whose peaks are 1, and in metres."""


@dataclass(frozen=True, eq=False)
class Graph:
    """The content of one file.

    Attributes:
        kind: one of :data:`pose3d.onnx.runtime.PORTS`.
        module: in evaluation mode; takes and gives what the ports name.
        input_shapes: of each input, an axis by its name where any size goes.
        smallest: of each named axis the smallest size.
        metadata: by name, anything that ``json.dumps`` takes.
        load: opens the file again, to something that is called as ``module`` is.
        around: of each input what the numbers that it is tried with lie about; none: they are standard normal.
    """

    kind: str
    module: nn.Module
    input_shapes: tuple[tuple[int | str, ...], ...]
    smallest: dict[str, int]
    metadata: dict[str, Any]
    load: Callable[[Path], nn.Module]
    around: tuple[Tensor, ...] = ()

    def inputs(self, larger_by: int) -> tuple[Tensor, ...]:
        """Random inputs, the same at every call; every named axis that much above its smallest size."""
        generator = torch.Generator().manual_seed(0)
        sizes = {axis: size + larger_by for axis, size in self.smallest.items()}
        drawn = tuple(
            torch.randn([sizes[axis] if isinstance(axis, str) else axis for axis in shape], generator=generator)
            for shape in self.input_shapes
        )
        if not self.around:
            return drawn
        return tuple(0.1 * numbers + about for numbers, about in zip(drawn, self.around, strict=True))


class _Clip(nn.Module):
    """A lifter by its ``forward_clip``, which exporting must find under the name of forward."""

    def __init__(self, lifter: Lifter) -> None:
        super().__init__()
        self.lifter = lifter

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        return self.lifter.forward_clip(*inputs)


def network_graph(model_path: str | os.PathLike) -> Graph:
    """The 2D network of a model file.

    Raises:
        InputError: see :func:`pose3d.pose2d.inference.load_network`.
    """
    network, architecture = load_network(model_path)
    size = architecture["crop_size_px"]
    metadata = {
        "architecture": architecture,
        "joint_names": JOINT_NAMES,
        "crop_size_px": size,
        "sigma_heatmap_px": architecture["sigma_heatmap_px"],
        "image_mean": IMAGE_MEAN,  # of RGB in 0 to 1
        "image_std": IMAGE_STD,
    }
    shapes = (("batch", 3, size, size),)
    return Graph(NETWORK, network, shapes, {"batch": 1}, metadata, lambda path: load_network_onnx(path)[0])


def lifter_graph(model_path: str | os.PathLike) -> Graph:
    """The lifter of a model file.

    Raises:
        InputError: see :func:`pose3d.lifting.lift.load_lifter`.
    """
    lifter = load_lifter(model_path)
    architecture, _ = load_model(model_path)
    kind = architecture["lifter"]
    before, after = getattr(lifter, "frames_before", 0), getattr(lifter, "frames_after", 0)
    metadata = {
        "architecture": architecture,
        "joint_names": JOINT_NAMES,
        "frames_before": before,
        "frames_after": after,
    }
    shapes: dict[str, tuple[tuple[int | str, ...], ...]] = {
        "frame": (("batch", "frames", POSE_CHANNELS),),
        "temporal": (("batch", "frames", POSE_CHANNELS + MOTION_CHANNELS),),
        RepNet.kind: (("frames", POSE_CHANNELS),),
        OriginalTemporal.kind: (("batch", "frames", POSE_CHANNELS), ("batch", "frames", 2 * N_JOINTS)),
    }
    module = lifter if isinstance(lifter, RepNet) else _Clip(lifter)
    smallest = {"batch": 1, "frames": before + 1 + after}
    return Graph(kind, module, shapes[kind], smallest, metadata, load_lifter_onnx)


class _Radii(nn.Module):
    """A spread by its ``radii_m``, with the two views' tensors one by one."""

    def __init__(self, spread: Spread) -> None:
        super().__init__()
        self.spread = spread

    def forward(self, *inputs: Tensor) -> Tensor:
        fields = len(LiftedView._fields)
        return self.spread.radii_m(LiftedView(*inputs[:fields]), LiftedView(*inputs[fields:]))


def spread_graph(model_path: str | os.PathLike, lifter_onnx: Path) -> Graph | None:
    """The spread of a model file's lifter; None: it has none.

    Args:
        model_path: the lifter's.
        lifter_onnx: what its lifter was exported to.

    Raises:
        InputError: see :func:`pose3d.lifting.lift.load_lifter`.
    """
    lifter = load_lifter(model_path)
    if lifter.spread is None:
        return None
    metadata = {
        "architecture": {"model": SPREAD, "level": LEVEL},
        "joint_names": JOINT_NAMES,
        LIFTER_SHA256: hashlib.sha256(lifter_onnx.read_bytes()).hexdigest(),
    }
    view: tuple[tuple[int | str, ...], ...] = (
        ("frames", lifter.channels),
        ("frames", N_JOINTS - 1, 3),
        ("frames", 3),
        ("frames",),
    )
    # Of views that are no person's every radius would be the largest.
    around = (torch.tensor(0.0), torch.tensor(0.0), torch.tensor([0.0, 0.0, 1.0]), torch.tensor(1.0))
    return Graph(SPREAD, _Radii(lifter.spread), 2 * view, {"frames": 1}, metadata, load_spread_onnx, 2 * around)


def write_onnx(path: str | os.PathLike, graph: Graph) -> float:
    """Write the graph atomically, once onnxruntime has given the outputs that torch gives.

    Returns:
        The largest difference between the two, at two sizes of every axis.

    Raises:
        InputError: onnx or onnxruntime is not installed, or the outputs differ by more than MAX_DIFFERENCE.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise InputError(f"the package {error.name} is not installed: install pose3d[onnx]") from None
    model = onnx.load_from_string(_traced(graph))
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in graph.metadata.items()})
    onnx.checker.check_model(model)
    with atomic_output(path) as partial:
        serialised = model.SerializeToString(deterministic=True)
        partial.write_bytes(serialised + digest_property(serialised))
        difference = _difference(graph, graph.load(partial))
        if not difference <= MAX_DIFFERENCE:
            raise InputError(
                f"{path} would give outputs {difference:.2g} away from the model's own, more than {MAX_DIFFERENCE:g}: "
                "install the versions of onnx and onnxruntime that requirements.lock names"
            )
    return difference


def _traced(graph: Graph) -> bytes:
    """The graph as ONNX, every named axis of any size."""
    ports = PORTS[graph.kind]
    inputs = graph.inputs(larger_by=2)
    axes = {
        name: {i: axis for i, axis in enumerate(shape) if isinstance(axis, str)}
        for name, shape in zip(ports.inputs, graph.input_shapes, strict=True)
    }
    # A clip has fewer outputs than frames, except of lifters of single frames.
    named = list(axes[ports.inputs[0]].values())
    shorter = graph.smallest.get("frames", 1) > 1
    out_axes = {i: "outputs" if axis == "frames" and shorter else axis for i, axis in enumerate(named)}
    axes |= dict.fromkeys(ports.outputs, out_axes)
    written = io.BytesIO()
    # The exporter by tracing needs two packages less than its successor. It warns that there is a successor, and where
    # a trace might hold for one size alone: the comparison at other sizes shows that it does not.
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        torch.onnx.export(
            graph.module,
            inputs,
            written,  # type: ignore[arg-type]  # torch's types know of names only, not of files
            input_names=list(ports.inputs),
            output_names=list(ports.outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    return written.getvalue()


@torch.no_grad()
def _difference(graph: Graph, loaded: nn.Module) -> float:
    """The largest difference of any output between torch and the file; infinite where shapes differ, NaN where one is.

    No size is that of the trace.
    """
    differences = []
    for larger_by in (0, 7):
        inputs = graph.inputs(larger_by)
        expected, found = graph.module(*inputs), loaded(*inputs)
        if isinstance(expected, Tensor):
            expected, found = (expected,), (found,)
        for a, b in zip(expected, found, strict=True):
            differences.append((a - b).abs().max().item() if a.shape == b.shape else float("inf"))
    return torch.tensor(differences).max().item()  # which keeps NaN


MODELS: dict[str, Callable[[Path], Graph]] = {
    "pose2d": network_graph,
    "repnet": lifter_graph,
    "temporal": lifter_graph,
}


def export(models: str | os.PathLike, out: str | os.PathLike) -> None:
    """Write every model of a folder, and print each file's size and difference.

    Raises:
        InputError: a model is missing or not one, or another export is writing there; then nothing is written. See also
            :func:`write_onnx`.
    """
    graphs = {name: graph_of(Path(models) / f"{name}.pt") for name, graph_of in MODELS.items()}
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive(out / "models", wait=False):  # two at once could leave graphs of different models
        for name, graph in graphs.items():
            path = out / f"{name}.onnx"
            spread_path(path).unlink(missing_ok=True)  # of an earlier lifter
            _write(path, graph)
            spread = None if graph.kind == NETWORK else spread_graph(Path(models) / f"{name}.pt", path)
            if spread is not None:
                _write(spread_path(path), spread)


def _write(path: Path, graph: Graph) -> None:
    difference = write_onnx(path, graph)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, within {difference:.1g} of torch")
