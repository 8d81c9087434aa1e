#!/bin/sh
# OpenCV 5.0.0 gives another rotation for a camera matrix and for the same matrix times -1, which is the same camera.
#
# opencv-python-headless 5.0.0.93, cv2.decomposeProjectionMatrix. A projection matrix is known up to a factor, and solvers (the direct
# linear transform, an SVD) give it with either sign. Of P and of -P the centre of the camera comes out alike, but of -P the focal
# lengths, divided by K[2, 2] as usual, are -1000 px, and the rotation is 180 degrees off: poses that are turned into such a
# camera's frame lie on their heads, at the right distance. No determinant shows it: that of the rotation is +1 both times.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Give P the sign that makes the determinant of its left 3 x 3 part positive.
#
# Runs by itself: sh findings/opencv_decompose_projection_sign.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import cv2
import numpy as np

camera = np.array([[1000.0, 0, 960], [0, 1000, 540], [0, 0, 1]])
rotation = cv2.Rodrigues(np.array([0.1, 0.2, 0.3]))[0]
translation = np.array([[0.1], [0.2], [3.0]])
projection = camera @ np.hstack([rotation, translation])
centre = (-rotation.T @ translation).ravel()
off_degrees, focal_px = {}, {}
for sign in (1, -1):
    found, turned, place = cv2.decomposeProjectionMatrix(sign * projection)[:3]
    cosine = (np.trace(turned.T @ rotation) - 1) / 2
    off_degrees[sign] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    focal_px[sign] = found[0, 0] / found[2, 2]
    print(
        f"OpenCV {cv2.__version__}, P times {sign}: focal length {focal_px[sign]:.1f} px, rotation {off_degrees[sign]:.3f} "
        f"degrees off, determinant {np.linalg.det(turned):.3f}"
    )
    assert np.allclose(place[:3].ravel() / place[3], centre, atol=1e-9) and np.linalg.det(turned) > 0.99
assert cv2.__version__ == "5.0.0", cv2.__version__
assert off_degrees[1] < 1e-4 and abs(focal_px[1] - 1000) < 1e-6
assert abs(off_degrees[-1] - 180) < 1e-3 and abs(focal_px[-1] + 1000) < 1e-6
PYTHON
