"""Names of joints and markers of the usual skeletons, maps, and what is asked for where neither helps."""

import numpy as np
import pytest
from tiny_mocap import CMU, MIXAMO, PLUG_IN_GAIT, ROKOKO, XSENS, climb_motion, named

from pose3d.formats.motion import Motion, without_blanks
from pose3d.geometry.layouts import layout
from pose3d.priors.point_map import NEEDED, body_points, people_in, read_map, recognised
from pose3d.runtime.errors import InputError

CLIMBS = {f"{side[0]}{ours}": f"{side}{theirs}" for side in ("Left", "Right") for ours, theirs in (
    ("Hip", "UpLeg"), ("Knee", "Leg"), ("Ankle", "Foot"), ("Shoulder", "Arm"), ("Elbow", "ForeArm"), ("Wrist", "Hand")
)}  # fmt: skip
CLIMBS_AS_POINTS = {name: point for point, name in CLIMBS.items() if not point.endswith("Hip")}
KINECT = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
PARTS = ("{}Thigh", "{}Shin", "{}Foot", "{}UArm", "{}FArm", "{}Hand")


def both(*parts):
    return [part.format(side) for part in parts for side in "LR"]


@pytest.mark.parametrize("names", [CMU, MIXAMO, ROKOKO, XSENS, PLUG_IN_GAIT])
def test_usual_skeletons_are_recognised(names):
    found = recognised(tuple(names.values()))
    assert {point: found[point] for point in NEEDED} == {point: names[CLIMBS[point]] for point in NEEDED}
    if names is not PLUG_IN_GAIT:
        assert [found[point] for point in ("Neck", "Head", "Pelvis")] == [names[n] for n in ("Neck", "Head", "Hips")]
        assert found["LToe"] == names["LeftToeBase"]


@pytest.mark.parametrize(
    "names",
    [
        both(*PARTS),  # OptiTrack
        ["Skeleton_001_Hips", *(f"Skeleton_001_{name}" for name in both(*PARTS))],
        both(*(f"Bip01_{part}" for part in ("{}_Thigh", "{}_Calf", "{}_Foot", "{}_UpperArm", "{}_Forearm", "{}_Hand"))),
        [f"{part}.{side}" for part in ("thigh", "shin", "foot", "upper_arm", "forearm", "hand") for side in "LR"],
        [f"{part}_{side}" for part in ("thigh", "calf", "foot", "upperarm", "lowerarm", "hand") for side in "lr"],
        [f"{side}{part}" for part in ("Thigh", "Shin", "Foot", "Shldr", "ForeArm", "Hand") for side in "lr"],
        [f"{part}{side}" for part in KINECT for side in ("Left", "Right")],
        both("{}HJC", "{}KJC", "{}AJC", "{}SJC", "{}EJC", "{}WJC"),
    ],
)  # fmt: skip
def test_other_ways_to_write_them_are_recognised(names):
    found = recognised(names)
    assert [found[point] for point in NEEDED] == names[-12:]


@pytest.mark.parametrize("name", ["coco17", "halpe26", "body25", "mediapipe33", "mpii16", "coco_wholebody"])
def test_layouts_of_detectors_are_recognised(name):
    points, of_body = layout(name).points, layout(name).body_points
    found = recognised(without_blanks(points))
    for point in NEEDED:
        assert of_body[points.index(found[point])] == point.replace("Ankle", "Foot")
    assert ("LToe" in found) == bool({"LBigToe", "left_big_toe", "left_foot_index"} & set(points))


def test_collar_bones_and_feet_are_not_taken_for_what_is_next_to_them():
    found = recognised(("left_shoulder", "left_arm", "left_ankle", "left_foot", "left_hand", "left_wrist", "LowerBack"))
    assert found == {
        "LAnkle": "left_ankle",
        "LShoulder": "left_arm",
        "LWrist": "left_wrist",
        "LToe": "left_foot",
    }


HELEN_HAYES = both("{}.Thigh", "{}.Knee", "{}.Shank", "{}.Ankle", "{}.Shoulder", "{}.Elbow", "{}.Wrist", "{}.ASIS")


