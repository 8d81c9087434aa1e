"""Models that :mod:`pose3d.onnx.export` wrote, run by onnxruntime in place of torch's.

What is loaded here is called as the torch modules are: :func:`pose3d.pose2d.inference.predict_heatmaps` takes an
:class:`OnnxNetwork`, :func:`pose3d.lifting.lift.lift_virtual` an :class:`OnnxLifter`. Everything is float32 on the CPU.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pose3d.geometry.skeleton import JOINT_NAMES
from pose3d.lifting.lift import check_kind
from pose3d.lifting.networks import Lifter
from pose3d.lifting.spread import LiftedView, Spread
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import require_files

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

NETWORK, SPREAD = "pose2d", "spread"
"""The 2D network and a lifter's spread, as graphs' architectures have them; lifters name themselves."""
_NETWORKS = ("pose_resnet", "blazepose")
"""Kinds of 2D networks, which take and give the same."""


@dataclass(frozen=True)
class Ports:
    """Names of a graph's inputs and outputs, in the order in which the torch module has them."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


PORTS = {
    NETWORK: Ports(("images",), ("heatmaps",)),
    "frame": Ports(("features",), ("poses_m", "root_codes")),
    "temporal": Ports(("features",), ("poses_m", "root_codes")),
    "original_repnet": Ports(("keypoints_relative",), ("poses_m", "cameras")),
    "original_video_gan": Ports(("keypoints_relative", "keypoints_absolute"), ("poses_m", "roots_m")),
    SPREAD: Ports(
        (*LiftedView._fields, *(f"mirrored_{name}" for name in LiftedView._fields)),
        ("radii_m",),
    ),
}
LIFTER_SHA256 = "lifter_sha256"
"""Of a spread's metadata: the file of the lifter whose errors it tells."""


_DIGEST = b"sha256"


def digest_property(model: bytes) -> bytes:
    """Bytes to append to a serialised ONNX model so that damage shows: its hash as one more metadata_props.

    Protobuf reads a message and what is appended to it as one, so that the whole is an ONNX file as any other. The few
    bytes are put together here because reading takes onnxruntime alone, and the package onnx would rewrite the model.
    """
    value = json.dumps(hashlib.sha256(model).hexdigest()).encode()
    pair = b"".join(bytes([tag, len(text)]) + text for tag, text in ((0x0A, _DIGEST), (0x12, value)))
    return bytes([14 << 3 | 2, len(pair)]) + pair  # field 14 of ModelProto, length-delimited


_DIGEST_PROPERTY_BYTES = len(digest_property(b""))


class OnnxNetwork(nn.Module):
    """The 2D network: normalised RGB crops (B, 3, S, S) to heatmaps (B, 17, H, H)."""

    def __init__(self, session: "InferenceSession") -> None:
        super().__init__()
        self._session = session

    def forward(self, images: Tensor) -> Tensor:
        return _run(self._session, images)[0]


class OnnxLifter(Lifter):
    """A lifter of any architecture. Inputs and outputs are those of the torch lifter's ``forward_clip``, or of RepNet.

    Args:
        session: of onnxruntime, with the graph loaded.
        kind: ``lifter`` of the architecture, see :func:`pose3d.lifting.lift.build_lifter`.
        frames_before, frames_after: frames needed around those with an output.

    Attributes:
        with_motion: whether the features are the pose's alone or the motion's too.
    """

    def __init__(self, session: "InferenceSession", kind: str, frames_before: int, frames_after: int) -> None:
        super().__init__()
        self._session = session
        self.kind = kind
        self.frames_before, self.frames_after = frames_before, frames_after
        self.with_motion = kind == "temporal"

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        first, second = _run(self._session, *inputs)
        return first, second

    forward_clip = forward


class OnnxSpread(Spread):
    """The spread of a lifter, in the place of torch's: it gives radii at the one level that predictions have."""

    def __init__(self, session: "InferenceSession") -> None:
        torch.nn.Module.__init__(self)
        self._session = session

    def radii_m(self, view: LiftedView, mirrored: LiftedView) -> Tensor:
        return self(*view, *mirrored)

    def forward(self, *inputs: Tensor) -> Tensor:  # type: ignore[override]  # of both views at once
        return _run(self._session, *inputs)[0]


def spread_path(lifter: str | os.PathLike) -> Path:
    """The file of a lifter's spread: ``temporal.spread.onnx`` beside ``temporal.onnx``."""
    return Path(lifter).with_suffix(f".{SPREAD}.onnx")


def load_network_onnx(path: str | os.PathLike) -> tuple[OnnxNetwork, dict[str, Any]]:
    """The 2D network and its architecture, as :func:`pose3d.pose2d.inference.load_network` gives them.

    Raises:
        InputError: the file is missing, damaged or another graph, or onnxruntime is not installed.
    """
    session, kind, metadata = _open(path)
    if kind != NETWORK:
        raise InputError(f"{path} holds a lifter, not the 2D network: give the pose2d.onnx of `pose3d export`")
    return OnnxNetwork(session), metadata["architecture"]


