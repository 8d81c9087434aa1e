import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from params_files import PEOPLE, write_params
from people import SPLITS, camera_ring, detect, population, take, write_data

from pose3d.evaluation import metrics, occlusion
from pose3d.evaluation.examples import error_over_time_mm, example_frames, median_sequence
from pose3d.evaluation.protocols import protocols_mm
from pose3d.evaluation.tables import (
    action_name,
    baseline_summary_mm,
    errors_of,
    pck3d_table,
    per_action_mm,
    per_joint_mm,
    per_occlusion_mm,
    per_subject_mm,
    summary_2d,
    summary_mm,
)
from pose3d.geometry.layouts import layout
from pose3d.lifting.lift import build_lifter
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError
from pose3d.training.model_file import save_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sequences():
    # Takes of unequal length, so that means over frames and over actions differ.
    cameras = camera_ring(1)
    return [*take("S9", "Walk-1", 10, cameras), *take("S9", "Walk-2", 4, cameras), *take("S9", "Wave-1", 6, cameras)]


def shifted(sequences, metres_by_take):
    """Truth with the head moved, so that P1 is metres / 17 in every frame."""
    poses = [s.poses_cam_m.astype(np.float64) for s in sequences]
    for pose, metres in zip(poses, metres_by_take, strict=True):
        pose[:, 10, 0] += metres
    return poses


def test_action_name():
    assert [action_name(a) for a in ("Walk-1", "Walk-12", "Walk", "Sit-Down-2", "-1", "Walk-x")] == [
        "Walk",
        "Walk",
        "Walk",
        "Sit-Down",
        "-1",
        "Walk-x",
    ]


def test_summary_by_hand(sequences):
    errors = errors_of("m", sequences, shifted(sequences, [0.17, 0.17, 0.34]), has_root=True)
    summary = summary_mm(errors)
    assert summary["mpjpe_mm"] == pytest.approx((14 * 10 + 6 * 20) / 20, abs=0.01)
    assert summary["mpjpe_over_actions_mm"] == pytest.approx(15, abs=0.01)
    assert summary["accel_error_mm"] == pytest.approx(0, abs=0.01)  # a constant shift of one joint has no acceleration
    assert summary["root_error_mm"] == pytest.approx(0, abs=0.01)
    assert summary["mpjpe_absolute_mm"] == pytest.approx(summary["mpjpe_mm"], abs=0.01)
    assert summary["pa_mpjpe_mm"] == pytest.approx(1000 * errors.pa_mpjpe.mean(), abs=0.01)
    assert summary["pa_mpjpe_mm"] > summary["mpjpe_mm"] and summary["pa_above_mpjpe"] == 1  # it is one joint alone
    assert summary["pa_l1_mpjpe_mm"] <= summary["mpjpe_mm"]
    assert summary["mpjve_mm"] == pytest.approx(0, abs=0.01)  # nor a velocity, and the jumps between takes do not count
    assert errors.velocity.shape == errors.velocity_action.shape == (9 + 3 + 5,)
    assert errors.acceleration.shape == (8 + 2 + 4,)  # two frames fewer per sequence: no seam is crossed
    assert summary["pck150"] == pytest.approx(15 / 16, abs=1e-4)  # the head is outside, the root not counted
    assert summary["auc"] == pytest.approx(15 / 16 * 30 / 31, abs=1e-4)


