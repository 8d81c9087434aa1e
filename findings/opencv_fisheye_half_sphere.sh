#!/bin/sh
# OpenCV 5.0.0's fisheye functions lose what lies beside the camera: nothing comes back from beyond 85 degrees, and beyond 90 it is mirrored.
#
# opencv-python-headless 5.0.0.93, cv2.fisheye with k = (0.05, -0.01, 0, 0), 500 px of focal length: an ordinary action camera's lens.
# cv2.fisheye.undistortPoints takes the distorted angle for at most pi / 2, so that the pixel of a ray at 89 degrees comes back as 85.0
# degrees, and 100 degrees as 85.6. cv2.fisheye.projectPoints puts a point at 91 degrees, which the lens sees 844 px right of the
# principal point, 825 px left of it, where nobody is. Up to 80 degrees both are right to 1e-6 degrees.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who uses lenses of 170 degrees or more must work with angles, not with these functions.
#
# Runs by itself: sh findings/opencv_fisheye_half_sphere.sh. Fails when the behaviour is another.
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

FOCAL_PX, K1, K2 = 500.0, 0.05, -0.01
camera = np.array([[FOCAL_PX, 0, 0], [0, FOCAL_PX, 0], [0, 0, 1]])
lens = np.array([K1, K2, 0, 0])
back_degrees, projected_px, true_px = {}, {}, {}
for degrees in (60, 80, 89, 91, 100):
    angle = np.radians(degrees)
    true_px[degrees] = FOCAL_PX * angle * (1 + K1 * angle**2 + K2 * angle**4)
    ray = cv2.fisheye.undistortPoints(np.array([[[true_px[degrees], 0.0]]]), camera, lens).item(0)
    back_degrees[degrees] = np.degrees(np.arctan(ray))
    point = np.array([[[np.sin(angle), 0.0, np.cos(angle)]]])
    projected_px[degrees] = cv2.fisheye.projectPoints(point, np.zeros(3), np.zeros(3), camera, lens)[0].item(0)
    print(
        f"OpenCV {cv2.__version__}, {degrees} degrees, by the lens's formula {true_px[degrees]:.0f} px: "
        f"undistortPoints {back_degrees[degrees]:.2f} degrees, projectPoints {projected_px[degrees]:.0f} px"
    )
assert cv2.__version__ == "5.0.0", cv2.__version__
assert all(abs(back_degrees[degrees] - degrees) < 1e-6 for degrees in (60, 80))
assert all(abs(back_degrees[degrees] - expected) < 0.1 for degrees, expected in ((89, 85.03), (91, 85.14), (100, 85.56)))
assert all(abs(projected_px[degrees] - true_px[degrees]) < 1e-6 for degrees in (60, 80, 89))
assert abs(true_px[91] - 843.8) < 0.1 and abs(projected_px[91] + 825.2) < 0.1
PYTHON
