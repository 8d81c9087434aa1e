"""Small untrained models as files, by the names under which the pipeline stores its own."""

from pathlib import Path

import torch

from pose3d.lifting.lift import build_lifter
from pose3d.pose2d.network import PoseResNet
from pose3d.predict.models import lifter_file
from pose3d.training.model_file import save_model

NETWORK = {
    "model": "pose_resnet",
    "backbone": "resnet18",
    "stem_channels": 8,
    "deconv_channels": [8, 8],
    "crop_size_px": 64,
    "sigma_heatmap_px": 1.5,
}
LIFTERS = {
    "repnet": {"lifter": "frame", "width": 16, "blocks": 1},
    "temporal": {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "convolution"},
}


def save_models(folder: Path) -> Path:
    """Write pose2d.pt, repnet.pt and temporal.pt; the 2D network is sure of every joint everywhere."""
    torch.manual_seed(0)
    network = PoseResNet(NETWORK["backbone"], tuple(NETWORK["deconv_channels"]), NETWORK["stem_channels"])
    network.final_layer.weight.data.mul_(100)  # else the picture would hardly show in the heatmaps
    network.final_layer.bias.data.fill_(1)
    save_model(folder / "pose2d.pt", NETWORK, network.state_dict())
    return save_lifters(folder, "h36m17")


def save_lifters(folder: Path, layout: str, landmarks: bool = False) -> Path:
    """Write both lifters of a layout, with landmarks if it is said."""
    torch.manual_seed(0)
    for name, architecture in LIFTERS.items():
        if layout != "h36m17":
            architecture = {**architecture, "layout": layout}
        if landmarks:
            architecture = {**architecture, "landmarks_width": 4}
        save_model(folder / lifter_file(name, layout), architecture, build_lifter(architecture).state_dict())
    return folder
