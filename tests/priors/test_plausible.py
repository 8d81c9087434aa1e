"""What no person does, one thing at a time, done to somebody who walks."""

import numpy as np
import pytest
from tiny_mocap import CMU, climb_motion, named

from pose3d.geometry.rotations import unit
from pose3d.priors.plausible import bridged, in_metres, is_mirrored, left_out, leg_length_m, no_person
from pose3d.priors.point_map import body_points

FPS = 30.0


def points(frames=61):
    motion = named(climb_motion(frames, FPS), CMU)
    return {name: path.copy() for name, path in body_points("a", motion, motion.joints, {}).items()}


def reasons(at):
    return {reason: np.flatnonzero(frames).tolist() for reason, frames in left_out(at, FPS).items() if frames.any()}


def test_a_person_is_one():
    at = points()
    assert no_person(at) is None and reasons(at) == {} and not is_mirrored(at)
    assert leg_length_m(at) == pytest.approx(0.8)


@pytest.mark.parametrize("unit", ["m", "cm", "mm", "in", "in / 0.45"])
def test_the_unit_shows_in_the_legs(unit):
    metres = {"m": 1, "cm": 0.01, "mm": 0.001, "in": 0.0254, "in / 0.45": 0.0254 / 0.45}[unit]
    as_read = {name: path / metres * 0.01 for name, path in points().items()}
    found, name = in_metres(as_read, "cm")
    assert name == unit
    np.testing.assert_allclose(found["LHip"], points()["LHip"])


@pytest.mark.parametrize(
    ("numbers", "said_m", "name"),
    [(1, 0.001, "m, not mm"), (100, 0.001, "cm, not mm"), (1, 0.01, "m, not cm"), (1 / 0.0254, 0.001, "in, not mm")],
)
def test_numbers_in_another_unit_than_the_file_says_show_in_the_legs_too(numbers, said_m, name):
    found, unit = in_metres({joint: numbers * said_m * path for joint, path in points().items()}, "m")
    assert unit == name
    np.testing.assert_allclose(found["LHip"], points()["LHip"])


@pytest.mark.parametrize("leg_m", [0.2, 0.3, 0.39])
def test_a_baby_is_not_made_an_adult(leg_m):
    found, unit = in_metres({name: leg_m / 0.8 * path for name, path in points().items()}, "m")
    assert unit == "m" and leg_length_m(found) == pytest.approx(leg_m)


def test_a_child_stays_one_where_the_unit_is_said():
    found, name = in_metres({name: 0.6 * path for name, path in points().items()}, "m")
    assert name == "m" and leg_length_m(found) == pytest.approx(0.48)


def test_no_unit_makes_a_giant_a_person():
    assert no_person(in_metres({name: 4 * path for name, path in points().items()}, "m")[0]) == (
        "legs of 3.2 m, in no usual unit"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LWrist": "LAnkle", "RWrist": "RAnkle"}, "forearms of"),
        ({"LKnee": "LAnkle", "RKnee": "RAnkle"}, "thighs of 0."),
        ({"LHip": "RHip"}, "hips of 0 m beside legs of"),
        ({"LShoulder": "LHip", "RShoulder": "RHip"}, "trunk of 0 m"),
    ],
)
def test_points_that_are_mistaken_for_others_are_no_person(change, said):
    at = points()
    at |= {name: at[other] for name, other in change.items()}
    assert no_person(at).startswith(said)


def test_joints_without_depth_are_no_person():
    said = "no depth, as in 2D"
    at = points()
    assert no_person({name: path * [1, 1, 0] for name, path in at.items()}) == said
    assert no_person({name: path * [1, 1, 0.1] for name, path in at.items()}) != said
    stays = {name: np.where([True, True, False], path, path[0]) for name, path in at.items()}
    assert no_person(stays) == said
    assert no_person({name: path[40:41].repeat(30, 0) for name, path in at.items()}) is None  # who does not move at all


@pytest.mark.parametrize("part", ["Knee", "Wrist", "Shoulder"])
def test_a_joint_that_is_never_there_is_no_person(part):
    at = points()
    at[f"L{part}"], at[f"R{part}"] = np.full((2, 61, 3), np.nan)
    assert no_person(at) == "a joint is never there"


def test_short_gaps_are_closed_and_long_ones_left_out():
    at = points()
    at["LWrist"][10:16] = np.nan  # 0.2 s
    at["RKnee"][30:37] = np.nan
    at["RHip"][:2] = np.nan
    closed = bridged(at, FPS)
    np.testing.assert_allclose(closed["LWrist"], points()["LWrist"], atol=0.03)
    assert reasons(closed) == {"joints missing": [0, 1, *range(30, 37)]}


def test_what_is_not_needed_goes_before_frames_do():
    at = points()
    at["Head"][10:40] = np.nan
    at["LToe"][10:16] = np.nan
    closed = bridged(at, FPS)
    assert "Head" not in closed and not np.isnan(closed["LToe"]).any() and reasons(closed) == {}


