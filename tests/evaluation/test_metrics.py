from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import minimize_scalar
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from pose3d.evaluation import metrics
from pose3d.geometry.skeleton import ROOT

TIGHT = 1e-12


def size_mpjpe(predicted, truth):
    return metrics.joint_errors(metrics.align_size(predicted, truth), truth).mean(-1)


def reflected_mpjpe(predicted, truth):
    return metrics.joint_errors(metrics.align_procrustes(predicted, truth, allow_reflection=True), truth).mean(-1)


PER_POSE = (metrics.mpjpe, metrics.n_mpjpe, metrics.pa_mpjpe, size_mpjpe, reflected_mpjpe)


def random_poses(seed: int, *shape: int) -> np.ndarray:
    """Two batches of poses of a person's size, far from the origin."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, *shape, 17, 3)) * 0.4 + [0.3, -0.2, 4.0]


def similarity(seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return float(rng.uniform(0.2, 5)), Rotation.random(rng=rng).as_matrix(), rng.normal(size=3)


def horn_alignment(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Similarity alignment of one pose by Horn's unit quaternions (JOSA A 1987): no SVD, no determinant."""
    p, t = predicted - predicted.mean(0), truth - truth.mean(0)
    s = p.T @ t
    n = np.zeros((4, 4))
    n[0, 0] = np.trace(s)
    n[0, 1:] = n[1:, 0] = [s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]]
    n[1:, 1:] = s + s.T - np.trace(s) * np.eye(3)
    w, x, y, z = np.linalg.eigh(n)[1][:, -1]
    turned = p @ Rotation.from_quat([x, y, z, w]).as_matrix().T
    return (turned * t).sum() / (p * p).sum() * turned + truth.mean(0)


# Hand-worked values.


def test_joint_errors_and_mpjpe_by_hand():
    truth = np.zeros((17, 3))
    predicted = np.zeros((17, 3))
    predicted[3] = [3, 4, 0]
    predicted[10] = [0, 0, 12]
    assert metrics.joint_errors(predicted, truth)[[0, 3, 10]].tolist() == [0, 5, 12]
    assert metrics.mpjpe(predicted, truth) == pytest.approx(1.0, abs=TIGHT)
    predicted += [7, 7, 7]
    assert metrics.mpjpe(predicted, truth) == pytest.approx(1.0, abs=TIGHT)


def test_n_mpjpe_by_hand():
    # p = (1, 1) and t = (1, 2) along x on two joints: s = 3/2, errors 1/2 and 1/2.
    predicted, truth = np.zeros((17, 3)), np.zeros((17, 3))
    predicted[1:3, 0], truth[1:3, 0] = [1, 1], [1, 2]
    assert metrics.n_mpjpe(predicted, truth) == pytest.approx(1 / 17, abs=TIGHT)


def test_size_alignment_by_hand():
    # p = (1, 1) and t = (1, 2) along x on two joints: s = sqrt(5 / 2), errors s - 1 and 2 - s, and never 3/2.
    predicted, truth = np.zeros((17, 3)), np.zeros((17, 3))
    predicted[1:3, 0], truth[1:3, 0] = [1, 1], [1, 2]
    aligned = metrics.align_size(predicted + 5, truth)
    np.testing.assert_allclose(aligned[1:3, 0], 2.5**0.5, atol=TIGHT)
    assert size_mpjpe(predicted, truth) == pytest.approx(1 / 17, abs=TIGHT)
    assert size_mpjpe(2 * truth, truth) == pytest.approx(0, abs=TIGHT)


def test_velocity_by_hand():
    truth = np.zeros((5, 17, 3))
    predicted = np.zeros((5, 17, 3))
    predicted[2, 4] = [0, 0.3, 0.4]  # one jump of 0.5 m: there and back
    errors = metrics.velocity_errors(predicted, truth)
    assert errors.shape == (4, 17)
    np.testing.assert_allclose(errors[:, 4], [0, 0.5, 0.5, 0], atol=TIGHT)
    assert errors.sum() == pytest.approx(1.0, abs=TIGHT)


def test_velocity_is_the_difference_of_speeds_joint_by_joint():
    truth, predicted = random_poses(0, 6)
    expected = np.zeros((5, 17))
    for t in range(1, 6):
        for j in range(17):
            moved = [(x[t, j] - x[t, ROOT]) - (x[t - 1, j] - x[t - 1, ROOT]) for x in (predicted, truth)]
            expected[t - 1, j] = sum((moved[0] - moved[1]) ** 2) ** 0.5
    np.testing.assert_allclose(metrics.velocity_errors(predicted, truth), expected, atol=TIGHT)


