#!/bin/sh
# Two of the four videos of pose2sim's single-person demo are scaled into a letterbox that their calibration does not know.
#
# pose2sim 0.10.49, Demo_SinglePerson: calibration/Calib.qca.txt and the calibration pictures are 1088 x 1920 px for cam01
# and cam02, their videos 1080 x 1920. They are not cut: the picture of the same scene lies in the video at a scale of
# 0.9926 (1080 / 1088), with black rows above and below, so that intrinsics taken as they are, or with the principal point
# shifted for a cut, are some px off. The videos of cam03 and cam04 are their pictures px by px.
# Seen 2026-11-28. Who triangulates the demo's videos must scale the intrinsics of cam01 and cam02.
#
# Runs by itself: sh findings/pose2sim_demo_videos.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" pose2sim==0.10.49
cd "$folder"
"$python" - <<'PYTHON'
import glob
import zipfile

import cv2
import numpy as np

(wheel,) = glob.glob("pose2sim-*.whl")
demo = "Pose2Sim/Demo_SinglePerson"
scales = {}
with zipfile.ZipFile(wheel) as archive:
    for camera in ("cam01", "cam02", "cam03", "cam04"):
        picture = cv2.imread(archive.extract(f"{demo}/calibration/extrinsics/{camera}_ext.png"), cv2.IMREAD_GRAYSCALE)
        video = cv2.VideoCapture(archive.extract(f"{demo}/videos/{camera}.mp4"))
        frame = cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2GRAY)
        bright = np.flatnonzero(frame.max(1) > 40)  # rows that are not black
        sift = cv2.SIFT_create(4000)
        (points, features), (places, others) = (sift.detectAndCompute(image, None) for image in (picture, frame))
        pairs = cv2.BFMatcher(crossCheck=True).match(features, others)
        start = np.float32([points[pair.queryIdx].pt for pair in pairs])
        end = np.float32([places[pair.trainIdx].pt for pair in pairs])
        warp, inliers = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=1.0)
        scales[camera] = float(np.hypot(*warp[:, 0]))
        black = int(bright[0]), len(frame) - 1 - int(bright[-1])
        print(
            f"{camera}: picture {picture.shape[1]} x {picture.shape[0]}, video {frame.shape[1]} x {frame.shape[0]} px, "
            f"scale {scales[camera]:.4f} ({int(inliers.sum())} points), black rows {black[0]} and {black[1]}"
        )
assert all(abs(scales[camera] - 1080 / 1088) < 3e-4 for camera in ("cam01", "cam02")), scales
assert all(abs(scales[camera] - 1) < 3e-4 for camera in ("cam03", "cam04")), scales
PYTHON
