"""Start a lifter from somebody's weights: our own, or the generators of the original's two trainers.

The inputs and outputs of both have this project's joints, axes and units (metres; px / 1000 * 2 - 1), so that they are
taken over whole or not at all. The critic starts fresh: its score has a meaning beside its own generator only.
"""

from typing import Any

from torch import Tensor, nn

from pose3d.lifting.networks import FrameLifter
from pose3d.lifting.original import OriginalTemporal, RepNet
from pose3d.lifting.temporal import TemporalLifter
from pose3d.runtime.errors import InputError
from pose3d.training.starting_weights import as_own, difference, own_model, read_checkpoint, shown, state_dict

_KINDS = {
    FrameLifter.kind: "the virtual camera's single-frame lifter",
    TemporalLifter.kind: "the virtual camera's temporal lifter",
    RepNet.kind: "the original's single-frame lifter",
    OriginalTemporal.kind: "the original's temporal lifter",
}
_ORIGINAL_WINDOW_FRAMES = 27

_FRAME_LAYERS = {
    "shared.0": "w1",
    "shared.2.layers.0": "linear_stage.w1",
    "shared.2.layers.2": "linear_stage.w2",
    "pose.0.layers.0": "pose3d_stages1.w1",
    "pose.0.layers.2": "pose3d_stages1.w2",
    "pose.1.layers.0": "pose3d_stages2.w1",
    "pose.1.layers.2": "pose3d_stages2.w2",
    "pose.2": "w21",
    "pose.4": "w22",
    "camera.0.layers.0": "camera_stages1.w1",
    "camera.0.layers.2": "camera_stages1.w2",
    "camera.1.layers.0": "camera_stages2.w1",
    "camera.1.layers.2": "camera_stages2.w2",
    "camera.2": "w3",
}
_TEMPORAL_LAYERS = {
    "first": "w1",
    "reduce.0": "w21",
    "mix.0": "w22",
    "reduce.1": "w31",
    "mix.1": "w32",
    "last": "w4",
}
_ORIGINAL_LAYERS = {
    RepNet.kind: {ours: f"model_G.{theirs}" for ours, theirs in _FRAME_LAYERS.items()},
    OriginalTemporal.kind: {
        f"{network}.{ours}": f"model_G_{network}.{theirs}"
        for network in ("pose", "root")
        for ours, theirs in _TEMPORAL_LAYERS.items()
    },
}
"""The lifter's layers by our names, and where the original's checkpoints have them: a dict for each network."""


def load_starting_weights(generator: nn.Module, architecture: dict[str, Any], path: str, block: str) -> list[str]:
    """Copy a file's weights into an untrained lifter.

    Args:
        generator: of :func:`pose3d.lifting.lift.build_lifter`.
        architecture: what it was built from, and as its model file will have it.
        path: the file.
        block: repnet or temporal, whose ``init`` names it.

    Returns:
        What became of each part, one sentence each, for people to read.

    Raises:
        InputError: no such file, no checkpoint, another lifter or formulation, other sizes (names the first size or key
            that differs), or a weight that is not finite.
    """
    key = f"{block}.init"
    content = read_checkpoint(path, key)
    model = own_model(content)
    expected = generator.state_dict()
    if model is not None:
        _require_same_architecture(model[0], architecture, path, block)
        heads = ("spread.", "landmarks.")
        of_lifter = {name: weight for name, weight in model[1].items() if not name.startswith(heads)}
        given, whose = state_dict(of_lifter, path, key), "this project's model files have its joints"
        theirs = {name: name for name in expected}
    else:
        kind = _original_kind(content, path, key)
        _require_kind(kind, architecture, path, block)
        window_frames = architecture.get("window_frames", _ORIGINAL_WINDOW_FRAMES)
        if window_frames != _ORIGINAL_WINDOW_FRAMES:
            raise InputError(
                f"{path} has windows of {_ORIGINAL_WINDOW_FRAMES} frames, as the original's checkpoints do, but "
                f"{block}.window_frames is {window_frames}: make them equal"
            )
        given, whose = _original_weights(content, kind, path, key), "the original's checkpoints have Human3.6M's joints"
        theirs = {name: _original_name(name, kind) for name in expected}
    wanted = {theirs[name]: own for name, own in expected.items()}
    differs = difference(given, wanted)
    if differs:
        raise InputError(f"{path} {differs}: {key} must have the sizes of the {block} block")
    weights = as_own(given, wanted, path, key)
    generator.load_state_dict({name: weights[theirs[name]] for name in expected})
    return [
        f"the lifter is taken over whole, its input and output layers too, because {whose}",
        "the critic starts fresh",
    ]


def _require_same_architecture(given: dict[str, Any], own: dict[str, Any], path: str, block: str) -> None:
    _require_kind(given.get("lifter", given.get("model")), own, path, block)
    for name, value in own.items():
        if given.get(name) != value:
            raise InputError(
                f"{path} has {name} {shown(given.get(name))}, but {block}.{name} is {value}: make them equal"
            )


def _require_kind(kind: Any, own: dict[str, Any], path: str, block: str) -> None:
    if kind != own["lifter"]:
        what = _KINDS[kind] if isinstance(kind, str) and kind in _KINDS else f"a network of kind {shown(kind)}"
        raise InputError(
            f"{path} holds {what}, but this run trains {_KINDS[own['lifter']]}: "
            f"check {block}.init and lifting.formulation"
        )


def _original_kind(content: dict[str, Any], path: str, key: str) -> str:
    """Name of the one of the original's two trainers that saved it."""
    for kind, layers in _ORIGINAL_LAYERS.items():
        if all(name.split(".")[0] in content for name in layers.values()):
            return kind
    raise InputError(
        f"{path} is neither a lifter's model file of this project nor a checkpoint of the original's: check {key}"
    )


def _original_weights(content: dict[str, Any], kind: str, path: str, key: str) -> dict[str, Tensor]:
    """Its generator's weights, named ``model_G.w1.bias`` and so on."""
    networks = dict.fromkeys(name.split(".")[0] for name in _ORIGINAL_LAYERS[kind].values())
    return {
        f"{network}.{name}": weight
        for network in networks
        for name, weight in state_dict(content[network], path, key).items()
    }


def _original_name(name: str, kind: str) -> str:
    layer, parameter = name.rsplit(".", 1)
    return f"{_ORIGINAL_LAYERS[kind][layer]}.{parameter}"