def test_markers_on_thighs_shins_and_forearms_are_no_joints():
    found = recognised(both("{}Thigh", "{}Shin", "{}Forearm", *("{}" + part for part in KINECT)))
    assert {point: found[point] for point in NEEDED} == {point: point for point in NEEDED}
    found = recognised(both("{}HJC", "{}Thigh", "{}KJC", "{}Knee", "{}Ankle"))
    assert [found[point] for point in ("LHip", "LKnee", "LAnkle")] == ["LHJC", "LKJC", "LAnkle"]
    assert "LHip" not in recognised([*HELEN_HAYES, "V.Sacral"])


def test_centres_of_mapped_markers_go_before_markers_that_are_called_joints(tmp_path):
    """Knees lie inside L.Knee then, by the share of the pelvis's width, and hips in the pelvis."""
    odd = {**{name: f"{point[0]}.{point[1:]}" for name, point in CLIMBS_AS_POINTS.items()}}
    pelvis = {"LeftUpLeg": "L.ASIS", "RightUpLeg": "R.ASIS", "Hips": "V.Sacral"}
    motion = named(climb_motion(2), {**odd, **pelvis})
    lines = {"LASI": "L.ASIS", "RASI": "R.ASIS", "SACR": "V.Sacral", "LKNE": "L.Knee"}
    (tmp_path / "map.yaml").write_text("".join(f"{marker}: {name}\n" for marker, name in lines.items()))
    points = body_points("a.trc", motion, motion.joints, read_map(tmp_path / "map.yaml"))
    at = {name: motion.positions_m[:, motion.joints.index(name)] for name in motion.joints}
    width = np.linalg.norm(at["L.ASIS"] - at["R.ASIS"], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(points["LKnee"] - at["L.Knee"], axis=-1), 0.24 * width)
    np.testing.assert_array_equal(points["RKnee"], at["R.Knee"])


def test_augmented_markers_beside_a_detectors_points_do_not_disturb():
    points = list(layout("halpe26").points)
    study = ["r.ASIS_study", "L.ASIS_study", "r_knee_study", "L_mankle_study", "C7_study", "RHJC_study"]
    assert recognised(points + study) == recognised(points)


def test_a_map_goes_before_what_is_recognised_and_a_list_means_its_middle(tmp_path):
    motion = named(climb_motion(2), CMU)
    (tmp_path / "map.yaml").write_text("LKnee: [LeftLeg, LeftFoot]\nRKnee: Head\n")
    given = read_map(tmp_path / "map.yaml")
    points = body_points("a.bvh", motion, motion.joints, given)
    at = {name: motion.positions_m[:, motion.joints.index(name)] for name in motion.joints}
    np.testing.assert_allclose(points["LKnee"], (at["LeftLeg"] + at["LeftFoot"]) / 2)
    np.testing.assert_array_equal(points["RKnee"], at["Head"])
    np.testing.assert_array_equal(points["LWrist"], at["LeftHand"])


def test_a_map_makes_unknown_names_known(tmp_path):
    odd = {name: f"p{number}" for number, name in enumerate(CLIMBS.values())}
    motion = named(climb_motion(2), odd)
    with pytest.raises(InputError) as asked:
        body_points("a.trc", motion, motion.joints, {})
    assert str(asked.value) == (
        "a.trc does not show which of its names are LHip, RHip, LKnee, RKnee, LAnkle, RAnkle, LShoulder, RShoulder, "
        "LElbow, RElbow, LWrist, RWrist: write a map with a line for each, `LHip: NAME`, or `LHip: [NAME, NAME]` where "
        "it is in the middle of several, and give it with --map (its names are p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, "
        "p10, p11)"
    )
    (tmp_path / "map.yaml").write_text("".join(f"{point}: {odd[name]}\n" for point, name in CLIMBS.items()))
    points = body_points("a.trc", motion, motion.joints, read_map(tmp_path / "map.yaml"))
    np.testing.assert_array_equal(points["RElbow"], motion.positions_m[:, motion.joints.index(odd["RightForeArm"])])


@pytest.mark.parametrize("prefix", ["", "Jane:", "Jane_"])
def test_markers_may_have_a_persons_name_before_theirs(prefix):
    """Hips lie 72 % of the pelvis's width apart, whatever the markers are called."""
    markers = {"LeftUpLeg": "LASI", "RightUpLeg": "RASI", "Hips": "SACR"}
    motion = named(climb_motion(2), {name: prefix + short for name, short in (CLIMBS_AS_POINTS | markers).items()})
    points = body_points("a.c3d", motion, motion.joints, {})
    width = np.linalg.norm(np.diff(motion.positions_m[:, -3:-1], axis=1)[:, 0], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(points["LHip"] - points["RHip"], axis=-1), 0.72 * width)


