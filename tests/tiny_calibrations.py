"""Two cameras as other programs write their calibrations, by hand."""

import json

import numpy as np

K = np.array([[1400.0, 0, 940], [0, 1410, 530], [0, 0, 1]])
DISTORTION = np.array([-0.2, 0.05, 0.001, -0.002, 0.01])
ROTATION = np.array([[1.6, 0.1, -0.2], [1.5, -0.6, 0.7]])  # Rodrigues vectors of two cameras
TRANSLATION_M = np.array([[0.2, 0.9, 4.0], [-0.4, 1.0, 3.5]])


def toml(unit: float, distortion=DISTORTION, name="name", extra="", table="cam_{}", metadata="adjusted = false") -> str:
    """Two cameras in TOML; ``unit`` is how many of the file's units a metre has."""
    parts = []
    for index in range(2):
        lines = [f"[{table.format(index)}]", 'name = "cam{}"'.format("AB"[index]) if name else f"cam_id = {index}"]
        lines += [
            "size = [ 1920.0, 1080.0,]",
            f"matrix = {K.tolist()}",
            f"distortions = {np.asarray(distortion).tolist()}",
        ]
        lines += [f"rotation = {ROTATION[index].tolist()}", f"translation = {(unit * TRANSLATION_M[index]).tolist()}"]
        parts.append("\n".join([*lines, extra]))
    return "\n\n".join([*parts, "[metadata]", metadata]) + "\n"


KALIBR = """
cam0:
  camera_model: pinhole
  intrinsics: [1400.0, 1410.0, 940.0, 530.0]
  distortion_model: radtan
  distortion_coeffs: [-0.2, 0.05, 0.001, -0.002]
  rostopic: /cam0/image_raw
  resolution: [1920, 1080]
cam1:
  camera_model: pinhole
  intrinsics: [1400.0, 1410.0, 940.0, 530.0]
  distortion_model: radtan
  distortion_coeffs: [-0.2, 0.05, 0.001, -0.002]
  T_cn_cnm1:
  - [0.0, 0.0, 1.0, -2.0]
  - [0.0, 1.0, 0.0, 0.0]
  - [-1.0, 0.0, 0.0, 3.0]
  - [0.0, 0.0, 0.0, 1.0]
  resolution: [1920, 1080]
"""
OPENCV = """%YAML:1.0
---
calibration_time: "Thu Jan 30 14:43:57 2020"
image_width: 1920
image_height: 1080
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1400., 0., 940., 0., 1410., 530., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -2.0e-01, 0.05, 1.0e-03, -2.0e-03, 1.0e-02 ]
"""


def opencv_json() -> str:
    def matrix(values):
        return {"type_id": "opencv-matrix", "rows": len(values), "cols": np.size(values[0]), "dt": "d"} | {
            "data": np.ravel(values).tolist()
        }

    return json.dumps(
        {"image_width": 1920, "image_height": 1080, "camera_matrix": matrix(K.tolist())}
        | {"distortion_coefficients": matrix(DISTORTION.tolist())}
    )
