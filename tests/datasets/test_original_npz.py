import re

import numpy as np
import pytest
from tiny_npz import original_npz_params, write_original_npz

from pose3d.config.dataset import Subjects
from pose3d.datasets.calibration import human36m_cameras
from pose3d.datasets.original_npz import OriginalNpz
from pose3d.datasets.recording import Problem, Recording, SequenceName, recordings
from pose3d.records.pickled_npz import read_pickled_npz
from pose3d.runtime.errors import InputError

POSES, KEYPOINTS = "h36m_gt_train.npz", "pose_resnet/h36m_pred2d_train.npz"
CAMERAS = ["54138969", "55011271", "58860488", "60457274"]
NAME = SequenceName("S1", "Walking-1", CAMERAS[1])


def change(path, key, damage):
    """Rewrite one of the files after ``damage``, which changes its content or returns another."""
    content = read_pickled_npz(path, ["pose2d", "pose3d"])
    replaced = damage(content[key])
    np.savez(path, **(content | {key: replaced} if isinstance(replaced, dict | list) else content))


def to_shares(content):
    return {s: {a: {c: px / 1000 for c, px in of.items()} for a, of in takes.items()} for s, takes in content.items()}


def test_every_sequence_of_the_params_is_read(tmp_path):
    world = write_original_npz(tmp_path)
    source = OriginalNpz(original_npz_params(frame_step=2), tmp_path)
    assert source.sequences() == [
        SequenceName(s, a, c) for s in ("S1", "S9") for a in ("Walking-1", "Walking-2") for c in CAMERAS
    ]
    read = list(recordings(source))
    assert all(isinstance(recording, Recording) for recording in read)
    for recording, name in zip(read, source.sequences(), strict=True):
        sequence = recording.sequence
        assert sequence.key == name.key and sequence.fps == 25 and len(sequence) == 6 and recording.frames is None
        np.testing.assert_allclose(sequence.poses_world_m, world[name.subject][name.action][::2], atol=1e-6)

    sequence, camera = source.read(NAME).sequence, human36m_cameras()["S1"][NAME.camera]
    np.testing.assert_allclose(sequence.poses_cam_m, camera.world_to_camera(world["S1"]["Walking-1"][::2]), atol=1e-6)
    true = read_pickled_npz(tmp_path / POSES, ["pose2d"])["pose2d"]["S1"]["Walking-1"][NAME.camera]
    np.testing.assert_allclose(sequence.keypoints_px, true[::2], atol=1e-2)
    detected = read_pickled_npz(tmp_path / KEYPOINTS, ["pose2d"])["pose2d"]["S1"]["Walking-1"][NAME.camera]
    np.testing.assert_array_equal(source.read(NAME).detected.keypoints_px, detected[::2])


def test_cameras_may_be_numbers(tmp_path):
    write_original_npz(tmp_path)
    wanted = OriginalNpz(original_npz_params(), tmp_path).read(NAME)

    def numbered(content):
        return {s: {a: {int(c): v for c, v in views.items()} for a, views in t.items()} for s, t in content.items()}

    for file, key in ((POSES, "pose3d"), (KEYPOINTS, "pose2d")):
        change(tmp_path / file, key, numbered)
    source = OriginalNpz(original_npz_params(), tmp_path)
    np.testing.assert_array_equal(source.read(NAME).sequence.keypoints_px, wanted.sequence.keypoints_px)


def test_a_take_without_one_camera_is_no_problem(tmp_path):
    write_original_npz(tmp_path)
    change(tmp_path / POSES, "pose3d", lambda content: content["S1"]["Walking-2"].__delitem__(CAMERAS[0]))
    source = OriginalNpz(original_npz_params(), tmp_path)
    assert len(source.sequences()) == 15 == len([r for r in recordings(source) if isinstance(r, Recording)])


