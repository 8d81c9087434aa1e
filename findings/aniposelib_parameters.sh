#!/bin/sh
# aniposelib 0.8.0's cameras forget part of their lens when their parameters are read and set, which its bundle adjustment does.
#
# aniposelib 0.8.0, aniposelib.cameras.Camera: get_params gives rotation, translation, one focal length and k1; set_params of just these gives both
# axes the mean focal length, and sets k2, p1, p2 and k3 to 0. A calibration of OpenCV's five numbers and of two focal lengths (1000 and
# 1010 px) thereby moves the points that it projects by 1.4 px in the mean and 5.9 px at most, before anything is optimised.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who refines a calibration from elsewhere with it must compare the lens before and after.
#
# Runs by itself: sh findings/aniposelib_parameters.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check aniposelib==0.8.0 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
from importlib.metadata import version

import numpy as np
from aniposelib.cameras import Camera

lens = [-0.1, 0.02, 0.001, -0.002, 0.01]
camera = Camera(
    matrix=np.array([[1000.0, 0, 960], [0, 1010, 540], [0, 0, 1]]),
    dist=lens,
    size=(1920, 1080),
    rvec=[0.1, 0.2, 0.3],
    tvec=[0, 0, 3.0],
    name="left",
)
again = camera.copy()
again.set_params(camera.get_params())
points_m = np.random.default_rng(0).uniform(-1, 1, (200, 3))
moved_px = np.linalg.norm((camera.project(points_m) - again.project(points_m)).reshape(-1, 2), axis=1)
kept = again.get_dict()
print(f"aniposelib {version('aniposelib')}: distortions {lens} to {kept['distortions']}")
print(f"focal lengths 1000, 1010 to {kept['matrix'][0][0]}, {kept['matrix'][1][1]} px")
print(f"projected points move by {moved_px.mean():.2f} px in the mean, {moved_px.max():.2f} px at most")
assert kept["distortions"] == [-0.1, 0, 0, 0, 0] and kept["matrix"][0][0] == kept["matrix"][1][1] == 1005
assert abs(moved_px.mean() - 1.38) < 0.02 and abs(moved_px.max() - 5.88) < 0.02
PYTHON
