#!/bin/sh
# c3d 0.6.0 and ezc3d 1.7.2 exchange a point's residual and the cameras that saw it: 4 mm seen by cameras 1 and 2 become 3 mm seen by camera 3.
#
# A C3D point's fourth number is two bytes: the residual in units of POINT:SCALE, and a mask of cameras. c3d 0.6.0 takes the low byte for the residual,
# ezc3d 1.7.2 the high one, so that each reads the other's residual as cameras and the other way round. Neither says a word, as both are numbers that may be.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Read residuals with the program that wrote them; in files of either, 0 and "missing" (-1) are the same.
#
# Runs by itself: sh findings/c3d_residual_and_cameras.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check c3d==0.6.0 ezc3d==1.7.2 numpy==2.4.6
cd "$folder"
"$python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import c3d
import ezc3d
import numpy as np

RESIDUAL_MM, CAMERAS = 4.0, 0b011  # cameras 1 and 2
writer = c3d.Writer(point_rate=100.0, analog_rate=0.0)
writer.set_point_labels(["knee"])
frame = np.array([[100.0, 200.0, 300.0, RESIDUAL_MM, CAMERAS]])
writer.add_frames([(frame, np.zeros((0, 0)))] * 2)
with open("knee.c3d", "wb") as file:
    writer.write(file)

with open("knee.c3d", "rb") as file:
    *_, read_mm, seen_by = next(iter(c3d.Reader(file).read_frames()))[1][0]
meta = ezc3d.c3d("knee.c3d")["data"]["meta_points"]
other_mm = float(meta["residuals"][0, 0, 0])
others = (np.flatnonzero(meta["camera_masks"][:, 0, 0]) + 1).tolist()
print(f"written, and read by c3d {version('c3d')}: {read_mm:g} mm, cameras as bits {int(seen_by):03b}")
print(f"read by ezc3d {version('ezc3d')}: {other_mm:g} mm, cameras {others}")
assert (read_mm, int(seen_by)) == (RESIDUAL_MM, CAMERAS)
assert (other_mm, others) == (3.0, [3])
PYTHON