def test_a_method_without_root_has_no_absolute_errors(sequences):
    poses = [metrics.root_relative(s.poses_cam_m) for s in sequences]
    summary = summary_mm(errors_of("m", sequences, poses, has_root=False))
    assert "root_error_mm" not in summary and "mpjpe_absolute_mm" not in summary
    assert summary["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert summary["pa_above_mpjpe"] == 0  # no rounding counts
    few = baseline_summary_mm(errors_of("m", sequences, poses, has_root=False))
    assert list(few) == ["mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm"]


def test_two_frames_have_no_acceleration_error():
    pair = take("S9", "Walk-1", 2, camera_ring(1))
    summary = summary_mm(errors_of("m", pair, [pair[0].poses_cam_m], has_root=True))
    assert summary["accel_error_mm"] is None and summary["mpjve_mm"] == 0
    json.dumps(summary, allow_nan=False)


def test_single_frames_have_no_velocity_error(sequences):
    single = take("S9", "Still-1", 1, camera_ring(1))
    errors = errors_of("m", single, [single[0].poses_cam_m], has_root=False)
    assert summary_mm(errors)["mpjve_mm"] is None
    table = protocols_mm({"m": errors})
    assert table["m_mm"].isna().tolist() == [name in ("MPJVE, mm per frame", "A-MPJPE") for name in table.index]
    both = [*sequences, *single]
    actions = per_action_mm({"m": errors_of("m", both, (s.poses_cam_m for s in both), False)})
    assert actions.index.tolist() == ["Still", "Walk", "Wave", "mean over actions", "mean over frames"]
    assert actions["m_mpjve_mm"].isna().tolist() == [True, False, False, False, False]


def test_each_protocol_by_hand(sequences):
    """A head that swings by 2 a each frame, a person 0.3 m too near, 10 % too large in one action."""
    poses = []
    for sequence, (a, size) in zip(sequences, [(0.085, 1), (0.085, 1), (0.17, 1.1)], strict=True):
        pose = sequence.poses_cam_m.astype(np.float64)
        pose[1::2, 10, 0] += 2 * a
        pose = (pose - pose[:, :1]) * size + pose[:, :1] - [0, 0, 0.3]
        poses.append(pose)
    table = protocols_mm({"m": errors_of("m", sequences, iter(poses), has_root=True)})["m_mm"]

    truth = np.concatenate([s.poses_cam_m for s in sequences]).astype(np.float64)
    all_poses = np.concatenate(poses)
    walk, wave = slice(0, 14), slice(14, 20)
    root_relative = [x - x[:, :1] for x in (all_poses, truth)]
    p1 = np.linalg.norm(root_relative[0] - root_relative[1], axis=-1)

    def over_actions(per_frame):
        return 1000 * (per_frame[walk].mean() + per_frame[wave].mean()) / 2

    assert table["P1"] == pytest.approx(over_actions(p1.mean(1)), abs=0.01)
    assert table["P1, over frames"] == pytest.approx(1000 * p1.mean(), abs=0.01)
    assert table["P1, root not counted"] == pytest.approx(table["P1"] * 17 / 16, abs=0.02)
    assert table["A-MPJPE"] == pytest.approx(1000 * np.linalg.norm(all_poses - truth, axis=-1).mean(), abs=0.01)
    p2 = metrics.pa_mpjpe(all_poses, truth)
    assert table["P2"] == pytest.approx(over_actions(p2), abs=0.01)
    assert table["P2, over frames"] == pytest.approx(1000 * p2.mean(), abs=0.01)
    scaled = [p * np.linalg.lstsq(p.reshape(-1, 1), t.ravel())[0] - t for p, t in zip(*root_relative, strict=True)]
    assert table["N-MPJPE"] == pytest.approx(over_actions(np.linalg.norm(scaled, axis=-1).mean(1)), abs=0.01)
    sizes = [np.linalg.norm(x, axis=(1, 2), keepdims=True) for x in root_relative]
    equal = np.linalg.norm(root_relative[0] * sizes[1] / sizes[0] - root_relative[1], axis=-1)
    assert table["not N-MPJPE: equal size"] == pytest.approx(1000 * equal.mean(), abs=0.01)
    assert table["not P2: mirroring allowed"] == pytest.approx(table["P2, over frames"], abs=0.01)
    # The truth's own movement counts where the size is wrong; in Walk only the head moves wrongly, by 170 mm a frame.
    wave_velocity = np.diff(root_relative[0][wave] - root_relative[1][wave], axis=0)
    expected = (170 / 17 + 1000 * np.linalg.norm(wave_velocity, axis=-1).mean()) / 2
    assert table["MPJVE, mm per frame"] == pytest.approx(expected, abs=0.01)


def test_a_mirrored_method_looks_good_only_where_mirroring_is_allowed(sequences):
    poses = [s.poses_cam_m * np.float32([-1, 1, 1]) for s in sequences]
    table = protocols_mm({"m": errors_of("m", sequences, poses, has_root=False)})["m_mm"]
    assert table["not P2: mirroring allowed"] == pytest.approx(0, abs=0.01)
    assert table["P2, over frames"] > 20
    assert np.isnan(table["A-MPJPE"])


def test_protocols_are_told_apart():
    table = protocols_mm({})
    assert list(table.columns) == ["alignment", "joints", "mean_over", "as_published_by"]
    assert table.index.is_unique
    assert not table.duplicated(["alignment", "joints", "mean_over"]).drop("MPJVE, mm per frame").any()


def test_bad_predictions_are_named(sequences):
    poses = shifted(sequences, [0, 0, 0])
    poses[1][2, 3] = np.nan
    with pytest.raises(InputError, match="temporal gave a pose that is not finite for S9/Walk-2/cam0"):
        errors_of("temporal", sequences, poses, has_root=True)
    poses[1] = poses[1][:2]
    with pytest.raises(InputError, match=r"shape \(2, 17, 3\) for S9/Walk-2/cam0"):
        errors_of("temporal", sequences, poses, has_root=True)


def test_tables(sequences):
    errors = errors_of("m", sequences, shifted(sequences, [0.17, 0.17, 0.34]), has_root=True)
    actions = per_action_mm({"repnet": errors, "temporal": errors})
    assert actions.index.tolist() == ["Walk", "Wave", "mean over actions", "mean over frames"]
    assert actions["frames"].tolist() == [14, 6, 20, 20]
    np.testing.assert_allclose(actions["temporal_mpjpe_mm"], [10, 20, 15, 13], atol=0.01)
    np.testing.assert_allclose(actions["temporal_mpjve_mm"], 0, atol=0.01)
    assert actions.loc["mean over frames", "repnet_pa_mpjpe_mm"] == pytest.approx(
        1000 * errors.pa_mpjpe.mean(), abs=0.01
    )
    joints = per_joint_mm({"repnet": errors})
    assert joints.index[10] == "Head" and joints.index[-1] == "mean"
    assert joints.loc["Head"].item() == pytest.approx((14 * 170 + 6 * 340) / 20, abs=0.01)
    assert joints.loc["mean"].item() == pytest.approx(13, abs=0.01)
    curve = pck3d_table({"repnet": errors})
    assert curve.index.tolist() == list(range(0, 151, 5))
    assert curve.loc[150, "repnet"] == pytest.approx(
        100 * 15 / 16, abs=0.01
    )  # the head is outside, the root not counted
    over_time = error_over_time_mm(sequences[0], {"repnet": shifted(sequences, [0.17, 0, 0])[0]})
    assert over_time["time_s"].tolist() == pytest.approx([0.04 * t for t in range(10)])
    np.testing.assert_allclose(over_time["repnet_mpjpe_mm"], 10, atol=0.01)
    assert over_time["repnet_accel_error_mm"].isna().tolist() == [True] + [False] * 8 + [True]


def test_subjects_by_hand():
    """A head 170 mm aside makes P1 10 mm; S9's two actions weigh alike, however long they are."""
    cameras = camera_ring(1)
    sequences = [
        *take("S9", "Walk-1", 4, cameras),
        *take("S9", "Wave-1", 8, cameras),
        *take("S11", "Walk-2", 8, cameras),
        *take("S5", "Walk-1", 1, cameras),
    ]
    poses = shifted(sequences, [0.17, 0.51, 0.34, 0])
    errors = errors_of("m", sequences, poses, has_root=True)
    table = per_subject_mm({"m": errors})
    assert table.index.tolist() == ["S11", "S5", "S9", "all subjects"]
    assert table["frames"].tolist() == [8, 1, 12, 21]
    walk = (4 * 10 + 8 * 20 + 1 * 0) / 13
    np.testing.assert_allclose(table["m_mpjpe_mm"], [20, 0, (10 + 30) / 2, (walk + 30) / 2], atol=0.01)
    assert table["m_mpjve_mm"].isna().tolist() == [False, True, False, False]  # one frame has no velocity
    published = protocols_mm({"m": errors})["m_mm"]
    for protocol, figure in (
        ("P1", "mpjpe"),
        ("P2", "pa_mpjpe"),
        ("N-MPJPE", "n_mpjpe"),
        ("MPJVE, mm per frame", "mpjve"),
    ):
        assert table.loc["all subjects", f"m_{figure}_mm"] == published[protocol]


def test_occlusion_by_hand(sequences):
    """Each hidden joint is 0.1 m too far along its sight line, each visible one 0.02 m beside it."""
    poses, hidden = [], []
    for sequence in sequences:
        truth = sequence.poses_cam_m.astype(np.float64)
        depth = occlusion.self_occlusion(truth)
        sight = truth / np.linalg.norm(truth, axis=-1, keepdims=True)
        beside = np.cross(sight, [0, 1, 0])
        beside /= np.linalg.norm(beside, axis=-1, keepdims=True)
        wrong = np.where(depth[..., None] > 0, 0.1 * sight, 0.02 * beside)
        wrong[:, 0] = 0
        poses.append(truth + wrong)
        hidden.append(depth[:, 1:] > 0)
    hidden = np.concatenate(hidden)
    errors = errors_of("m", sequences, poses, has_root=True)
    table = per_occlusion_mm(sequences, {"m": errors}, {"m": poses})
    assert table.index.tolist() == ["visible", "partly", "deep", "all"]
    assert list(table.columns) == ["joints_pct", "m_mpjpe_mm", "m_along_mm", "m_across_mm"]
    share = 100 * hidden.mean()
    assert table.loc["all", "joints_pct"] == 100 and 1 < share < 99
    assert table.loc[["partly", "deep"], "joints_pct"].sum() == pytest.approx(share, abs=0.02)
    np.testing.assert_allclose(table.loc["visible"].iloc[1:], [20, 0, 20], atol=0.01)
    np.testing.assert_allclose(table.loc[["partly", "deep"]].iloc[:, 1:], [[100, 100, 0]] * 2, atol=0.01)
    p1 = protocols_mm({"m": errors}).loc["P1, over frames", "m_mm"]
    assert table.loc["all", "m_mpjpe_mm"] == pytest.approx(p1 * 17 / 16, abs=0.02)


def test_summary_2d(sequences):
    detections = detect(sequences, 0.0)
    for detected in detections:
        detected.keypoints_px[:, 0, 0] += 17
        detected.keypoints_px[:, 1, 0] += 1000
    summary = summary_2d(sequences, detections, 0.1, None)
    assert summary == {
        "mean_error_px": pytest.approx(1017 / 17, abs=0.01),
        "pck_at_10pct": pytest.approx(16 / 17, abs=1e-4),
    }


def test_summary_2d_of_another_layout_counts_its_joints_and_misses(sequences):
    """Of COCO's 17 points the 12 that are joints; the face may be anywhere."""
    points, joints = layout("coco17").shared
    detections = []
    for sequence in sequences:
        px = np.full((len(sequence), 17, 2), -1e4)
        px[:, points] = sequence.keypoints_px[:, joints]
        px[:, 9, 0] += 24  # the left wrist
        confidence = np.ones(px.shape[:2])
        px[:, 16], confidence[:, 16] = 1e4, 0  # the right ankle is missing
        detections.append(Keypoints2D(px, confidence, "coco17"))
    assert summary_2d(sequences, detections, 0.5, None) == {
        "mean_error_px": pytest.approx(24 / 11, abs=0.01),
        "pck_at_50pct": pytest.approx(11 / 12, abs=1e-4),
    }


def test_summary_2d_in_heatmap_px():
    """Crops that show x at half and y at twice the size, so that a heatmap has 1/8 and 1/2 of the image's px."""
    sequence = take("S9", "Walk-1", 1, camera_ring(1))[0]
    errors_px = np.zeros((17, 2))
    errors_px[:6] = [[7.9, 0], [8.1, 0], [0, 1.9], [0, 2.1], [0, 7.9], [24, 8]]  # heatmap px 0.99 1.01 0.95 1.05 3.95 5
    detected = Keypoints2D(sequence.keypoints_px + errors_px, np.ones((1, 17)))
    transforms = np.array([[[0.5, 0, -100], [0, 2, 30]]])
    summary = summary_2d([sequence], [detected], 0.1, transforms)
    assert summary["pck_at_1_heatmap_px"] == pytest.approx(13 / 17, abs=1e-4)
    assert summary["pck_at_2_heatmap_px"] == pytest.approx(15 / 17, abs=1e-4)
    assert summary["pck_at_4_heatmap_px"] == pytest.approx(16 / 17, abs=1e-4)


def test_median_sequence_and_example_frames(sequences):
    poses = shifted(sequences, [0.17, 0.51, 0.34])
    assert median_sequence(sequences, poses) == 2
    chosen = example_frames(sequences, poses, (0, 100))
    assert sequences[chosen[0][0]].action == "Walk-1"
    assert sequences[chosen[1][0]].action == "Wave-1"  # the worst is Walk-2, but that action has been shown
    assert chosen == example_frames(sequences, poses, (0, 100))
    assert len(example_frames(sequences[:1], poses[:1], (10, 30, 50, 70, 90))) == 5


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Content by path of what the stage itself writes about random people and untrained lifters."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_params(folder, dataset={"subjects": SPLITS}, lifting=PEOPLE)
    write_data(folder / "data", population())
    for name, architecture in (
        ("repnet", {"lifter": "frame", "width": 16, "blocks": 1}),
        ("temporal", {"lifter": "temporal", "width": 16, "window_frames": 9, "network": "convolution"}),
    ):
        save_model(folder / f"data/models/{name}.pt", architecture, build_lifter(architecture).state_dict())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["evaluate.py"])
        runpy.run_path(str(ROOT / "stages/evaluate.py"), run_name="__main__")
        outputs = [*Path("metrics").iterdir(), *Path("plots/evaluation").iterdir()]
        return {str(path): path.read_bytes() for path in outputs}


