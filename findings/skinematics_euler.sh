#!/bin/sh
# scikit-kinematics 0.10.4 takes a rotation for one without nutation where its first Euler angle is beyond 90 degrees.
#
# scikit-kinematics 0.10.4, skinematics.rotmat.sequence(R, to="Euler") of R = Rz(gamma) Rx(beta) Rz(alpha). Of 40, 50, 60 degrees the
# angles come back. Of 100, 20, 30 degrees come 0, 0 and 50.5: a rotation 81.6 degrees from the one that was given. Of 40, -20, 70,
# which are angles that a hip or a shoulder has, come 0, 0 and 63.7: 50.2 degrees off. Of 30, 120, 40, where beta is beyond 90
# degrees, comes 60 in its place. All are finite and nothing is said; SciPy's angles of the same matrices turn by the same.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who needs these angles of a joint must turn them back into a matrix and compare.
#
# Runs by itself: sh findings/skinematics_euler.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check scikit-kinematics==0.10.4 scipy==1.17.1 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import os
from importlib.metadata import version

os.environ["SDL_VIDEODRIVER"] = "dummy"  # its import opens a window's library
import numpy as np
from scipy.spatial.transform import Rotation
from skinematics import rotmat

assert version("scikit-kinematics") == "0.10.4", version("scikit-kinematics")
expected_degrees = {(40, 50, 60): 0.0, (100, 20, 30): 81.60, (40, -20, 70): 50.24, (30, 120, 40): 60.0}
for angles, expected in expected_degrees.items():
    given = Rotation.from_euler("ZXZ", angles, degrees=True)
    found = np.degrees(np.ravel(rotmat.sequence(given.as_matrix(), to="Euler")))
    off = np.degrees((given.inv() * Rotation.from_euler("ZXZ", found, degrees=True)).magnitude())
    by_scipy = Rotation.from_euler("ZXZ", given.as_euler("ZXZ", degrees=True), degrees=True)
    print(f"Rz Rx Rz of {angles} degrees: {np.round(found, 2).tolist()}, {off:.2f} degrees off")
    assert abs(off - expected) < 0.01, off
    assert (given.inv() * by_scipy).magnitude() < 1e-7
PYTHON
