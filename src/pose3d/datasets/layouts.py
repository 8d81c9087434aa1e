"""Whose joints a data set's arrays have: Human3.6M's, or those of another skeleton, which no source here reads.

A file of another skeleton is refused as a whole, in one sentence instead of one for each of its sequences.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pose3d.geometry.skeleton import LEFT_JOINTS, N_JOINTS, RIGHT_JOINTS
from pose3d.runtime.errors import InputError

N_JOINTS_CAPTURED = 32
"""Of Human3.6M's motion capture, the 17 among them."""
LAYOUTS_BY_COUNT = {15: "HumanEva-I (15 joints)", 16: "MPII (16 joints)", 20: "HumanEva-I (20 joints)"}
HUMAN36M_NAME = "h36m"
LAYOUT_NAMES = {
    "coco": "COCO (17 joints)",
    "mpii": LAYOUTS_BY_COUNT[16],
    "humaneva15": LAYOUTS_BY_COUNT[15],
    "humaneva20": LAYOUTS_BY_COUNT[20],
}
"""What VideoPose3D's metadata calls ours and other layouts."""
HUMAN36M_SIDES = {frozenset(LEFT_JOINTS), frozenset(RIGHT_JOINTS)}
COCO_SIDES = {frozenset(range(1, 17, 2)), frozenset(range(2, 17, 2))}


def require_human36m_joints(arrays: Iterable[Any], path: Path, files: str, metadata: Any = None) -> None:
    """Refuse a file that is of another skeleton throughout; a single odd take is found when it is read.

    Args:
        arrays: of the sequences, (T, J, n) where they are as they should be.
        path: the file.
        files: which ones to name instead, for the message.
        metadata: VideoPose3D's, where the file has any.

    Raises:
        InputError: names the file and the layout.
    """
    layout = _layout_of_metadata(metadata) or _layout_of_arrays(arrays)
    if layout:
        raise InputError(
            f"{path} has the joints of {layout}, not Human3.6M's 17 joints, and no other layout is read: name files "
            f"of those, such as {files}"
        )


def says_human36m(metadata: Any) -> bool:
    """True if VideoPose3D's metadata says, by a name or by the joints of the two sides, that the joints are ours."""
    if not isinstance(metadata, dict):
        return False
    layout = metadata.get("layout_name")
    return (isinstance(layout, str) and layout == HUMAN36M_NAME) or _sides(metadata) == HUMAN36M_SIDES


def _layout_of_metadata(metadata: Any) -> str | None:
    """Whose joints they are, if metadata says that they are not Human3.6M's; without a word of it None."""
    if not isinstance(metadata, dict):
        return None
    layout = metadata.get("layout_name")
    if isinstance(layout, str) and layout in LAYOUT_NAMES:
        return LAYOUT_NAMES[layout]
    n_joints = metadata.get("num_joints")
    if not isinstance(n_joints, int | np.integer):
        return None
    if n_joints != N_JOINTS:
        return _layout_of_count(int(n_joints))
    found = _sides(metadata)
    if found is None or found == HUMAN36M_SIDES:
        return None
    return LAYOUT_NAMES["coco"] if found == COCO_SIDES else "another skeleton of 17 joints"


def _sides(metadata: dict[Any, Any]) -> set[frozenset[int]] | None:
    """The joints of the two sides in ``keypoints_symmetry``; None where it is missing or of another form."""
    try:
        sides = [list(side) for side in metadata["keypoints_symmetry"]]
    except (KeyError, TypeError):
        return None
    # Nothing but numbers is put into sets: to hash tuples that hold each other many times takes for ever.
    if not all(isinstance(joint, int | np.integer) for side in sides for joint in side):
        return None
    return {frozenset(side) for side in sides}


def _layout_of_arrays(arrays: Iterable[Any]) -> str | None:
    """Whose joints they are, if all have the same number of joints and that is not Human3.6M's; else None."""
    counts = {array.shape[1] if isinstance(array, np.ndarray) and array.ndim == 3 else None for array in arrays}
    count = counts.pop() if len(counts) == 1 else None
    return None if count is None else _layout_of_count(count)


def _layout_of_count(n_joints: int) -> str | None:
    if n_joints in (N_JOINTS, N_JOINTS_CAPTURED):
        return None
    return LAYOUTS_BY_COUNT.get(n_joints, f"another skeleton ({n_joints} joints)")