def test_velocity_ignores_what_stands_still_and_the_root():
    truth, predicted = random_poses(0, 9)
    wild_root = np.random.default_rng(1).normal(size=(9, 1, 3))
    lasting = np.random.default_rng(2).normal(size=(1, 17, 3))
    expected = metrics.velocity_errors(predicted, truth)
    moved = metrics.velocity_errors(predicted + lasting + wild_root, truth)
    np.testing.assert_allclose(moved, expected, atol=TIGHT)
    assert metrics.velocity_errors(predicted[:1], truth[:1]).shape == (0, 17)
    with pytest.raises(ValueError, match="one sequence"):
        metrics.velocity_errors(predicted[0], truth[0])


def test_acceleration_by_hand():
    truth = np.zeros((5, 17, 3))
    predicted = np.zeros((5, 17, 3))
    predicted[2, 4] = [0, 0.3, 0.4]  # one jump of 0.5 m: second differences 1, -2, 1 times it
    errors = metrics.acceleration_errors(predicted, truth)
    assert errors.shape == (3, 17)
    np.testing.assert_allclose(errors[:, 4], [0.5, 1.0, 0.5], atol=TIGHT)
    assert errors.sum() == pytest.approx(2.0, abs=TIGHT)


def test_acceleration_ignores_constant_velocity_and_the_root():
    truth, predicted = random_poses(0, 9)
    drift = np.arange(9)[:, None, None] * np.array([0.1, 0.2, 0.3])
    expected = metrics.acceleration_errors(predicted, truth)
    wild_root = np.random.default_rng(1).normal(size=(9, 1, 3))
    np.testing.assert_allclose(metrics.acceleration_errors(predicted + drift + wild_root, truth), expected, atol=TIGHT)
    assert metrics.acceleration_errors(predicted[:2], truth[:2]).shape == (0, 17)
    with pytest.raises(ValueError, match="one sequence"):
        metrics.acceleration_errors(predicted[None], truth[None])


def test_pck_curve_and_auc_by_hand():
    errors = np.array([0.0, 0.0049, 0.005, 0.149, 0.150, 0.2])
    curve = metrics.pck_curve(errors, [0.0, 0.005, 0.0051, 0.150])
    np.testing.assert_allclose(curve, [0, 2 / 6, 3 / 6, 4 / 6])
    assert len(metrics.AUC_THRESHOLDS_M) == 31 and metrics.AUC_THRESHOLDS_M[-1] == 0.15
    assert metrics.auc([0.0]) == pytest.approx(30 / 31)  # strictly below: not at threshold 0
    assert metrics.auc([0.0751]) == pytest.approx(15 / 31)  # 80, 85, ..., 150
    assert metrics.auc([0.15]) == 0
    with pytest.raises(ValueError, match="no errors"):
        metrics.pck_curve([])


def test_pck150_by_hand():
    assert metrics.pck150([[0.0, 0.1499], [0.150, 0.151]]) == 0.5
    assert metrics.pck150([0]) == 1


def test_float32_errors_on_a_threshold_count_as_float64_errors_do():
    on_thresholds = np.arange(0, 151, 5) / 1000  # strictly below the k-th threshold lie k of the 31
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(metrics.pck_curve(on_thresholds.astype(dtype)), np.arange(31) / 31)


def test_pck_2d_by_hand():
    truth = np.zeros((1, 17, 2))
    predicted = truth.copy()
    predicted[0, 1] = [0, 9.99]
    predicted[0, 2] = [10, 0]  # exactly at the threshold: not counted
    boxes = np.array([[5.0, 5.0, 55.0, 105.0]])
    assert metrics.pck_2d(predicted, truth, boxes, 0.1) == pytest.approx(16 / 17)
    with pytest.raises(ValueError, match="no keypoints"):
        metrics.pck_2d(predicted[:0], truth[:0], boxes[:0], 0.1)


# Procrustes against independent derivations.


def test_procrustes_agrees_with_unit_quaternions():
    predicted, truth = random_poses(2, 200)
    predicted[:100] = truth[:100] + 0.1 * (predicted[:100] - truth[:100])  # near, as real predictions are
    aligned = metrics.align_procrustes(predicted, truth)
    expected = np.stack([horn_alignment(p, t) for p, t in zip(predicted, truth, strict=True)])
    np.testing.assert_allclose(aligned, expected, atol=1e-9)


