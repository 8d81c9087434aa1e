"""Poses as people look at them: upright and on a floor. Axes: x right, y away from the camera, z up."""

import numpy as np

from pose3d.geometry.skeleton import ROOT

LEVEL_CAMERA_UP = np.array([0.0, -1.0, 0.0])
"""Upwards in the space of a camera that is held level."""


def stand(poses_cam_m: dict[str, np.ndarray], up_cam: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Turn (T, J, 3) poses of one camera space upright, the floor at height 0 and the person about x = y = 0.

    Floor and place are the last one's: the truth, or without a truth the method trusted most. All are moved alike.

    Args:
        poses_cam_m: (T, J, 3) by title, metres; frames that are not finite stay so and do not count.
        up_cam: (3,) upwards in camera space: ``camera.rotation[:, 2]`` where the world is known. Default: the camera
            is held level.

    Returns:
        (T, J, 3) by title, metres, z up.

    Raises:
        ValueError: up is the camera's own x axis or 0.

    Example:
        A hip 5 m ahead and a foot 0.9 m below it.

        >>> pose_cam_m = np.array([[[0.0, 0.0, 5.0], [0.0, 0.9, 5.0]]])
        >>> (stand({"truth": pose_cam_m})["truth"] + 0).tolist()
        [[[0.0, 0.0, 0.9], [0.0, 0.0, 0.0]]]
    """
    rotation = upright_from_camera(LEVEL_CAMERA_UP if up_cam is None else up_cam)
    upright = {title: np.asarray(poses, np.float64) @ rotation.T for title, poses in poses_cam_m.items()}
    reference = list(upright.values())[-1]
    origin = np.append(np.nanmedian(reference[:, ROOT, :2], 0), floor_height(reference))
    return {title: poses - origin for title, poses in upright.items()}


def upright_from_camera(up_cam: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) from camera axes to upright ones.

    Args:
        up_cam: (3,) upwards in camera space, any length but 0.

    Raises:
        ValueError: up is the camera's own x axis or 0.

    Example:
        >>> (upright_from_camera(np.array([0.0, -1.0, 0.0])) + 0).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]
    """
    length = np.linalg.norm(up_cam)
    right = np.array([1.0, 0, 0]) - up_cam[0] * up_cam / length**2 if length else np.zeros(3)
    if np.linalg.norm(right) < 1e-6:
        raise ValueError("up_cam must be a direction other than the camera's x axis")
    right, up = right / np.linalg.norm(right), up_cam / length
    return np.stack([right, np.cross(up, right), up])


def floor_height(poses_m: np.ndarray) -> float:
    """Height of the floor under (T, J, 3) poses, metres, z up: what one lowest joint in twenty is below, so that a
    single bad frame does not sink it. Frames that are not finite do not count; 0 where no frame does.

    Example:
        >>> floor_height(np.array([[[0.0, 0.0, 1.0], [0.0, 0.0, 0.1]]]))
        0.1
    """
    lowest = poses_m[np.isfinite(poses_m).all((1, 2))][..., 2].min(1)
    return float(np.percentile(lowest, 5)) if len(lowest) else 0.0
