"""Start the 2D network from somebody's weights: ours, the original's, Simple Baselines', an ImageNet classifier's.

The last layer has an output for each joint, and nothing in a checkpoint names them. So it is taken over only where the
form of the file says who wrote it, and that its joints are this project's (:mod:`pose3d.geometry.skeleton`):

- our own model file: there are no others in this project;
- a state dict under ``model`` with ``optimizer``, ``scheduler`` and ``best_acc`` beside it and nothing else, as the
  original's trainer saves it, whose 17 joints are Human3.6M's in the same order.

Simple Baselines' trainer saves 16 (MPII's) or 17, which are COCO's: as many joints, but other ones.
"""

from typing import Any

from torch import Tensor

from pose3d.config.pose2d import PoseResNetParams
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.pose2d.blazepose_network import BlazePoseHeatmaps
from pose3d.pose2d.network import PoseResNet
from pose3d.runtime.errors import InputError
from pose3d.training.starting_weights import as_own, difference, own_model, read_checkpoint, shown, state_dict

_KEY = "train_2d.init"
_SIZES = ("backbone", "stem_channels", "deconv_channels")
_ORIGINAL_SAVES = {"model", "optimizer", "scheduler", "best_acc"}
_DECONV, _HEAD, _CLASSIFIER = "deconv_layers.", "final_layer.", "fc."


def load_pretrained(network: PoseResNet, path: str, sizes: PoseResNetParams) -> list[str]:
    """Copy the weights of a file into the network that these params describe.

    The backbone must be whole. Deconvolutions must be whole or missing, as in an ImageNet classifier, whose ``fc`` is
    left out. For the last layer see the module.

    Returns:
        What became of each part, one sentence each, for people to read.

    Raises:
        InputError: no such file, no checkpoint, another network's, of another architecture (names the first size or key
            that differs), or with a weight that is not finite.
    """
    weights, known_from = _weights(read_checkpoint(path, _KEY), path, sizes)
    own = network.state_dict()
    head, body = _only(weights, _HEAD), _without(weights, _HEAD, _CLASSIFIER)
    if _only(weights, _DECONV):
        report, body_own = ["backbone and deconv_layers are taken over"], _without(own, _HEAD)
    else:
        report = ["the backbone is taken over; deconv_layers start fresh, because the file has none"]
        body_own = _without(own, _HEAD, _DECONV)
    if _only(weights, _CLASSIFIER):
        report.append("fc, the classifier, is left out")
    # Checkpoints from before PyTorch 0.4.1 lack the counters of batch normalisation, which nothing here reads.
    counters = {name: value for name, value in body_own.items() if name.endswith("num_batches_tracked")}
    differs = difference(counters | body, body_own)
    if differs:
        raise InputError(
            f"{path} {differs}: {_KEY} must be of train_2d.network's backbone, stem_channels and deconv_channels"
        )
    taken, fate = _head(head, _only(own, _HEAD), known_from)
    network.load_state_dict(as_own(body | taken, own, path, _KEY), strict=False)
    return [*report, fate]


def load_blazepose(network: BlazePoseHeatmaps, path: str) -> list[str]:
    """Copy trunk and head of a model file of this project into the network.

    Returns:
        What became of them, for people to read.

    Raises:
        InputError: as :func:`load_pretrained`.
    """
    model = own_model(read_checkpoint(path, _KEY))
    if model is None:
        raise InputError(
            f"{path} is not a model file of this project, and BlazePose starts from no others: check {_KEY}"
        )
    architecture, weights = model
    _require_kind(architecture, "blazepose", path)
    own, given = network.state_dict(), state_dict(weights, path, _KEY)
    differs = difference(given, own)
    if differs:
        raise InputError(f"{path} {differs}: {_KEY} must be a model file that train_2d wrote")
    network.load_state_dict(as_own(given, own, path, _KEY))
    return ["trunk and head are taken over"]


def _require_kind(architecture: dict[str, Any], kind: str, path: str) -> None:
    if architecture.get("model") != kind:
        given = architecture.get("lifter", architecture.get("model", "unknown"))
        raise InputError(f"{path} is a model file of kind {shown(given)}, not of a {kind}: check {_KEY}")


def _weights(content: dict[str, Any], path: str, sizes: PoseResNetParams) -> tuple[dict[str, Tensor], str | None]:
    """The state dict, and what the form of the file says about its joints: None where it says nothing."""
    model = own_model(content)
    if model is not None:
        architecture, weights = model
        _require_kind(architecture, "pose_resnet", path)
        for name in _SIZES:
            given, own = architecture.get(name), getattr(sizes, name)
            if given != (list(own) if isinstance(own, tuple) else own):
                raise InputError(
                    f"{path} has {name} {shown(given)}, but train_2d.network.{name} is {shown(own)}: make them equal"
                )
        return state_dict(weights, path, _KEY), "this project's model files have its joints"
    if isinstance(content.get("model"), dict) and content.keys() == _ORIGINAL_SAVES:
        return state_dict(content["model"], path, _KEY), "the original's checkpoints have Human3.6M's joints"
    nested = next((content[name] for name in ("state_dict", "model") if isinstance(content.get(name), dict)), content)
    return state_dict(nested, path, _KEY), None


def _head(given: dict[str, Tensor], own: dict[str, Tensor], known_from: str | None) -> tuple[dict[str, Tensor], str]:
    """The weights of the last layer that are taken, all or none, and the sentence that says so."""
    if not given:
        return {}, "final_layer starts fresh, because the file has none"
    differs = difference(given, own)
    if differs:
        return {}, f"final_layer starts fresh, because the file {differs}"
    if known_from is None:
        return {}, (
            f"final_layer starts fresh, because nothing says that its {N_JOINTS} outputs are Human3.6M's joints: "
            "COCO has as many, and others"
        )
    return given, f"final_layer is taken over, because {known_from}"


def _only(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if name.startswith(prefix)}


def _without(weights: dict[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    return {name: value for name, value in weights.items() if not name.startswith(prefixes)}