def test_procrustes_rotation_agrees_with_scipy():
    predicted, truth = random_poses(3, 50)
    for p, t, aligned in zip(predicted, truth, metrics.align_procrustes(predicted, truth), strict=True):
        p0, t0 = p - p.mean(0), t - t.mean(0)
        turned = Rotation.align_vectors(t0, p0)[0].apply(p0)
        scale = minimize_scalar(lambda s, a=turned, b=t0: ((s * a - b) ** 2).sum(), bracket=(0, 1)).x
        np.testing.assert_allclose(aligned - t.mean(0), scale * turned, atol=1e-6)


def test_no_perturbed_similarity_is_better_than_procrustes():
    predicted, truth = random_poses(4)
    aligned = metrics.align_procrustes(predicted, truth)
    best = ((aligned - truth) ** 2).sum()
    rng = np.random.default_rng(5)
    for _ in range(200):
        centre = aligned.mean(0)
        turn = Rotation.from_rotvec(rng.normal(size=3) * 0.05).as_matrix()
        moved = (aligned - centre) @ turn.T * rng.uniform(0.95, 1.05) + centre + rng.normal(size=3) * 0.02
        assert ((moved - truth) ** 2).sum() >= best


def test_procrustes_with_reflections_agrees_with_scipy():
    predicted, truth = random_poses(12, 60)
    predicted[:20] = truth[:20] * [-1, 1, 1] + 0.1 * predicted[:20]
    predicted[20:40] = truth[20:40] + 0.1 * predicted[20:40]
    better = 0
    for p, t in zip(predicted, truth, strict=True):
        aligned = metrics.align_procrustes(p, t, allow_reflection=True)
        p0, t0 = p - p.mean(0), t - t.mean(0)
        matrix, singular_values = orthogonal_procrustes(p0, t0)
        np.testing.assert_allclose(aligned - t.mean(0), singular_values / (p0**2).sum() * p0 @ matrix, atol=1e-9)
        squares = ((aligned - t) ** 2).sum()
        assert squares / (t0**2).sum() == pytest.approx(procrustes(t, p)[2], abs=1e-9)
        rigid = ((metrics.align_procrustes(p, t) - t) ** 2).sum()
        if np.linalg.det(matrix) > 0:
            assert rigid == pytest.approx(squares, abs=1e-9)
        else:
            assert rigid > squares
            better += 1
    assert 20 <= better <= 40


# Invariances.

seeds = st.integers(0, 2**32 - 1)


@given(seeds, seeds)
@settings(max_examples=50, deadline=None)
def test_pa_mpjpe_is_zero_for_any_similarity_and_ignores_it(pose_seed, transform_seed):
    predicted, truth = random_poses(pose_seed, 3)
    scale, rotation, translation = similarity(transform_seed)
    assert metrics.pa_mpjpe(scale * truth @ rotation.T + translation, truth).max() < 1e-10
    np.testing.assert_allclose(
        metrics.pa_mpjpe(scale * predicted @ rotation.T + translation, truth),
        metrics.pa_mpjpe(predicted, truth),
        atol=1e-10,
    )


@given(seeds, seeds)
@settings(max_examples=50, deadline=None)
def test_mpjpe_and_n_mpjpe_ignore_what_they_should(pose_seed, transform_seed):
    predicted, truth = random_poses(pose_seed, 3)
    scale, rotation, translation = similarity(transform_seed)
    np.testing.assert_allclose(
        metrics.mpjpe(predicted @ rotation.T + translation, truth @ rotation.T),  # turned together: no change
        metrics.mpjpe(predicted, truth),
        atol=1e-10,
    )
    np.testing.assert_allclose(
        metrics.n_mpjpe(scale * predicted + translation, truth), metrics.n_mpjpe(predicted, truth), atol=1e-10
    )
    np.testing.assert_allclose(
        size_mpjpe(scale * predicted + translation, truth), size_mpjpe(predicted, truth), atol=1e-10
    )
    order = np.r_[ROOT, 1 + np.random.default_rng(transform_seed).permutation(16)]
    for metric in PER_POSE:
        np.testing.assert_allclose(metric(predicted[:, order], truth[:, order]), metric(predicted, truth), atol=1e-10)


