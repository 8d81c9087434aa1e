"""Joint centres from Plug-in Gait's markers: of a person who stands, by hand, and of one who moves."""

import numpy as np
import pytest

from pose3d.geometry.rotations import rotation_about_z
from pose3d.priors.markers import joint_centres

WIDTH = 0.24
STANDING = {  # x forward, y left, z up
    "LASI": (0.0, 0.12, 1.0),
    "RASI": (0.0, -0.12, 1.0),
    "LPSI": (-0.2, 0.05, 1.0),
    "RPSI": (-0.2, -0.05, 1.0),
    "LTHI": (-0.05, 0.2, 0.7),
    "LKNE": (-0.0528, 0.0864 + 0.0576, 0.5),
    "LANK": (-0.0528, 0.0864 + 0.0432, 0.1),
    "C7": (-0.1, 0.0, 1.5),
    "CLAV": (0.0, 0.0, 1.44),
    "LSHO": (-0.05, 0.2, 1.45),
    "RSHO": (-0.05, -0.2, 1.45),
    "LELB": (-0.05, 0.25, 1.15),
    "LWRA": (0.2, 0.22, 1.14),
    "LWRB": (0.2, 0.28, 1.14),
    "RELB": (-0.05, -0.25, 1.15),
    "RWRA": (0.2, -0.22, 1.14),
    "RWRB": (0.2, -0.28, 1.14),
}


def markers(**changed):
    return {name: np.array([place, place], float) for name, place in (STANDING | changed).items()}


def test_hips_are_bells_shares_of_the_pelvis():
    found = joint_centres(markers())
    np.testing.assert_allclose(found["LHip"][0], [-0.22 * WIDTH, 0.36 * WIDTH, 1 - 0.30 * WIDTH], atol=1e-12)
    np.testing.assert_allclose(found["RHip"][0], [-0.22 * WIDTH, -0.36 * WIDTH, 1 - 0.30 * WIDTH], atol=1e-12)


def test_a_sacral_marker_serves_for_the_two():
    at = markers()
    sacrum = (at.pop("LPSI") + at.pop("RPSI")) / 2
    np.testing.assert_allclose(joint_centres(at | {"SACR": sacrum})["LHip"], joint_centres(markers())["LHip"])


def test_cmus_names_of_waist_and_shins_are_known():
    at = markers(LTIB=(-0.05, 0.2, 0.3))
    plain = joint_centres(at)
    renamed = {"LFWT": "LASI", "RFWT": "RASI", "LBWT": "LPSI", "RBWT": "RPSI", "LSHN": "LTIB"}
    other = joint_centres(
        {name: path for name, path in at.items() if name not in renamed.values()}
        | {name: at[ours] for name, ours in renamed.items()}
    )
    assert set(other) == set(plain)
    np.testing.assert_allclose(other["LAnkle"], plain["LAnkle"])


@pytest.mark.parametrize(("marker", "point", "above", "share"), [
    ("LKNE", "LKnee", "LHip", 0.24), ("LANK", "LAnkle", "LKnee", 0.18), ("LELB", "LElbow", "LShoulder", 0.17),
    ("RELB", "RElbow", "RShoulder", 0.17),
])  # fmt: skip
def test_centres_lie_inside_their_markers_at_a_right_angle(marker, point, above, share):
    at = markers()
    found = joint_centres(at)
    inwards, bone = found[point][0] - at[marker][0], found[above][0] - found[point][0]
    assert np.linalg.norm(inwards) == pytest.approx(share * WIDTH)
    assert inwards @ bone == pytest.approx(0, abs=1e-9)
    assert abs(found[point][0, 1]) < abs(at[marker][0, 1])  # towards the middle


def test_shoulders_are_below_their_markers_and_wrists_and_neck_between_theirs():
    at = markers()
    found = joint_centres(at)
    assert np.linalg.norm(found["LShoulder"][0] - at["LSHO"][0]) == pytest.approx(0.2 * WIDTH)
    assert found["LShoulder"][0, 2] < at["LSHO"][0, 2] - 0.04
    np.testing.assert_allclose(found["LWrist"][0], [0.2, 0.25, 1.14])
    np.testing.assert_allclose(found["Neck"][0], [-0.05, 0, 1.47])


def test_a_straight_elbow_has_the_hinge_of_the_nearest_bent_frame():
    at = markers()
    straight = np.array(STANDING["LELB"]) + (np.array(STANDING["LELB"]) - [-0.05, 0.2, 1.402])
    at["LWRA"][1] = at["LWRB"][1] = straight
    elbow = joint_centres(at)["LElbow"]
    np.testing.assert_allclose(elbow[1], elbow[0], atol=2e-3)


def test_nothing_depends_on_axes_or_unit():
    turn = rotation_about_z(0.6, 0.8)[:, [1, 2, 0]]
    turned = {name: 1000 * (path @ turn.T) for name, path in markers().items()}
    plain = joint_centres(markers())
    assert set(plain) >= {"LHip", "LKnee", "LAnkle", "LShoulder", "LElbow", "LWrist", "Neck"}
    for name, path in joint_centres(turned).items():
        np.testing.assert_allclose(path, 1000 * (plain[name] @ turn.T), atol=1e-6)


def test_left_handed_axes_mirror_every_centre():
    """Also upside down, of somebody who bends over: the trunk is beside the pelvis and not above it."""
    bent = {name: (x + (z - 1) * 1.5 * (z > 1.1), y, z) for name, (x, y, z) in STANDING.items()}
    for places in (STANDING, bent, {name: (x, y, -z) for name, (x, y, z) in STANDING.items()}):
        plain = joint_centres(markers(**places))
        mirrored = joint_centres({name: path * [1, 1, -1] for name, path in markers(**places).items()})
        for name, path in mirrored.items():
            np.testing.assert_allclose(path, plain[name] * [1, 1, -1], atol=1e-12)
    left_handed = joint_centres({name: path * [1, 1, -1] for name, path in markers().items()})
    np.testing.assert_allclose(left_handed["LHip"][0], [-0.22 * WIDTH, 0.36 * WIDTH, 0.30 * WIDTH - 1], atol=1e-12)


def test_missing_markers_leave_out_what_needs_them():
    assert joint_centres({"LASI": np.zeros((1, 3))}) == {}
    at = markers()
    del at["LKNE"]
    assert not {"LKnee", "LAnkle"} & set(joint_centres(at))
    at = markers()
    at["LKNE"][1] = np.nan
    assert np.isnan(joint_centres(at)["LKnee"]).any(1).tolist() == [False, True]
