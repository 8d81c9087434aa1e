#!/bin/sh
# MuJoCo 4.0.0 and SciPy 1.17.1 mean the opposite by small and large letters of an Euler sequence.
#
# mujoco 4.0.0: eulerseq="xyz" turns about the axes that move with the body, "XYZ" about those that stay. scipy 1.17.1's
# Rotation.from_euler: "xyz" about those that stay, "XYZ" about those that move. So the joint angles 20, 30, 40 degrees, taken from
# one into the other with the letters as they are, are a rotation that is 26.1 degrees off; with small and large letters exchanged
# they are the same to 1e-9 degrees. Both accept either.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who writes bodies or motion for MuJoCo with SciPy's angles must exchange the letters.
#
# Runs by itself: sh findings/mujoco_euler_case.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check mujoco==4.0.0 scipy==1.17.1 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import mujoco
import numpy as np
from scipy.spatial.transform import Rotation

angles_degrees = [20, 30, 40]
off_degrees = {}
for by_mujoco in ("xyz", "XYZ"):
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><compiler angle="degree" eulerseq="{by_mujoco}"/><worldbody><body euler="20 30 40"/></worldbody></mujoco>'
    )
    found = Rotation.from_quat(np.roll(model.body_quat[1], -1))
    for by_scipy in ("xyz", "XYZ"):
        other = Rotation.from_euler(by_scipy, angles_degrees, degrees=True)
        off_degrees[by_mujoco, by_scipy] = np.degrees((found.inv() * other).magnitude())
        print(f"MuJoCo {mujoco.__version__} {by_mujoco}, SciPy {by_scipy}: {off_degrees[by_mujoco, by_scipy]:.3g} degrees apart")
assert mujoco.__version__ == "4.0.0", mujoco.__version__
assert abs(off_degrees["xyz", "xyz"] - 26.10) < 0.01 and abs(off_degrees["XYZ", "XYZ"] - 26.10) < 0.01
assert off_degrees["xyz", "XYZ"] < 1e-9 and off_degrees["XYZ", "xyz"] < 1e-9
PYTHON