def test_a_map_may_name_markers(tmp_path):
    """Hips come by regression from the pelvis then, and the rest as mapped."""
    motion = named(climb_motion(2), {**CLIMBS_AS_POINTS, "Hips": "IAS_L", "Spine": "IAS_R", "Neck": "S1"})
    (tmp_path / "map.yaml").write_text("LASI: IAS_L\nRASI: IAS_R\nSACR: S1\n")
    points = body_points("a.c3d", motion, motion.joints, read_map(tmp_path / "map.yaml"))
    at = {name: motion.positions_m[:, motion.joints.index(name)] for name in ("IAS_L", "IAS_R")}
    width = np.linalg.norm(at["IAS_L"] - at["IAS_R"], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(points["LHip"] - points["RHip"], axis=-1), 0.72 * width)
    assert "LASI" not in points


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LTail: a\n", "names 'LTail', which is no point of the body: name some of LHip, RHip, LKnee"),
        ("LHip: []\n", "give LHip a name of the files', or a list of names whose middle it is"),
        ("LHip: {a: b}\n", "give LHip a name of the files'"),
        ("LHip: a\nLHip: b\n", "key 'LHip' is written twice"),
        ("- a\n", "is a list or a value and must hold keys and values: write lines such as `LKnee: NAME`"),
        ("", "is empty and must hold keys and values: write lines such as `LKnee: NAME`"),
        ("LHip: *a\n", "is not valid YAML"),
    ],
)
def test_a_wrong_map_is_one_sentence(tmp_path, text, said):
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        read_map(tmp_path / "map.yaml")
    assert said in str(refused.value) and "map.yaml" in str(refused.value)


def test_a_map_of_names_that_are_not_there_is_one_sentence():
    motion = named(climb_motion(2), CMU)
    with pytest.raises(InputError, match="a.bvh has no Tail, which the map gives for LHip: it has Hips, Spine, Neck"):
        body_points("a.bvh", motion, motion.joints, {"LHip": ["Tail"]})


@pytest.mark.parametrize("bob_first", [True, False])
def test_of_two_people_of_whom_one_is_there_in_part_the_other_is_taken(bob_first):
    """Bob's waist is not Ann's, wherever it is in the file."""
    ann = named(climb_motion(2), {name: f"Ann:{point}" for name, point in CLIMBS_AS_POINTS.items()})
    waist = {"LeftUpLeg": "LASI", "RightUpLeg": "RASI", "Hips": "SACR"}
    of_ann, of_bob = (named(climb_motion(2), {k: f"{who}:{v}" for k, v in waist.items()}) for who in ("Ann", "Bob"))
    parts = [(ann.joints, ann.positions_m), (of_ann.joints, of_ann.positions_m)]
    parts.insert(0 if bob_first else 2, (of_bob.joints, of_bob.positions_m + 5))
    both = Motion(sum((names for names, _ in parts), ()), np.concatenate([path for _, path in parts], 1), 30.0)
    ((_, names),) = people_in(both.joints).items()
    hip = body_points("a.c3d", both, names, {})["LHip"]
    assert np.linalg.norm(hip - of_ann.positions_m[:, 0], axis=-1).max() < 0.3


def test_people_are_parted_by_what_is_before_the_colon():
    assert people_in(["A:LASI", "A:RASI", "B:LASI", "B:RASI", "*4"]) == {
        "A": ["A:LASI", "A:RASI"],
        "B": ["B:LASI", "B:RASI"],
    }
    assert people_in(["mixamorig:Hips", "mixamorig:Neck"]) == {"": ["mixamorig:Hips", "mixamorig:Neck"]}


def test_a_map_names_joints_with_and_without_the_persons_name():
    motion = named(climb_motion(2), {ours: f"Ann:Ann_{theirs}" for ours, theirs in CMU.items()})
    for name in ("Ann:Ann_LeftHand", "Ann_LeftHand", "LeftHand"):
        found = body_points("a.c3d", motion, motion.joints, {"LElbow": [name]})
        np.testing.assert_array_equal(found["LElbow"], found["LWrist"])
