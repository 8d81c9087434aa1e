#!/bin/sh
# OpenCV 5.0.0 projects people outside the picture into it, and takes pixels that no ray reaches for pixels of a ray.
#
# opencv-python-headless 5.0.0.93, a lens with k1 = -0.3 and nothing else, 1000 px of focal length. Its radial polynomial rises
# up to 46.5 degrees from the axis and falls behind that. cv2.projectPoints puts a point 60 degrees off the axis at 173 px from the
# principal point, amid the picture, where a point at 9.9 degrees belongs. cv2.undistortPoints of a pixel 860 px from the principal
# point (the lens reaches 703) gives a ray, which projects 191 px from that pixel. Neither says anything.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who projects joints of people at the rim, or triangulates pixels of the corners, must know
# the angle up to which the polynomial rises, and leave out what lies beyond it.
#
# Runs by itself: sh findings/opencv_lens_fold.sh. Fails when the behaviour is another.
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

FOCAL_PX, K1 = 1000.0, -0.3
camera = np.array([[FOCAL_PX, 0, 0], [0, FOCAL_PX, 0], [0, 0, 1]])
lens = np.array([K1, 0, 0, 0, 0])


def projected_px(ray):
    """Where a point at this tangent of the angle from the axis falls, px from the principal point."""
    point = np.array([[ray, 0.0, 1.0]])
    return cv2.projectPoints(point, np.zeros(3), np.zeros(3), camera, lens)[0].item(0)


rays = np.tan(np.radians(np.linspace(0, 80, 801)))
px = np.array([projected_px(ray) for ray in rays])
fold_degrees = np.degrees(np.arctan(rays[px.argmax()]))
outside_px = projected_px(np.tan(np.radians(60)))
same_degrees = np.degrees(np.arctan(np.interp(outside_px, px[: px.argmax()], rays[: px.argmax()])))
pixel_px = 860.0
back_px = projected_px(cv2.undistortPoints(np.array([[[pixel_px, 0.0]]]), camera, lens).item(0))
print(f"OpenCV {cv2.__version__}: the lens reaches {px.max():.0f} px, at {fold_degrees:.1f} degrees")
print(f"a point at 60 degrees is projected to {outside_px:.0f} px, where {same_degrees:.1f} degrees belong")
print(f"pixel {pixel_px:.0f}: the ray that undistortPoints gives projects to {back_px:.0f} px")
assert cv2.__version__ == "5.0.0", cv2.__version__
assert 46 < fold_degrees < 47 and 702 < px.max() < 704
assert abs(outside_px - 173.2) < 0.5 and abs(same_degrees - 9.9) < 0.1
assert abs(abs(back_px - pixel_px) - 191) < 3, back_px
PYTHON
