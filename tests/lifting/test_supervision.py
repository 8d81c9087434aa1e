from dataclasses import replace

import numpy as np
import pytest
import torch
from people import SPLITS, camera_ring, population, take, write_data

from pose3d.config.lifting import LiftingParams
from pose3d.evaluation import baselines
from pose3d.lifting.prior import PriorTakes
from pose3d.lifting.supervision import read_prior, read_supervision
from pose3d.records.keypoints2d import Keypoints2D, read_keypoints2d, write_keypoints2d
from pose3d.records.prior_file import write_prior
from pose3d.records.sequences import cut_sequence, read_sequences, write_sequences
from pose3d.runtime.errors import InputError


def lifting(keypoints: tuple[str, ...], *prior: dict, paired: dict | None = None) -> LiftingParams:
    return LiftingParams(
        formulation="virtual_camera",
        layout="h36m17",
        keypoints_subjects=keypoints,
        prior=prior,
        paired=paired,
        noise_scale=1,
        other_noise=0,
        noise_candidates=4,
        fit_proportions=False,
        body_spread=0,
        limb_mix_prob=0,
        limb_turn_deg=0,
        tilt_deg=0,
        reproj_joint_weights={},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_data(folder, population(frames=3))
    return folder


def test_each_subject_gives_what_it_is_named_for(folder):
    read = read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", lifting(("S1",), {"subjects": ["S7"]}))
    assert {s.subject for s in read.sequences} == {"S1"}
    assert {s.subject for s in read.prior} == {"S7"}
    assert [len(d.keypoints_px) for d in read.detections] == [len(s) for s in read.sequences]


@pytest.mark.parametrize("name", [*SPLITS["test"], *SPLITS["validation"], "S3"])
def test_only_training_subjects_teach(folder, name):
    for params in (lifting((name,), {"subjects": ["S7"]}), lifting(("S1",), {"subjects": ["S7", name]})):
        with pytest.raises(InputError, match=rf"must name subjects of dataset.subjects.train \(S1, S7\), not {name}"):
            read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", params)


def test_2d_only_gives_keypoints_and_no_prior(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    no_poses = np.full((3, 17, 3), np.nan, np.float32)
    without = {"poses_world_m": no_poses, "poses_cam_m": no_poses}
    sequences = [replace(s, **without) if s.subject == "S1" else s for s in population(frames=3)]
    path = tmp_path / "priors/flat.h5"
    path.parent.mkdir()
    write_sequences(path, sequences, SPLITS)
    read = read_supervision(path, folder / "keypoints2d.h5", lifting(("S1",), {"subjects": ["S7"]}))
    assert not any(s.has_3d for s in read.sequences)
    for prior in ({"subjects": ["S1"]}, {"file": "priors/flat.h5", "subjects": ["S1"]}):
        with pytest.raises(InputError, match="priors/flat.h5: .*S1/Walk-1/cam0 has no 3D poses"):
            read_supervision(path, folder / "keypoints2d.h5", lifting(("S7",), prior))
    paired = {"subjects": ["S1"], "frames_share": 0.5, "draws_share": 0.5}
    with pytest.raises(InputError, match="flat.h5: S1/Walk-1/cam0 has no 3D poses"):
        read_supervision(path, folder / "keypoints2d.h5", lifting(("S1",), {"subjects": ["S7"]}, paired=paired))


def test_frames_without_a_detection_teach_nothing_and_short_gaps_are_bridged(tmp_path):
    """Clips fall apart at long gaps; in the order of the file, and with the rest of the sequence cut alike."""
    write_data(tmp_path, population(frames=12))  # at 25 Hz six frames are bridged
    sequences = read_sequences(tmp_path / "sequences.h5")
    detections = read_keypoints2d(tmp_path / "keypoints2d.h5", sequences)
    first = [s.subject for s in sequences].index("S1")
    detections[first].confidence[2:8] = 0
    detections[first + 1].confidence[[0, 3, 4, 11]] = 0
    detections[first + 2].confidence[0, 3] = 0  # one of 17: this frame counts
    path = tmp_path / "holes.h5"
    write_keypoints2d(path, zip([s.key for s in sequences], detections, strict=True))
    read = read_supervision(tmp_path / "sequences.h5", path, lifting(("S1",), {"subjects": ["S7"]}))
    assert [len(s) for s in read.sequences] == [2, 4, 10, 12, 12]
    assert read.sentences() == [
        "8 of 48 frames with keypoints are left out: too little is detected in them for too long"
    ]
    spans = [(0, slice(0, 2)), (0, slice(8, 12)), (1, slice(1, 11))]
    for span, detected, (offset, frames) in zip(read.sequences, read.detections, spans, strict=False):
        whole = sequences[first + offset]
        assert span.key == whole.key
        for name in ("poses_world_m", "poses_cam_m", "keypoints_px", "boxes_px"):
            np.testing.assert_array_equal(getattr(span, name), getattr(whole, name)[frames])
        expected = detections[first + offset].keypoints_px[frames].copy()
        if offset == 1:
            expected[2], expected[3] = (2 * expected[1] + expected[4]) / 3, (expected[1] + 2 * expected[4]) / 3
        np.testing.assert_allclose(detected.keypoints_px, expected, atol=1e-3)
    paired = {"subjects": ["S1"], "frames_share": 1.0, "draws_share": 1.0}
    both = lifting(("S1",), {"subjects": ["S7"]}, paired=paired)
    assert [len(s) for s, _ in read_supervision(tmp_path / "sequences.h5", path, both).paired] == [2, 4, 10, 12, 12]
    for detected in detections:
        detected.confidence[:] = 0
    write_keypoints2d(path, zip([s.key for s in sequences], detections, strict=True))
    with pytest.raises(InputError, match="no frame of S1 has enough keypoints to learn from"):
        read_supervision(tmp_path / "sequences.h5", path, lifting(("S1",), {"subjects": ["S7"]}))


def test_keypoints_of_another_layout_need_a_lifter_of_it(folder, tmp_path):
    sequences = read_sequences(folder / "sequences.h5")
    path = tmp_path / "keypoints2d.h5"
    of_coco = [Keypoints2D(np.ones((len(s), 17, 2)), np.ones((len(s), 17)), "coco17") for s in sequences]
    of_coco[0].confidence[0, 3:] = 0  # three points show no pose
    write_keypoints2d(path, zip([s.key for s in sequences], of_coco, strict=True))
    subjects = (sequences[0].subject,)
    for name in ("h36m17", "mpii16"):
        params = lifting(subjects, {"subjects": ["S7"]}).model_copy(update={"layout": name})
        with pytest.raises(InputError, match=rf"lifting.layout is {name}, but .*keypoints2d.h5 holds .* to coco17"):
            read_supervision(folder / "sequences.h5", path, params)
    params = lifting(subjects, {"subjects": ["S7"]}).model_copy(update={"layout": "coco17"})
    read = read_supervision(folder / "sequences.h5", path, params)
    assert {d.layout for d in read.detections} == {"coco17"} and [len(s) for s in read.sequences][:3] == [2, 3, 3]
    own = read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", params)
    assert {d.layout for d in own.detections} == {"h36m17"}  # its errors are lent to the points of COCO


def test_nothing_is_paired_unless_asked_for(folder):
    read = read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", lifting(("S1",), {"subjects": ["S7"]}))
    assert not read.paired


@pytest.mark.parametrize(("share", "frames"), [(0.01, 1), (0.5, 2), (0.7, 3), (1.0, 3)])
def test_paired_frames_are_the_first_of_each_sequence_rounded_up(folder, share, frames):
    paired = {"subjects": ["S7"], "frames_share": share, "draws_share": 1.0}
    params = lifting(("S1",), {"subjects": ["S7"]}, paired=paired)
    read = read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", params)
    whole = read_sequences(folder / "sequences.h5", ["S7"])
    assert len(whole) == 4 and {len(s) for s in whole} == {3}
    detections = read_keypoints2d(folder / "keypoints2d.h5", whole)
    for (s, d), all_frames, detected in zip(read.paired, whole, detections, strict=True):
        assert s.key == all_frames.key and len(s) == frames
        for name in ("poses_world_m", "poses_cam_m", "keypoints_px", "boxes_px"):
            np.testing.assert_array_equal(getattr(s, name), getattr(all_frames, name)[:frames])
        np.testing.assert_array_equal(d.keypoints_px, detected.keypoints_px[:frames])
        np.testing.assert_array_equal(d.confidence, detected.confidence[:frames])
    assert [len(s) for s in read.sequences] == 4 * [3]  # the unlabelled 2D stays whole


@pytest.mark.parametrize("name", [*SPLITS["test"], *SPLITS["validation"], "S3"])
def test_only_training_subjects_give_labels(folder, name):
    paired = {"subjects": ["S1", name], "frames_share": 1.0, "draws_share": 1.0}
    params = lifting(("S1",), {"subjects": ["S7"]}, paired=paired)
    with pytest.raises(InputError) as caught:
        read_supervision(folder / "sequences.h5", folder / "keypoints2d.h5", params)
    assert str(caught.value) == (
        f"lifting.paired.subjects must name subjects of dataset.subjects.train (S1, S7), not {name}"
    )


OTHER = "priors/other.h5"
N_FRAMES = 5


@pytest.fixture
def with_other(folder, tmp_path, monkeypatch):
    """A repository with another data set's poses in it: S1 and S7 again, with actions of the same names, and S30."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "priors").mkdir()
    splits = {"train": ["S1", "S7"], "validation": [], "test": ["S30"]}
    cameras = camera_ring(3)
    subjects = ("S1", "S30", "S7")
    others = [s for name in subjects for s in take(name, "Walk-1", N_FRAMES, cameras, seed=1)]
    write_sequences(OTHER, others, splits)
    return folder


def test_takes_of_the_same_name_in_two_data_sets_are_two_takes(with_other):
    params = lifting(("S1",), {"subjects": ["S7"]}, {"file": OTHER, "subjects": ["S7", "S30"]})
    read = read_supervision(with_other / "sequences.h5", with_other / "keypoints2d.h5", params)
    assert {s.subject for s in read.sequences} == {"S1"}
    assert {s.subject for s in read.prior} == {"S7", f"{OTHER}:S7", f"{OTHER}:S30"}
    own = [s.poses_world_m for s in read_sequences(with_other / "sequences.h5", ["S7"]) if s.camera.id == "cam0"]
    other = [s.poses_world_m for s in read_sequences(OTHER, ["S7", "S30"]) if s.camera.id == "cam0"]
    expected = np.concatenate(own + other)
    assert len(expected) == 2 * 3 + 2 * N_FRAMES

    takes = PriorTakes(read.prior, torch.device("cpu"))
    assert sorted(takes.lengths) == [3, 3, N_FRAMES, N_FRAMES]
    mixed = {pose.tobytes() for pose in takes.poses_world_m.numpy()}
    assert mixed == {pose.tobytes() for pose in expected}
    assert len(baselines.prior_poses(read.prior, 1000)) == len(expected)


@pytest.mark.parametrize(("rate_hz", "said"), [(25.0, False), (24.0, False), (50.0, True)])
def test_a_prior_at_another_frame_rate_is_said(with_other, rate_hz, said):
    others = [replace(s, fps=rate_hz) for s in read_sequences(OTHER, ["S7"])]
    write_prior(OTHER, others)
    params = lifting(("S1",), {"subjects": ["S7"]}, {"file": OTHER})
    sentences = read_supervision(with_other / "sequences.h5", with_other / "keypoints2d.h5", params).sentences()
    sentence = (
        "lifting.prior has priors/other.h5:S7 at 50 frames a second and the keypoints are at 25: windows of the "
        "temporal lifter count frames, so make the prior again at that rate"
    )
    assert sentences == [sentence] * said


def test_a_file_may_give_everybody_and_be_the_only_source(with_other):
    prior = read_prior(with_other / "sequences.h5", lifting(("S1",), {"file": OTHER}))
    assert {s.subject for s in prior} == {f"{OTHER}:{name}" for name in ("S1", "S7", "S30")}
    assert len(prior) == 3 * 3  # every camera: the original's critic compares poses in camera space


def message(folder, **source) -> str:
    """The one sentence that reading a source ends with."""
    with pytest.raises(InputError) as caught:
        read_prior(folder / "sequences.h5", lifting(("S1",), {"subjects": ["S7"]}, source))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_a_file_lacks_is_named(with_other):
    sentence = message(with_other, file=OTHER, subjects=["S1", "S99"])
    assert f"subject S99, whom {OTHER} does not have: choose among S1, S30, S7" in sentence
    assert "priors/none.h5, which is missing: make it as priors/README.md says" in message(
        with_other, file="priors/none.h5"
    )


@pytest.mark.parametrize("scored", ["S8", "S9"])
def test_takes_of_this_data_set_that_are_scored_are_no_prior(with_other, scored):
    """Under another name, at half the rate, and three metres away; takes that train may be there again."""
    copies = [
        replace(
            cut_sequence(s, slice(None, None, 2)),
            subject="Ann",
            poses_world_m=s.poses_world_m[::2] + np.float32([3, 0, 0]),
        )
        for s in read_sequences(with_other / "sequences.h5", [scored])
        if s.action == "Walk-1"
    ]
    own = read_sequences(with_other / "sequences.h5", ["S1"])
    write_prior(OTHER, [*copies, *own])
    assert message(with_other, file=OTHER) == (
        f"lifting.prior: take Walk-1 of {OTHER}:Ann is {scored}/Walk-1/cam0 of this data set, which is scored: name "
        "subjects in that file who are not"
    )
    source = {"file": OTHER, "subjects": ["S1"]}
    assert len(read_prior(with_other / "sequences.h5", lifting(("S1",), source))) == len(own)


def test_takes_that_only_begin_in_the_same_pose_are_a_prior(with_other):
    """Programs write the pose of calibration first; here one frame of it, and then somebody else's motion."""
    (scored,) = (s for s in read_sequences(with_other / "sequences.h5", ["S9"]) if s.key == "S9/Walk-1/cam1")
    poses = read_sequences(with_other / "sequences.h5", ["S1"])[0].poses_world_m.copy()
    poses[0] = scored.poses_world_m[0]
    write_prior(OTHER, [replace(scored, subject="Ann", poses_world_m=poses)])
    assert len(read_prior(with_other / "sequences.h5", lifting(("S1",), {"file": OTHER, "subjects": ["Ann"]}))) == 1


@pytest.mark.parametrize("damage", ["cut", "text", "keypoints"])
def test_a_file_that_does_not_read_is_named(with_other, tmp_path, damage):
    path = tmp_path / OTHER
    content = {
        "cut": path.read_bytes()[:5000],
        "text": b"poses",
        "keypoints": (with_other / "keypoints2d.h5").read_bytes(),
    }[damage]
    path.write_bytes(content)
    assert f"{OTHER}, which is damaged or no sequences.h5: make it again" in message(with_other, file=OTHER)
