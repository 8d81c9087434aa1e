"""Start pose_resnet from a published checkpoint: a pose_resnet trained on MPII, or a ResNet trained on ImageNet."""

import os

import torch
from torch import Tensor

from pose3d.errors import InputError
from pose3d.pose2d.network import PoseResNet

# What an ImageNet classifier has and lacks.
_EXTRA = ("fc.",)
_MAY_BE_MISSING = ("deconv_layers.", "final_layer.")


def load_pretrained(network: PoseResNet, path: str | os.PathLike) -> list[str]:
    """Copy a checkpoint's weights into the network.

    ``final_layer`` may be missing or of another shape (MPII has 16 joints), ``deconv_layers`` may be missing, and
    ``fc`` may be extra (ImageNet); what lacks keeps its initial values. ``module.`` prefixes and a ``state_dict``
    wrapping are taken off.

    Returns:
        One line for each such exception, for people to read.

    Raises:
        InputError: no such file, not a checkpoint, or any other key missing, extra or of another shape; names the key.
    """
    weights = _read(path)
    expected = network.state_dict()
    chosen: dict[str, Tensor] = {}
    kept: list[str] = []
    has_deconv = any(name.startswith("deconv_layers.") for name in weights)
    for name, initial in expected.items():
        given = weights.get(name)
        if given is None:
            # Checkpoints from before PyTorch 0.4.1 have no such counters.
            if name.endswith("num_batches_tracked"):
                chosen[name] = initial
                continue
            if not name.startswith(_MAY_BE_MISSING) or (has_deconv and name.startswith("deconv_layers.")):
                raise InputError(f"{path} lacks {name}: train_2d.init must be a checkpoint of the same backbone")
            kept.append(f"{name}: not in the checkpoint, starts from random")
        elif given.shape != initial.shape:
            if not name.startswith("final_layer."):
                raise InputError(
                    f"{path}: {name} has shape {tuple(given.shape)}, not {tuple(initial.shape)}: "
                    "train_2d.backbone and deconv_channels must be those of the checkpoint"
                )
            kept.append(f"{name}: of shape {tuple(given.shape)} in the checkpoint, starts from random")
        else:
            chosen[name] = given
    for name in weights:
        if name not in expected:
            if not name.startswith(_EXTRA):
                raise InputError(f"{path} holds {name}, which train_2d.backbone does not have: choose its backbone")
            kept.append(f"{name}: left out")
    # A final layer is taken whole or not at all: one joint set's weights with another's biases mean nothing.
    if not all(name in chosen for name in expected if name.startswith("final_layer.")):
        chosen = {name: tensor for name, tensor in chosen.items() if not name.startswith("final_layer.")}
    network.load_state_dict(chosen, strict=False)
    return kept


def _read(path: str | os.PathLike) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"train_2d.init names {path}, which is missing: put it there or set init to null") from None
    except Exception as error:  # on a file that is not its own, torch.load raises almost anything
        reason = str(error).split("\n")[0]
        raise InputError(f"{path} is not a checkpoint of tensors ({reason}): check train_2d.init") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path} is not a state dict: check train_2d.init")
    return {name.removeprefix("module."): value for name, value in content.items()}
