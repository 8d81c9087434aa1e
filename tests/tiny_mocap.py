"""Motion capture of others as files have it, made from the tiny performer of the climbing clips."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from tiny_performers import climb_pose

from pose3d.formats.motion import Motion, from_ours
from pose3d.geometry.rotations import rotation_about_z
from pose3d.synthetic.mocap import CLIMB_JOINTS, Boxes, PositionClip

MIXAMO = {
    name: f"mixamorig:{name}" for name in CLIMB_JOINTS if name != "Spine1" and not name.endswith(("Shoulder", "Mod"))
}
CMU = {name: name for name in MIXAMO}
ROKOKO = {
    **{name: name for name in ("Hips", "Spine", "Neck", "Head")},
    **{
        f"{side}{theirs}": f"{side}{ours}"
        for side in ("Left", "Right")
        for theirs, ours in (
            ("UpLeg", "Thigh"),
            ("Leg", "Shin"),
            ("Foot", "Foot"),
            ("ToeBase", "Toe"),
            ("Shoulder", "Shoulder"),
            ("Arm", "Arm"),
            ("ForeArm", "ForeArm"),
            ("Hand", "Hand"),
        )
    },
}
XSENS = {
    **{"Hips": "Hips", "Spine": "Chest", "Neck": "Neck", "Head": "Head"},
    **{
        f"{side}{theirs}": f"{side}{ours}"
        for side in ("Left", "Right")
        for theirs, ours in (
            ("UpLeg", "Hip"),
            ("Leg", "Knee"),
            ("Foot", "Ankle"),
            ("ToeBase", "Toe"),
            ("Shoulder", "Collar"),
            ("Arm", "Shoulder"),
            ("ForeArm", "Elbow"),
            ("Hand", "Wrist"),
        )
    },
}
PLUG_IN_GAIT = {
    f"{side}{theirs}": f"{side[0]}{ours}"
    for side in ("Left", "Right")
    for theirs, ours in (
        ("UpLeg", "FEP"),
        ("Leg", "FEO"),
        ("Foot", "TIO"),
        ("Arm", "CLO"),
        ("ForeArm", "HUO"),
        ("Hand", "RAO"),
    )
}

OUR_JOINTS = {
    **{"Hips": "Hip", "Spine": "Spine", "Spine1": "Thorax", "Neck": "Neck", "Head": "Head"},
    **{
        f"{side}{theirs}": f"{side[0]}{ours}"
        for side in ("Left", "Right")
        for theirs, ours in (
            ("UpLeg", "Hip"),
            ("Leg", "Knee"),
            ("Foot", "Foot"),
            ("Arm", "Shoulder"),
            ("ForeArm", "Elbow"),
            ("Hand", "Wrist"),
        )
    },
}


def climb_motion(frames: int = 61, fps: float = 30.0) -> Motion:
    """The 53 joints of somebody who bends knees and elbows, raises the arms, walks and turns."""
    steps = np.linspace(0, 1, frames)
    poses = np.stack([climb_pose(knee_rad=1.5 * s, elbow_rad=1.2 * s, arms_forward_rad=2 * s) for s in steps])
    turns = rotation_about_z(np.cos(steps), np.sin(steps))
    poses = poses @ turns.swapaxes(1, 2) + steps[:, None, None] * [1.0, 2, 0]
    return from_ours(poses, fps, "world", CLIMB_JOINTS)


def named(motion: Motion, names: Mapping[str, str]) -> Motion:
    """Only the joints of ``names``, under the names that they have there."""
    order = [motion.joints.index(name) for name in names]
    return replace(motion, joints=tuple(names.values()), positions_m=motion.positions_m[:, order])


def as_clip(motion: Motion) -> PositionClip:
    joints_m = motion.positions_m @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    return PositionClip(joints_m, Boxes(np.empty((0, 3)), np.empty((0, 3), np.int32)))


def write_any_bvh(path: Path, motion: Motion, per_metre: float = 100.0) -> Path:
    """BVH of any joints: all hang on the first, with position channels and no rotation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines, end = ["HIERARCHY"], []
    for index, name in enumerate(motion.joints):
        channels = "CHANNELS 3 Xposition Yposition Zposition"
        lines += [f"{'JOINT' if index else 'ROOT'} {name}", "{", "OFFSET\t0 0 0", channels]
        if index:
            lines.append("}")
        else:
            end = ["}"]
    local = motion.positions_m.copy()
    local[:, 1:] -= motion.positions_m[:, :1]
    lines += [*end, "MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / motion.fps:.9f}"]
    lines += [" ".join(f"{value * per_metre:.5f}" for value in frame.ravel()) for frame in local]
    path.write_text("\n".join(lines) + "\n")
    return path