def load_lifter_onnx(path: str | os.PathLike) -> OnnxLifter:
    """A lifter, in place of :func:`pose3d.lifting.lift.load_lifter`; with its spread, if that lies beside it.

    Raises:
        InputError: a file is missing, damaged, another graph or of another kind than its name says, the spread is of
            another lifter, or onnxruntime is not installed.
    """
    session, kind, metadata = _open(path)
    if kind in (NETWORK, SPREAD):
        held = "the 2D network" if kind == NETWORK else "a lifter's spread"
        raise InputError(f"{path} holds {held}, not a lifter: give the repnet.onnx or temporal.onnx of `pose3d export`")
    check_kind(path, kind)
    lifter = OnnxLifter(session, kind, metadata["frames_before"], metadata["frames_after"])
    if spread_path(path).exists():
        lifter.spread = load_spread_onnx(spread_path(path), path)
    return lifter


def load_spread_onnx(path: str | os.PathLike, lifter: str | os.PathLike | None = None) -> OnnxSpread:
    """A spread.

    Args:
        path: its file.
        lifter: the file whose errors it must tell; None: any.

    Raises:
        InputError: the file is missing, damaged, another graph or of another lifter, or onnxruntime is not installed.
    """
    session, kind, metadata = _open(path)
    if kind != SPREAD:
        raise InputError(f"{path} does not hold a lifter's spread: run `pose3d export` to write it")
    if lifter is not None and metadata.get(LIFTER_SHA256) != hashlib.sha256(Path(lifter).read_bytes()).hexdigest():
        raise InputError(f"{path} tells the errors of another lifter than {lifter}: export both together")
    return OnnxSpread(session)


def _open(path: str | os.PathLike) -> tuple["InferenceSession", str, dict[str, Any]]:
    """A session on the file, which of :data:`PORTS` it is, and its metadata."""
    try:
        import onnxruntime
    except ImportError:
        raise InputError("the package onnxruntime is not installed: install pose3d[onnx]") from None
    require_files(path, remedy="run `pose3d export` to write it")
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give a file of `pose3d export`") from None
    model, digest = content[:-_DIGEST_PROPERTY_BYTES], content[-_DIGEST_PROPERTY_BYTES:]
    if digest != digest_property(model):
        raise InputError(
            f"{path} is damaged or was not written by `pose3d export` (its sha256 is another): export the model"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()  # it knows nothing of OMP_NUM_THREADS
    options.log_severity_level = 3  # what makes it fail is raised as well
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has an exception for each way in which a file can be wrong, and no base of them
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{path} is not an ONNX file that can be run ({reason}): export it again") from None
    try:
        texts = session.get_modelmeta().custom_metadata_map
        metadata = {name: json.loads(text) for name, text in texts.items()}
        kind = _check_metadata(metadata)
        found = Ports(tuple(i.name for i in session.get_inputs()), tuple(o.name for o in session.get_outputs()))
        if found != PORTS[kind]:
            raise ValueError(f"its inputs are {', '.join(found.inputs)}, its outputs {', '.join(found.outputs)}")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} was not written by `pose3d export` ({in_words(error)}): export the model") from None
    return session, kind, metadata


def _check_metadata(metadata: dict[str, Any]) -> str:
    """The one of :data:`PORTS` that the metadata name.

    Raises:
        KeyError, TypeError, ValueError: they are incomplete, or of something else.
    """
    if "architecture" not in metadata:
        raise ValueError("it says no architecture")
    architecture = metadata["architecture"]
    kind = architecture.get("lifter", architecture.get("model")) if isinstance(architecture, dict) else None
    if kind in _NETWORKS:
        kind = NETWORK
    if not isinstance(kind, str) or kind not in PORTS:
        raise ValueError(f"its architecture is {architecture}")
    if metadata.get("joint_names") != list(JOINT_NAMES):
        raise ValueError("its joints are others")
    needed: dict[str, Any] = {}
    if kind == NETWORK:
        needed = {name: architecture.get(name) for name in ("crop_size_px", "sigma_heatmap_px")}
    elif kind != SPREAD:
        needed = {name: metadata.get(name) for name in ("frames_before", "frames_after")}
    for name, value in needed.items():
        if not isinstance(value, int | float) or value < 0:
            raise ValueError(f"its {name} is {value}")
    return kind


def _run(session: "InferenceSession", *inputs: Tensor) -> list[Tensor]:
    """All outputs, on the device of the inputs."""
    names = [port.name for port in session.get_inputs()]
    arrays = {name: x.detach().cpu().float().contiguous().numpy() for name, x in zip(names, inputs, strict=True)}
    return [torch.from_numpy(y).to(inputs[0].device) for y in session.run(None, arrays)]
