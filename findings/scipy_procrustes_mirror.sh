#!/bin/sh
# SciPy 1.17.1's Procrustes alignment takes a person and the mirror image of that person for the same pose.
#
# scipy 1.17.1, scipy.spatial.procrustes: of a standing person with the right arm raised and one with the left arm raised (the
# first, mirrored) the disparity is 0, because a reflection is among the transforms that it looks through, and nothing turns it
# off. PA-MPJPE allows translation, rotation and scale only: by Rotation.align_vectors the same two poses are 74 mm apart in the
# mean of the joints. A model that swaps left and right, or depth, is perfect by the one and not by the other.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who scores poses must align by a rotation, of determinant +1.
#
# Runs by itself: sh findings/scipy_procrustes_mirror.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import numpy as np
import scipy
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

# Hip, knee and ankle, then shoulder, elbow and wrist, right before left; spine, neck, head: x to the left, y forward, z up, mm.
person_mm = np.array(
    [
        *([-110, 0, 930], [-120, 40, 500], [-120, 0, 80], [110, 0, 930], [120, 60, 500], [120, 10, 80]),
        *([-180, -20, 1430], [-210, 60, 1680], [-230, 180, 1900], [180, -20, 1430], [220, -30, 1150], [230, 60, 900]),
        *([0, -30, 1180], [0, -10, 1490], [0, 30, 1680]),
    ],
    float,
)
mirrored_mm = person_mm * [-1, 1, 1]
disparity = procrustes(person_mm, mirrored_mm)[2]


def rigid_mm(first, second):
    """The mean distance of the joints after translation, rotation and scale."""
    first, second = first - first.mean(0), second - second.mean(0)
    turned = Rotation.align_vectors(first, second)[0].apply(second)
    scale = (first * turned).sum() / (turned**2).sum()
    return np.linalg.norm(first - scale * turned, axis=1).mean()


apart_mm = rigid_mm(person_mm, mirrored_mm)
print(f"SciPy {scipy.__version__}: procrustes {disparity:.2g}, by a rotation {apart_mm:.1f} mm")
assert scipy.__version__ == "1.17.1", scipy.__version__
assert disparity < 1e-20 and rigid_mm(person_mm, person_mm) < 1e-9
assert abs(apart_mm - 74.3) < 0.1, apart_mm
PYTHON
