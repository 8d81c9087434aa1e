import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from pose3d import metrics
from pose3d.skeleton import ROOT

TIGHT = 1e-12


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
    assert metrics.root_errors(predicted, truth) == pytest.approx(7 * 3**0.5, abs=TIGHT)


def test_n_mpjpe_by_hand():
    # p = (1, 1) and t = (1, 2) along x on two joints: s = 3/2, errors 1/2 and 1/2.
    predicted, truth = np.zeros((17, 3)), np.zeros((17, 3))
    predicted[1:3, 0], truth[1:3, 0] = [1, 1], [1, 2]
    assert metrics.n_mpjpe(predicted, truth) == pytest.approx(1 / 17, abs=TIGHT)


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


def test_pck_2d_by_hand():
    truth = np.zeros((1, 17, 2))
    predicted = truth.copy()
    predicted[0, 1] = [0, 9.99]
    predicted[0, 2] = [10, 0]  # exactly at the threshold: not counted
    boxes = np.array([[5.0, 5.0, 55.0, 105.0]])
    assert metrics.pck_2d(predicted, truth, boxes, 0.1) == pytest.approx(16 / 17)


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
    order = np.r_[ROOT, 1 + np.random.default_rng(transform_seed).permutation(16)]
    for metric in (metrics.mpjpe, metrics.n_mpjpe, metrics.pa_mpjpe):
        np.testing.assert_allclose(metric(predicted[:, order], truth[:, order]), metric(predicted, truth), atol=1e-10)


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_each_freedom_lowers_the_squared_error(seed):
    predicted, truth = random_poses(seed)
    squares = [
        ((align(predicted, truth) - truth) ** 2).sum()
        for align in (metrics.align_root, metrics.align_scale, metrics.align_procrustes)
    ]
    assert squares[0] + TIGHT >= squares[1] >= squares[2] - TIGHT


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


def test_float32_input_is_computed_in_float64():
    predicted, truth = random_poses(9, 20)
    p32, t32 = predicted.astype(np.float32), truth.astype(np.float32)
    for metric in (metrics.mpjpe, metrics.n_mpjpe, metrics.pa_mpjpe):
        assert metric(p32, t32).dtype == np.float64
        np.testing.assert_array_equal(metric(p32, t32), metric(p32.astype(np.float64), t32.astype(np.float64)))
        np.testing.assert_allclose(metric(p32, t32), metric(predicted, truth), atol=1e-6)


def test_batches_equal_single_poses_and_inputs_stay_unchanged():
    predicted, truth = random_poses(10, 2, 3)
    before = predicted.copy()
    batch = metrics.pa_mpjpe(predicted, truth)
    assert batch.shape == (2, 3)
    for i in np.ndindex(2, 3):
        assert batch[i] == pytest.approx(metrics.pa_mpjpe(predicted[i], truth[i]), abs=TIGHT)
    np.testing.assert_array_equal(predicted, before)


def test_unequal_shapes_are_refused_and_not_broadcast():
    predicted, truth = random_poses(11, 4)
    with pytest.raises(ValueError, match="shapes must be equal"):
        metrics.mpjpe(predicted[:1], truth)
    with pytest.raises(ValueError, match="shapes must be equal"):
        metrics.joint_errors(predicted[0, 0], truth[0, 0])
