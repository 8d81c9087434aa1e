#!/bin/sh
# OpenCV 5.0.0's default DNN engine reads one of a TensorFlow Lite file's five outputs.
#
# opencv-python-headless 5.0.0.93 with pose_landmark_full.tflite of mediapipe 0.10.21 (BlazePose, which has five outputs):
# readNetFromTFLite with no engine named, or with ENGINE_NEW, succeeds and offers a single output, of one number. With
# ENGINE_CLASSIC all five are there, the 195 landmark numbers and the 39 heatmaps among them. Nothing is printed.
# Seen 2026-11-28, Python 3.11, Linux x86-64. Who reads multi-output TFLite models with OpenCV must name ENGINE_CLASSIC.
#
# Runs by itself: sh findings/opencv_tflite_outputs.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 311 \
    --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 --dest "$folder" mediapipe==0.10.21
cd "$folder"
"$python" - <<'PYTHON'
import glob
import zipfile

import cv2
import numpy as np

(wheel,) = glob.glob("mediapipe-*.whl")
path = zipfile.ZipFile(wheel).extract("mediapipe/modules/pose_landmark/pose_landmark_full.tflite")
image = np.random.default_rng(0).random((1, 3, 256, 256), np.float32)
sizes = {}
for engine in ("default", "ENGINE_NEW", "ENGINE_CLASSIC"):
    named = [] if engine == "default" else [getattr(cv2.dnn, engine)]
    network = cv2.dnn.readNetFromTFLite(path, *named)
    network.setInput(image)
    outputs = network.forward(network.getUnconnectedOutLayersNames())
    sizes[engine] = sorted(int(output.size) for output in outputs)
    print(f"OpenCV {cv2.__version__}, {engine}: {len(outputs)} outputs of {sizes[engine]} numbers")
assert cv2.__version__ == "5.0.0", cv2.__version__
assert sizes["default"] == sizes["ENGINE_NEW"] == [1], sizes
assert sizes["ENGINE_CLASSIC"] == [1, 117, 195, 256 * 256, 39 * 64 * 64], sizes
PYTHON