def test_actions_are_chosen_by_name(tmp_path):
    write_original_npz(tmp_path, actions=["Walking-1", "WalkDog-1"])
    source = OriginalNpz(original_npz_params(actions=("Walking",)), tmp_path)
    assert {name.action for name in source.sequences()} == {"Walking-1"}
    with pytest.raises(
        InputError,
        match="h36m_gt_test.npz has no takes of action Photo by these subjects, only of WalkDog, Walking: correct",
    ):
        OriginalNpz(original_npz_params(actions=("Photo",)), tmp_path)


@pytest.mark.parametrize(
    ("file", "key", "damage", "message"),
    [
        (POSES, "pose3d", lambda content: content.__delitem__("S1"), "has no subject S1, only S11, S5"),
        (KEYPOINTS, "pose2d", lambda content: content.__delitem__("S1"), "has no subject S1, only S11, S5"),
        (POSES, "pose3d", lambda content: [1, 2], "has no pose3d of subjects, actions and cameras"),
        (POSES, "pose3d", lambda content: content.update(S9=content["S1"]), "both have S9/Walking-1/54138969"),
        (KEYPOINTS, "pose2d", lambda content: content.update({"S1/2": content["S1"]}), "'S1/2' cannot name"),
        (KEYPOINTS, "pose2d", to_shares, "is above .*, so they are not px: save them in px of the cameras' pictures"),
    ],
)
def test_what_is_wrong_as_a_whole_is_refused_at_once(tmp_path, file, key, damage, message):
    write_original_npz(tmp_path)
    change(tmp_path / file, key, damage)
    with pytest.raises(InputError, match=message) as raised:
        OriginalNpz(original_npz_params(), tmp_path)
    assert str(tmp_path / file) in str(raised.value)


def test_a_missing_file(tmp_path):
    write_original_npz(tmp_path)
    (tmp_path / KEYPOINTS).unlink()
    with pytest.raises(InputError, match=f"{KEYPOINTS} is missing"):
        OriginalNpz(original_npz_params(), tmp_path)


@pytest.mark.parametrize(
    ("file", "key", "damage", "message"),
    [
        (KEYPOINTS, "pose2d", lambda views: views.__delitem__(NAME.camera), "no keypoints of S1/Walking-1/55011271"),
        (KEYPOINTS, "pose2d", lambda views: views.update({NAME.camera: views[NAME.camera][:, :16]}), "16, 2"),
        (KEYPOINTS, "pose2d", lambda views: views.update({NAME.camera: views[CAMERAS[0]] + 400}), "px from where"),
        (POSES, "pose3d", lambda views: views.update({NAME.camera: views[NAME.camera][:, :16]}), "16, 3"),
        (POSES, "pose3d", lambda views: views.update({NAME.camera: -views[NAME.camera]}), "behind camera 55011271"),
        (
            POSES,
            "pose3d",
            lambda views: views.update({NAME.camera: views[NAME.camera] - views[NAME.camera][:, :1]}),
            "S1/Walking-1/55011271: the hips lie at 0 in every frame, so the poses are relative to the root: give them",
        ),
        (POSES, "pose3d", lambda views: views.update({NAME.camera: views[NAME.camera] / 1000}), "look like metres"),
        (POSES, "pose3d", lambda views: views.update({"cam9": views[NAME.camera]}), "cam9"),
    ],
)
def test_a_bad_sequence_is_named_and_the_others_are_read(tmp_path, file, key, damage, message):
    write_original_npz(tmp_path)
    change(tmp_path / file, key, lambda content: damage(content["S1"]["Walking-1"]))
    found = list(recordings(OriginalNpz(original_npz_params(), tmp_path)))
    (problem,) = [problem for problem in found if isinstance(problem, Problem)]
    assert re.search(message, problem.sentence) and problem.name.key in problem.sentence
    assert len([recording for recording in found if isinstance(recording, Recording)]) >= 15
    if "legs" not in problem.sentence and "project" not in problem.sentence:
        assert str(tmp_path / file) in problem.sentence


