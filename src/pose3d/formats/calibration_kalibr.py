"""Kalibr's chain of cameras (``camchain.yaml``).

Each of cam0, cam1, ... has ``camera_model`` pinhole, ``intrinsics`` fu fv pu pv, ``distortion_model`` radtan with
``distortion_coeffs`` k1 k2 p1 p2, and ``resolution``; every one but the first ``T_cn_cnm1``, (4, 4) from the space of
the camera before to its own, metres. That is the one of the number before, whatever the order in the file: sorted YAML
has cam10 before cam2. The world is the space of the first.
"""

import re
from itertools import pairwise
from typing import Any

import numpy as np

from pose3d.formats.calibrated import Calibrated, Calibration, calibrated, distortion_of


def is_kalibr(content: Any) -> bool:
    """Whether a mapping holds cameras as Kalibr has them."""
    return isinstance(content, dict) and any(
        isinstance(camera, dict) and "camera_model" in camera for camera in content.values()
    )


def calibration_from_kalibr(content: dict[str, Any]) -> Calibration:
    """The cameras of a parsed file.

    Raises:
        ValueError, KeyError, TypeError: it is no such file, or a lens is not pinhole and radtan; says what is wrong.
    """
    chain = {str(name): camera for name, camera in content.items() if isinstance(camera, dict)}
    names = _in_order(list(chain))
    cameras: list[Calibrated] = []
    from_first = np.eye(4)
    for name in names:
        camera = chain[name]
        lens = camera["camera_model"], camera.get("distortion_model", "none")
        if lens not in (("pinhole", "radtan"), ("pinhole", "none")):
            raise ValueError(f"camera {name} is {' and '.join(lens)}: this project knows pinhole and radtan only")
        distortion = distortion_of(camera, ("distortion_coeffs",), name)
        if lens[1] == "radtan" and distortion is None:
            raise ValueError(f"camera {name} is radtan and has no distortion_coeffs: write the file again")
        fx, fy, cx, cy = camera["intrinsics"]
        if cameras:
            if "T_cn_cnm1" not in camera:
                raise ValueError(f"camera {name} has no T_cn_cnm1, which says where it is: write the file again")
            step = np.array(camera["T_cn_cnm1"], np.float64)
            if step.shape != (4, 4):
                raise ValueError(f"camera {name}: T_cn_cnm1 must be 4 x 4 numbers")
            from_first = step @ from_first
        cameras.append(
            calibrated(
                name,
                camera["resolution"],
                [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
                distortion,
                from_first[:3, :3] if len(chain) > 1 else None,
                from_first[:3, 3] if len(chain) > 1 else None,
            )
        )
    return Calibration(tuple(cameras), "Kalibr")


def _in_order(names: list[str]) -> list[str]:
    """By their last numbers, where all have one; a ValueError says that one is missing between them."""
    digits = [re.search(r"\d+$", name) for name in names]
    numbers = {name: int(found[0]) for name, found in zip(names, digits, strict=True) if found}
    if len(numbers) < len(names):
        return names
    names = sorted(names, key=numbers.__getitem__)
    for before, after in pairwise(names):
        if numbers[after] != numbers[before] + 1:
            raise ValueError(f"camera {after} stands in relation to the one before it, which is not there: add it")
    return names