@given(seeds, seeds)
@settings(max_examples=50, deadline=None)
def test_with_reflections_a_mirrored_similarity_changes_nothing(pose_seed, transform_seed):
    predicted, truth = random_poses(pose_seed, 3)
    scale, rotation, translation = similarity(transform_seed)
    mirrored = scale * (predicted * [-1, 1, 1]) @ rotation.T + translation
    np.testing.assert_allclose(reflected_mpjpe(mirrored, truth), reflected_mpjpe(predicted, truth), atol=1e-10)
    assert reflected_mpjpe(truth * [1, -1, 1], truth).max() < 1e-10


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_each_freedom_lowers_the_squared_error(seed):
    predicted, truth = random_poses(seed)
    reflecting = partial(metrics.align_procrustes, allow_reflection=True)
    root, scale, similarity, mirrored = (
        ((align(predicted, truth) - truth) ** 2).sum()
        for align in (metrics.align_root, metrics.align_scale, metrics.align_procrustes, reflecting)
    )
    assert root + TIGHT >= scale
    assert root + TIGHT >= similarity >= mirrored - TIGHT
    assert ((metrics.align_size(predicted, truth) - truth) ** 2).sum() >= scale - TIGHT
    # Where the best factor is negative, align_scale turns the pose inside out, which no rotation can.
    if (metrics.root_relative(predicted) * metrics.root_relative(truth)).sum() > 0:
        assert scale >= similarity - TIGHT
    else:
        assert scale >= mirrored - TIGHT


def test_a_negative_factor_puts_n_mpjpe_below_pa_mpjpe():
    """A person inside out: -1 times the prediction is the truth, and no rotation is."""
    truth = random_poses(3)[0]
    predicted = -truth
    assert metrics.n_mpjpe(predicted, truth) < 1e-12 < 0.1 < metrics.pa_mpjpe(predicted, truth)