def test_of_who_has_keypoints_only_no_3d_is_read(tmp_path):
    """Whether there is any (S5) or not (S6)."""
    write_original_npz(tmp_path)
    change(tmp_path / POSES, "pose3d", lambda content: content.__delitem__("S6"))
    subjects = Subjects(train=("S1", "S5", "S6"), validation=(), test=("S9",))
    with_3d = original_npz_params(subjects=subjects.model_copy(update={"train": ("S1", "S5")}))
    labelled = {one.name: one for one in recordings(OriginalNpz(with_3d, tmp_path))}
    params = original_npz_params(subjects=subjects, keypoints_only=("S5", "S6"))
    found = list(recordings(OriginalNpz(params, tmp_path)))
    assert len(found) == 4 * 2 * 4 and all(isinstance(one, Recording) for one in found)
    for one in found:
        assert one.sequence.has_3d == one.sequence.is_annotated == (one.name.subject in ("S1", "S9"))
        if one.name in labelled:
            np.testing.assert_array_equal(one.detected.keypoints_px, labelled[one.name].detected.keypoints_px)
    with pytest.raises(InputError, match=r"h36m_gt_test\.npz has no subject S6"):
        OriginalNpz(original_npz_params(subjects=subjects), tmp_path)


def test_the_files_that_lack_all_takes_of_a_subject_are_named(tmp_path):
    write_original_npz(tmp_path)
    subjects = Subjects(train=("S1", "S6"), validation=(), test=("S9",))
    params = original_npz_params(subjects=subjects, actions=("Walking",))
    for key, file, keypoints_only in (("pose2d", KEYPOINTS, ("S6",)), ("pose3d", POSES, ())):
        change(tmp_path / file, key, lambda content: content.update(S6={"Eating-1": content["S6"]["Walking-1"]}))
        with pytest.raises(InputError, match=f"{file}, .* has no takes of S6"):
            OriginalNpz(params.model_copy(update={"keypoints_only": keypoints_only}), tmp_path)


@pytest.mark.parametrize(
    ("file", "key", "n_joints", "layout"),
    [
        (KEYPOINTS, "pose2d", 16, r"MPII \(16 joints\)"),
        (POSES, "pose3d", 15, r"HumanEva-I \(15 joints\)"),
        (POSES, "pose3d", 25, r"another skeleton \(25 joints\)"),
    ],
)
def test_another_layout_is_refused_in_one_sentence(tmp_path, file, key, n_joints, layout):
    """With names that are not Human3.6M's, too: HumanEva-I's subjects are called Train/S1."""
    write_original_npz(tmp_path)
    array = np.ones((9, n_joints, int(key[-2])))
    change(tmp_path / file, key, lambda _: {"Train/S1": {"Walking 1": {"C1": array, "C2": array}}})
    with pytest.raises(InputError, match=f"{file} has the joints of {layout}, not Human3.6M's 17 joints"):
        OriginalNpz(original_npz_params(), tmp_path)


def test_names_that_would_leave_the_folder_are_refused(tmp_path):
    for name in ("..", "../S1", "/S1", "S1/../..", "S" * 101):
        write_original_npz(tmp_path)
        change(tmp_path / POSES, "pose3d", lambda content, name=name: content.__setitem__(name, content["S1"]))
        with pytest.raises(InputError, match=r"npz: '.*' cannot name a subject or an action"):
            OriginalNpz(original_npz_params(), tmp_path)


def test_dicts_that_stand_for_more_sequences_than_memory_holds(tmp_path):
    """Each is in the file once; the others are references of two bytes to it."""
    write_original_npz(tmp_path)
    cameras = dict.fromkeys(range(1000), 0)
    actions = {f"A{i}": cameras for i in range(1000)}
    np.savez(tmp_path / POSES, pose3d={f"S{i}": actions for i in range(1000)})
    with pytest.raises(InputError, match=r"npz has more than 100000 sequences under pose3d"):
        OriginalNpz(original_npz_params(), tmp_path)
