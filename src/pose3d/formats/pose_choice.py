"""Which of several poses in one file are meant: by frame, then by lifter."""

from collections.abc import Mapping

from pose3d.runtime.errors import InputError

_OF_WORLD = "temporal"
"""The lifter whose poses are those in the world, which do not have its name."""


def choose_poses(path: object, frames: Mapping[str, str], frame: str | None, lifter: str) -> tuple[str, str]:
    """The name of the poses that are meant, and their frame.

    Args:
        path: the file, for messages.
        frames: names of the file's poses, each with its frame, ``camera`` or ``world``.
        frame: the one that is wanted; None: the world's if there are any of this lifter.
        lifter: of several poses those whose name has this in it; those in the world are the temporal lifter's.

    Raises:
        InputError: there are none, or several and none or more than one of this lifter.

    Example:
        >>> choose_poses("p.npz", {"poses_cam_m_repnet": "camera", "poses_cam_m_temporal": "camera"}, None, "temporal")
        ('poses_cam_m_temporal', 'camera')
        >>> choose_poses("p.npz", {"poses_cam_m_repnet": "camera", "poses_world_m": "world"}, None, "repnet")
        ('poses_cam_m_repnet', 'camera')
    """
    there = ", ".join(frames) or "none"
    if lifter != _OF_WORLD and any(lifter in name or _OF_WORLD in name for name in frames):
        frames = {name: known for name, known in frames.items() if lifter in name}
    if frame is None:
        frame = "world" if "world" in frames.values() else "camera"
    names = [name for name, known in frames.items() if known == frame]
    if len(names) > 1:
        names = [name for name in names if lifter in name]
    if len(names) == 1:
        return names[0], frame
    raise InputError(
        f"{path} does not have one array of 3D poses for {frame} and {lifter} (it has {there}): name others"
    )
