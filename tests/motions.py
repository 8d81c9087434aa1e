"""Motions for the tests of formats."""

import numpy as np
from people import swinging_poses

from pose3d.formats.motion import Motion, from_ours


def walk(frames: int = 12, fps: float = 25.0, frame: str = "world") -> Motion:
    """Somebody who swings."""
    return from_ours(swinging_poses(np.random.default_rng(3), frames), fps, frame)


def walk_with_gaps() -> Motion:
    """The right wrist, which comes last, is missing in frames 2 and 3, everything in frame 5."""
    motion = walk()
    motion.positions_m[2:4, -1] = np.nan
    motion.positions_m[5] = np.nan
    return motion


def one_joint(*positions_m: tuple[float, float, float]) -> Motion:
    return Motion(("Hip",), np.array(positions_m, float)[:, None], 50.0)


def assert_same(found: Motion, wanted: Motion, atol: float) -> None:
    assert (found.joints, found.fps) == (wanted.joints, wanted.fps)
    np.testing.assert_allclose(found.positions_m, wanted.positions_m, rtol=0, atol=atol)
