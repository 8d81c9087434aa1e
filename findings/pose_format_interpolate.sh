#!/bin/sh
# pose-format 0.15.0 interpolates motion to another frame rate at another speed, and is certain of what it made up.
#
# pose-format 0.15.0, Pose.body.interpolate, cubic. Ten frames of a point that moves 100 px/s, at 30 frames/s, become 20 at 60: the ends stay
# where they were, so that the point now moves 94.7 px/s, 5.3 % too slow (19 steps in place of 18). Asked for the rate that is there
# already, it fills a gap of ten frames, whose confidence was 0, with a curve, and their confidence is 1 like everybody's.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who measures speed after it must scale by (n - 1) of both, and keep the old confidence.
#
# Runs by itself: sh findings/pose_format_interpolate.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check pose-format==0.15.0 scipy==1.17.1 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from pose_format.numpy.pose_body import NumPyPoseBody

SPEED_PX_S = 100.0


def moving(frames, fps, gap=slice(0)):
    """One point of one person that moves along x, and is not seen in a gap."""
    data = np.zeros((frames, 1, 1, 2))
    data[:, 0, 0, 0] = SPEED_PX_S * np.arange(frames) / fps
    confidence = np.ones((frames, 1, 1))
    data[gap], confidence[gap] = 0, 0
    masked = np.ma.masked_array(data, np.repeat((confidence == 0)[..., None], 2, -1))
    return NumPyPoseBody(fps, masked, confidence)


twice = moving(10, 30.0).interpolate(new_fps=60)
speed_px_s = np.diff(np.asarray(twice.data)[:, 0, 0, 0]).mean() * twice.fps
whole = moving(31, 30.0, slice(10, 20)).interpolate(new_fps=30)
print(f"pose-format {version('pose-format')}: {len(twice.data)} frames at {twice.fps}, {speed_px_s:.1f} px/s of {SPEED_PX_S:.0f}")
print(f"confidence in the gap: {np.asarray(whole.confidence)[10:20, 0, 0].round(3).tolist()}")
assert len(twice.data) == 20 and abs(speed_px_s - 94.7) < 0.1, speed_px_s
assert np.allclose(np.asarray(whole.confidence)[10:20], 1)
PYTHON
