"""Frames of a red square that moves to the right."""

import numpy as np


def moving_frames(n=12, size=64):
    frames = [np.full((size, 2 * size, 3), 255, np.uint8) for _ in range(n)]
    for t, frame in enumerate(frames):
        frame[20:40, 4 * t : 4 * t + 20] = (40, 39, 214)
    return frames
