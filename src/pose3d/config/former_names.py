"""What params were called until version 0.1: an older params.yaml is told the names of today.

Goes with the version after 0.2.
"""

from pathlib import Path
from typing import Any

from pose3d.runtime.errors import InputError

_PROFILES = {
    "small": ("embedded", "small"),
    "smoke": ("embedded", "smoke"),
    "gpu": ("embedded", "gpu"),
    "multiview": ("embedded", "small"),
    "human36m": ("human36m", "full"),
    "h36m_fetch": ("h36m_fetch", "full"),
    "original_crops": ("original_crops", "full"),
    "original_npz": ("original_npz", "lifting"),
    "videopose3d": ("videopose3d", "lifting"),
}
"""Profile to the data set and the size that it was."""
_KEYS = {
    "average_decay": "ema_decay",
    "backbone": "network.backbone",
    "deconv_channels": "network.deconv_channels",
    "error_candidates": "noise_candidates",
    "error_gain": "noise_scale",
    "lr_end_share": "final_lr_ratio",
    "left_right_weight": "network.left_right_weight",
    "mixed_share": "limb_mix_prob",
    "sides_weight": "network.left_right_weight",
    "stem_channels": "network.stem_channels",
}
_LIFTERS = ("repnet", "temporal")
_WEIGHTS = (
    "; and loss weights are no longer multiples of hidden ones: write critic_weight 1 as 0.01, reproj_weight 1 as 0.05 "
    "and velocity_weight 1 as 3 (with formulation original: 1, and reproj_weight 1 as 10000 or in temporal 100)"
)


def refuse_profile(profile: Any, path: Path) -> None:
    """Raises :class:`InputError`: names the two keys to write in place of ``profile``."""
    if isinstance(profile, str) and profile in _PROFILES:
        data, size = _PROFILES[profile]
        more = ", with dataset.real_views: pose2sim in data_sets/embedded.yaml" if profile == "multiview" else ""
        now = f"write `data: {data}` and `size: {size}` in place of `profile: {profile}`{more}"
    else:
        now = f"split your profile '{profile}' into data_sets/NAME.yaml and sizes/NAME.yaml, and name these"
    raise InputError(f"{path}: a run is now composed of a data set and a size: {now} (docs/experiments.md)")


def refuse_former_keys(values: dict[str, Any], block: str, path: Path) -> None:
    """Raises :class:`InputError` for the first key of a block that has another name today; names it."""
    for key in values:
        if key in _KEYS:
            weights = _WEIGHTS if block in _LIFTERS else ""
            raise InputError(f"{path}: {block}.{key} is called {_KEYS[key]} now{weights}")
