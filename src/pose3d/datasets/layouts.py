"""Whose joints a data set's arrays have.

3D poses are Human3.6M's; 2D keypoints in VideoPose3D's form may be of any layout that is known. Another skeleton is
refused with the file as a whole, in one sentence instead of one for each of its sequences.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pose3d.geometry.layouts import LAYOUTS, OURS, Layout, layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.runtime.errors import InputError

N_JOINTS_CAPTURED = 32
"""Of Human3.6M's motion capture, the 17 among them."""
SKELETONS_BY_COUNT = {15: "HumanEva-I (15 joints)", 16: "MPII (16 joints)", 20: "HumanEva-I (20 joints)"}
VIDEOPOSE3D_NAMES = {OURS: "h36m", "coco17": "coco", "mpii16": "mpii"}
"""Layouts that VideoPose3D's metadata have another name for."""
LAYOUTS_BY_NAME = {
    **{known.name: known.name for known in LAYOUTS},
    **{theirs: ours for ours, theirs in VIDEOPOSE3D_NAMES.items()},
}
"""Layouts by what metadata call them, VideoPose3D's names or ours."""


def require_human36m_joints(arrays: Iterable[Any], path: Path, files: str) -> None:
    """Refuse a file that is of another skeleton throughout; a single odd take is found when it is read.

    Args:
        arrays: of the sequences, (T, J, n) where they are as they should be.
        path: the file.
        files: which ones to name instead, for the message.

    Raises:
        InputError: names the file and the skeleton.
    """
    count = _common_count(arrays)
    if count in (None, N_JOINTS, N_JOINTS_CAPTURED):
        return
    skeleton = SKELETONS_BY_COUNT.get(count, f"another skeleton ({count} joints)")
    raise InputError(
        f"{path} has the joints of {skeleton}, not Human3.6M's 17 joints, and no others are read from it: name files "
        f"of those, such as {files}"
    )


def keypoint_layout(arrays: Iterable[Any], path: Path, metadata: Any) -> str:
    """The layout of a file's 2D keypoints, by what its metadata say and by the number of points.

    Args:
        arrays: of the sequences, (T, K, n) where they are as they should be.
        path: the file, for the message.
        metadata: VideoPose3D's ``layout_name``, ``num_joints`` and ``keypoints_symmetry``, where the file has them.
            Files without a name and sides are taken as Human3.6M's if they have 17 points or the 32.

    Returns:
        name of one of :data:`pose3d.geometry.layouts.LAYOUTS`.

    Raises:
        InputError: no such layout is known, or name, number and sides contradict each other; names the file.
    """
    said = metadata if isinstance(metadata, dict) else {}
    count, told, sides = _common_count(arrays), said.get("num_joints"), _sides(said)
    if isinstance(told, int | np.integer):
        told = int(told)
        if count is not None and _taken(count) != _taken(told):
            raise InputError(f"{path}: its metadata say {told} points, its arrays have {count}: save it again")
        count = told if count is None else count
    name = said.get("layout_name")
    name = name if isinstance(name, str) else None
    if count == N_JOINTS_CAPTURED and LAYOUTS_BY_NAME.get(name or OURS) == OURS:
        return OURS  # the sides are of other numbers then
    if name in LAYOUTS_BY_NAME:
        named = layout(LAYOUTS_BY_NAME[name])
        _check_named(path, named, count, sides)
        return named.name
    if sides is not None:
        alike = [known.name for known in LAYOUTS if set(known.sides) == sides and count in (None, len(known))]
    else:
        alike = [OURS] if name is None and count in (None, N_JOINTS) else []
    if not alike:
        known_counts = ", ".join(f"{known.name} ({len(known)} points)" for known in LAYOUTS)
        what = f"the layout {name[:50]!r}" if name else "a layout that its metadata do not name"
        raise InputError(
            f"{path} has keypoints of {what}{'' if count is None else f' ({count} points)'}, which is not known here: "
            f"layout_name of its metadata must be one of {known_counts}"
        )
    return alike[0]


def says_human36m(metadata: Any) -> bool:
    """True if VideoPose3D's metadata says, by a name or by the joints of the two sides, that the joints are ours."""
    if not isinstance(metadata, dict):
        return False
    name = metadata.get("layout_name")
    named = isinstance(name, str) and LAYOUTS_BY_NAME.get(name) == OURS
    return named or _sides(metadata) == set(layout(OURS).sides)


def _check_named(path: Path, named: Layout, count: int | None, sides: set[frozenset[int]] | None) -> None:
    if count not in (None, len(named)):
        raise InputError(
            f"{path}: its metadata name the layout {named.name} of {len(named)} points, its arrays have {count}: "
            "correct layout_name"
        )
    if sides is not None and sides != set(named.sides):
        left, right = map(sorted, named.sides)
        raise InputError(
            f"{path}: keypoints_symmetry of its metadata is not that of the layout {named.name}, which is "
            f"[{left}, {right}]: correct it, or layout_name"
        )


def _sides(metadata: dict[Any, Any]) -> set[frozenset[int]] | None:
    """The joints of the two sides in ``keypoints_symmetry``; None where it is missing or of another form."""
    try:
        sides = [list(side) for side in metadata["keypoints_symmetry"]]
    except (KeyError, TypeError):
        return None
    # Only numbers are put into sets: hashing tuples that hold each other many times takes for ever.
    if not all(isinstance(joint, int | np.integer) for side in sides for joint in side):
        return None
    return {frozenset(side) for side in sides}


def _common_count(arrays: Iterable[Any]) -> int | None:
    """The number of joints, if all arrays have the same."""
    counts = {array.shape[1] if isinstance(array, np.ndarray) and array.ndim == 3 else None for array in arrays}
    return counts.pop() if len(counts) == 1 else None


def _taken(count: int) -> int:
    return N_JOINTS if count == N_JOINTS_CAPTURED else count