def one_joint_off(seed: int, off_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (20, 17, 3) of which one joint is wrong, not the root, and the truth."""
    truth = random_poses(seed, 20)[0]
    rng = np.random.default_rng(seed)
    predicted = truth.copy()
    predicted[np.arange(20), rng.integers(1, 17, 20)] += off_m * Rotation.random(20, rng=rng).apply([0, 0, 1])
    return predicted, truth


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_one_bad_joint_puts_least_squares_above_mpjpe_and_the_least_mean_distance_not(seed):
    predicted, truth = one_joint_off(seed, 1.0)
    plain = metrics.mpjpe(predicted, truth)
    np.testing.assert_allclose(plain, 1 / 17)
    assert (metrics.pa_mpjpe(predicted, truth) > plain).all()
    assert (metrics.n_mpjpe(predicted, truth) > plain).all()
    assert (metrics.pa_l1_mpjpe(predicted, truth) <= plain + TIGHT).all()


@given(seeds, st.floats(0.01, 2))
@settings(max_examples=20, deadline=None)
def test_the_least_mean_distance_is_below_both_others(seed, spread):
    predicted, truth = random_poses(seed, 10)
    predicted = truth + spread * (predicted - truth)
    least = np.minimum(metrics.mpjpe(predicted, truth), metrics.pa_mpjpe(predicted, truth))
    assert (metrics.pa_l1_mpjpe(predicted, truth) <= least + TIGHT).all()


@given(seeds, seeds)
@settings(max_examples=20, deadline=None)
def test_the_least_mean_distance_ignores_a_similarity_that_hides_the_truth(pose_seed, transform_seed):
    truth = random_poses(pose_seed, 3)[0]
    scale, rotation, translation = similarity(transform_seed)
    moved = scale * truth @ rotation.T + translation
    assert metrics.pa_l1_mpjpe(moved, truth).max() < 1e-9
    # A bad joint moves the others by little; with least squares by 0.03 m and more. It is half a metre off in the size
    # of the truth, because from some 2 m on nothing is nearer than a person of no size.
    moved[:, 5] += 0.5 * scale
    others = np.delete(np.arange(17), 5)
    errors = metrics.joint_errors(metrics.align_procrustes_l1(moved, truth), truth)[:, others]
    assert errors.max() < metrics.joint_errors(metrics.align_procrustes(moved, truth), truth)[:, others].max()


def test_the_least_mean_distance_of_single_points_and_of_what_is_not_finite():
    point, pose = np.ones((17, 3)), random_poses(5)[0]
    assert metrics.pa_l1_mpjpe(point, point) == 0
    assert np.isfinite(metrics.pa_l1_mpjpe(point, pose)) and np.isfinite(metrics.pa_l1_mpjpe(pose, point))
    for bad in (np.nan, np.inf):
        broken = np.stack([pose, pose])
        broken[0, 3, 1] = bad
        errors = metrics.pa_l1_mpjpe(broken, np.stack([pose, pose]))
        assert np.isnan(errors[0]) and errors[1] < TIGHT


@given(seeds, seeds)
@settings(max_examples=30, deadline=None)
def test_velocity_ignores_a_turn_of_both_and_a_renaming_of_joints(pose_seed, transform_seed):
    predicted, truth = random_poses(pose_seed, 4)
    _, rotation, _ = similarity(transform_seed)
    order = np.r_[ROOT, 1 + np.random.default_rng(transform_seed).permutation(16)]
    changed = metrics.velocity_errors((predicted @ rotation.T)[:, order], (truth @ rotation.T)[:, order])
    np.testing.assert_allclose(changed, metrics.velocity_errors(predicted, truth)[:, order], atol=1e-10)


def test_a_mirror_image_is_not_aligned_by_reflection():
    truth = random_poses(6)[0]
    mirrored = truth * [-1, 1, 1]
    error = metrics.pa_mpjpe(mirrored, truth)
    assert error > 0.05
    np.testing.assert_allclose(metrics.align_procrustes(mirrored, truth), horn_alignment(mirrored, truth), atol=1e-9)


# Degenerate poses.


def test_collinear_poses_align_exactly_onto_collinear_poses():
    steps = np.linspace(0, 1, 17)[:, None]
    truth = steps * [0, 0, 1.0] + [0, 0, 4]
    predicted = steps * [0.5, 0.5, 0]
    assert metrics.pa_mpjpe(predicted, truth) < 1e-12
    rotation = Rotation.from_rotvec([0.3, 0.2, 0.1]).as_matrix()
    assert metrics.pa_mpjpe(predicted @ rotation, truth) < 1e-12
    assert reflected_mpjpe(predicted @ rotation, truth) < 1e-12


def test_a_flat_pose_is_aligned_from_either_side():
    truth = random_poses(7)[0]
    truth[:, 2] = 4
    mirrored = truth * [-1, 1, 1]  # for a flat pose a half turn does what a reflection would
    assert metrics.pa_mpjpe(mirrored, truth) < 1e-12


def test_repeated_points_give_finite_errors():
    truth = random_poses(8)[0]
    point = np.full((17, 3), 2.0)
    spread = metrics.joint_errors(np.broadcast_to(truth.mean(0), truth.shape), truth).mean()
    assert metrics.pa_mpjpe(point, truth) == pytest.approx(spread, abs=TIGHT)
    assert metrics.pa_mpjpe(truth, point) < 1e-12
    assert metrics.n_mpjpe(point, truth) == pytest.approx(metrics.mpjpe(point, truth), abs=TIGHT)
    assert metrics.mpjpe(point, point) == metrics.pa_mpjpe(point, point) == 0
    assert reflected_mpjpe(point, truth) == pytest.approx(spread, abs=TIGHT)
    assert size_mpjpe(point, truth) == pytest.approx(metrics.mpjpe(point, truth), abs=TIGHT)
    assert size_mpjpe(truth, point) < 1e-12


def test_two_repeated_points_are_a_line():
    truth = random_poses(8)[0]
    predicted = np.where(np.arange(17)[:, None] < 9, [1.0, 2.0, 3.0], [1.0, 2.0, 5.0])
    aligned = metrics.align_procrustes(predicted, truth)
    np.testing.assert_allclose(aligned, horn_alignment(predicted, truth), atol=1e-9)


def test_hardly_any_depth_keeps_full_accuracy():
    # Nearly flat poses have a smallest singular value near 0: the sign of its determinant must not be lost.
    predicted, truth = random_poses(13, 100)
    predicted[..., 2] *= 1e-9
    aligned = metrics.align_procrustes(predicted, truth)
    expected = np.stack([horn_alignment(p, t) for p, t in zip(predicted, truth, strict=True)])
    np.testing.assert_allclose(aligned, expected, atol=1e-9)


@pytest.mark.parametrize("which", ["predicted", "truth"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_a_pose_that_is_not_finite_leaves_the_others_to_the_bit(which, value):
    predicted, truth = random_poses(17, 6)
    for metric in (metrics.align_procrustes, *PER_POSE):
        whole = metric(predicted, truth)
        bad = {"predicted": predicted.copy(), "truth": truth.copy()}
        bad[which][2, 5, 1] = value
        scored = metric(**bad)
        assert np.isnan(scored[2]).all()
        np.testing.assert_array_equal(np.delete(scored, 2, axis=0), np.delete(whole, 2, axis=0))
        assert np.isnan(metric(bad["predicted"][2], bad["truth"][2])).all()


@pytest.mark.parametrize("which", ["predicted", "truth"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_errors_of_a_joint_that_is_not_finite_are_nan_and_the_others_stay(which, value):
    poses = dict(zip(("predicted", "truth"), random_poses(18, 6), strict=True))
    bad = {name: each.copy() for name, each in poses.items()}
    bad[which][2, 5, 1] = value
    # What frame 2 has a part in: the errors of that frame, of steps 1-2 and 2-3, of 0-1-2, 1-2-3 and 2-3-4.
    for metric, frames in (
        (metrics.joint_errors, [2]),
        (metrics.velocity_errors, [1, 2]),
        (metrics.acceleration_errors, [0, 1, 2]),
    ):
        expected = metric(**poses)
        expected[frames, 5] = np.nan
        np.testing.assert_array_equal(metric(**bad), expected)
    bad[which][2, 0, 1] = value
    assert np.isnan(metrics.mpjpe(**bad)[2])


def test_float32_input_is_computed_in_float64():
    predicted, truth = random_poses(9, 20)
    p32, t32 = predicted.astype(np.float32), truth.astype(np.float32)
    for metric in (*PER_POSE, metrics.velocity_errors, metrics.acceleration_errors):
        assert metric(p32, t32).dtype == np.float64
        np.testing.assert_array_equal(metric(p32, t32), metric(p32.astype(np.float64), t32.astype(np.float64)))
        np.testing.assert_allclose(metric(p32, t32), metric(predicted, truth), atol=2e-6)


def test_batches_equal_single_poses_and_inputs_stay_unchanged():
    predicted, truth = random_poses(10, 2, 3)
    before = predicted.copy()
    batch = metrics.pa_mpjpe(predicted, truth)
    assert batch.shape == (2, 3)
    for i in np.ndindex(2, 3):
        assert batch[i] == pytest.approx(metrics.pa_mpjpe(predicted[i], truth[i]), abs=TIGHT)
    np.testing.assert_array_equal(predicted, before)


@pytest.mark.parametrize("metric", [*PER_POSE, metrics.joint_errors, metrics.align_root, metrics.align_procrustes])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_batch_is_its_poses_one_by_one(metric, n):
    predicted, truth = random_poses(14, n)
    together = metric(predicted, truth)
    assert len(together) == n
    for alone, p, t in zip(together, predicted, truth, strict=True):
        np.testing.assert_allclose(alone, metric(p, t), atol=TIGHT)


@pytest.mark.parametrize("metric", PER_POSE)
def test_the_order_in_memory_changes_no_digit(metric):
    predicted, truth = random_poses(15, 9)
    np.testing.assert_array_equal(
        metric(np.asfortranarray(predicted), np.asfortranarray(truth)), metric(predicted, truth)
    )


def test_unequal_shapes_are_refused_and_not_broadcast():
    predicted, truth = random_poses(11, 4)
    with pytest.raises(ValueError, match="shapes must be equal"):
        metrics.mpjpe(predicted[:1], truth)
    with pytest.raises(ValueError, match="shapes must be equal"):
        metrics.joint_errors(predicted[0, 0], truth[0, 0])


def test_the_original_2d_metric_by_hand():
    """Joints 3, 4, 7, 15 and 16 crop px away are 0.75, 1, 1.75, 3.75 and 4 px of the heatmap; nearer is meant."""
    truth = np.zeros((1, 5, 2))
    predicted = np.array([[[3.0, 0], [0, 4.0], [-7.0, 0], [0, 15.0], [16.0, 0]]])
    assert metrics.heatmap_pck(predicted, truth) == {
        "pck_at_1_heatmap_px": 0.2,
        "pck_at_2_heatmap_px": 0.6,
        "pck_at_4_heatmap_px": 0.8,
    }