def test_what_is_out_of_reach_is_missing():
    at = points()
    at["LToe"][5] = 1e6
    at["LWrist"][20:30] = 100
    closed = bridged(at, FPS)
    np.testing.assert_allclose(closed["LToe"], points()["LToe"], atol=0.01)
    assert reasons(closed) == {"joints missing": [*range(20, 30)]}


def test_a_root_on_the_floor_is_no_pelvis():
    at = points()
    assert "Pelvis" in bridged(at, FPS)
    at["Pelvis"] = np.zeros_like(at["LHip"])
    found = bridged(at, FPS)
    assert set(found) == set(at) - {"Pelvis"}


def test_what_lies_on_its_neighbour_shows_no_direction():
    at = points()
    at["Head"] = at["Neck"].copy()
    at["LIndex"][7] = at["LPinky"][7]
    closed = bridged(at, FPS)
    assert "Head" not in closed and reasons(closed) == {}
    np.testing.assert_allclose(closed["LIndex"], points()["LIndex"], atol=0.01)


def test_steps_that_are_too_fast_are_jumps_on_both_sides():
    at = points()
    for path in at.values():
        path[20:] += [0.5, 0, 0]  # 15 m/s of everything
    at["LWrist"][40] += [1.0, 0, 0]
    found = left_out(at, FPS)
    assert np.flatnonzero(found["jumps"]).tolist() == [19, 20, 39, 40, 41]
    assert not found["bones change"].any()  # has its reason already


def test_bones_that_change_are_left_out():
    at = points()
    at["LAnkle"][7] += [0, -0.15, 0]
    assert reasons(at) == {"bones change": [7]}


def test_a_trunk_of_no_width_is_left_out():
    at = points()
    middle = (at["LShoulder"][9] + at["RShoulder"][9]) / 2
    along = middle - (at["LHip"][9] + at["RHip"][9]) / 2
    for side, sign in (("L", 1), ("R", -1)):
        shift = middle + sign * 0.4 * along - at[f"{side}Shoulder"][9]
        for part in ("Shoulder", "Elbow", "Wrist"):
            at[f"{side}{part}"][9] += shift
    assert reasons(at) == {"trunk folded": [9]}
    at = points()
    at["Spine"][11] = at["Pelvis"][11] + 0.5 * (at["LHip"][11] - at["RHip"][11])
    assert reasons(at) == {"trunk folded": [11]}


def t_posed(at, frames):
    for side in "LR":
        across = at["LShoulder"][frames] - at["RShoulder"][frames]
        across *= (1 if side == "L" else -1) / np.linalg.norm(across, axis=-1, keepdims=True)
        down = np.array([0, -1.0, 0])
        at[f"{side}Elbow"][frames] = at[f"{side}Shoulder"][frames] + 0.28 * across
        at[f"{side}Wrist"][frames] = at[f"{side}Elbow"][frames] + 0.25 * across
        at[f"{side}Knee"][frames] = at[f"{side}Hip"][frames] + 0.4 * down
        at[f"{side}Ankle"][frames] = at[f"{side}Knee"][frames] + 0.4 * down
    return at


def test_a_t_pose_at_an_end_is_calibration_and_inside_it_is_motion():
    slow = points(600)
    at = t_posed(t_posed(slow, slice(3)), slice(590, 600))
    assert np.flatnonzero(left_out(at, 5.0)["T-pose"]).tolist() == [0, 1, 2, *range(590, 600)]
    assert not left_out(t_posed(points(600), slice(300, 310)), 5.0)["T-pose"].any()


@pytest.mark.parametrize("with_toes", [True, False])
def test_left_handed_axes_show(with_toes):
    at = points()
    if not with_toes:
        del at["LToe"], at["RToe"]
    assert not is_mirrored(at)
    assert is_mirrored({name: path * [-1, 1, 1] for name, path in at.items()})


@pytest.mark.parametrize("with_toes", [True, False])
def test_who_bends_over_is_not_mirrored(with_toes):
    """A trunk that hangs down, as in a forward fold, looks backwards; legs show what is ahead all the same."""
    at = points()
    hips = (at["LHip"] + at["RHip"]) / 2
    across = unit(at["LHip"] - at["RHip"])
    upper = [name for name in at if name[1:] in ("Shoulder", "Elbow", "Wrist") or name in ("Neck", "Head", "Spine")]
    for name in upper:  # half a turn about the hips' axis
        at[name] = hips + 2 * across * ((at[name] - hips) * across).sum(-1, keepdims=True) - (at[name] - hips)
    if not with_toes:
        del at["LToe"], at["RToe"]
    assert not is_mirrored(at)
    assert is_mirrored({name: path * [-1, 1, 1] for name, path in at.items()})