@pytest.mark.slow
def test_the_stage_writes_everything(evaluated):
    """That it writes the same bytes again is tests/pipeline/test_smoke.py's."""
    assert {Path(name).name for name in evaluated} == {
        "evaluation.json",
        "validation.json",
        "protocols.csv",
        "per_action.csv",
        "per_subject.csv",
        "per_joint.csv",
        "occlusion.csv",
        "pck3d_curve.csv",
        "pck3d_curve.png",
        "error_over_time.csv",
        "error_over_time.png",
        "panel.png",
        "worst.png",
        "demo.webm",
    }


@pytest.mark.slow
def test_the_stage_scores_test_subjects_and_validation_subjects_apart(evaluated):
    test, validation = (json.loads(evaluated[f"metrics/{name}.json"]) for name in ("evaluation", "validation"))
    assert test["data"] == {"frames": 2 * 2 * 2 * 12, "fps": 25.0, "frames_left_out": 0}
    assert validation["data"] == {"frames": 1 * 2 * 2 * 12, "fps": 25.0, "frames_left_out": 0}
    for content in (test, validation):
        assert set(content) == {"data", "pose2d", "repnet", "temporal", "nearest_neighbour", "mean_pose"}
        assert content["pose2d"]["mean_error_px"] == pytest.approx(3.0 * (np.pi / 2) ** 0.5, abs=0.3)
        # Normal errors of 3 px, which are 1 heatmap px: within r of them lies 1 - exp(-r^2 / 2).
        for within, share in ((1, 0.3935), (2, 0.8647), (4, 0.9997)):
            assert content["pose2d"][f"pck_at_{within}_heatmap_px"] == pytest.approx(share, abs=0.05)
        assert content["nearest_neighbour"]["mpjpe_mm"] < content["mean_pose"]["mpjpe_mm"]
        assert {"root_error_mm", "mpjpe_absolute_mm", "accel_error_mm"} <= set(content["temporal"])
