"""Human3.6M's projection against the published formula, and OpenCV's against OpenCV."""

import cv2
import numpy as np
import pytest

from pose3d.datasets.calibration import human36m_cameras
from pose3d.geometry.camera import Camera
from pose3d.geometry.distortion import distort, fold_radius, undistort

# As VideoPose3D lists them: centre, focal length, k1 k2 k3, and the tangential terms t1 t2.
PUBLISHED = {
    "54138969": (
        (512.54150390625, 515.4514770507812),
        (1145.0494384765625, 1143.7811279296875),
        (-0.20709891617298126, 0.24777518212795258, -0.0030751503072679043),
        (-0.0009756988729350269, -0.00142447161488235),
    ),
    "55011271": (
        (508.8486328125, 508.0649108886719),
        (1149.6756591796875, 1147.5916748046875),
        (-0.1942136287689209, 0.2404085397720337, 0.006819975562393665),
        (-0.0016190266469493508, -0.0027408944442868233),
    ),
    "58860488": (
        (519.8158569335938, 501.40264892578125),
        (1149.1407470703125, 1148.7989501953125),
        (-0.2083381861448288, 0.25548800826072693, -0.0024604974314570427),
        (0.0014843869721516967, -0.0007599993259645998),
    ),
    "60457274": (
        (514.9682006835938, 501.88201904296875),
        (1145.5113525390625, 1144.77392578125),
        (-0.198384091258049, 0.21832367777824402, -0.008947807364165783),
        (-0.0005872055771760643, -0.0018133620033040643),
    ),
}
PAIRS = [camera for cameras in human36m_cameras().values() for camera in cameras.values()]


def published_projection(camera_id, points):
    """x'' = x (1 + k1 r2 + k2 r4 + k3 r6 + t1 x + t2 y) + t1 r2, and y'' alike; then focal length and centre."""
    centre, focal, k, t = (np.array(numbers) for numbers in PUBLISHED[camera_id])
    plane = points[..., :2] / points[..., 2:]
    r2 = (plane**2).sum(-1, keepdims=True)
    bracket = 1 + (k * r2 ** [1, 2, 3]).sum(-1, keepdims=True) + (t * plane).sum(-1, keepdims=True)
    return focal * (plane * bracket + t * r2) + centre


def grid(camera):
    """Points of a picture, corners and all, (N, 2) px."""
    x, y = np.meshgrid(np.linspace(0, camera.width_px, 41), np.linspace(0, camera.height_px, 41))
    return np.stack([x, y], -1).reshape(-1, 2)


def test_seven_subjects_have_four_cameras_each():
    assert len(PAIRS) == 28


@pytest.mark.parametrize("camera", PAIRS, ids=lambda camera: camera.id)
def test_projection_equals_the_published_formula(camera):
    points = np.random.default_rng(0).uniform([-2.5, -2.5, 3], [2.5, 2.5, 8], (500, 3))
    np.testing.assert_allclose(camera.project(points), published_projection(camera.id, points), rtol=0, atol=1e-6)


@pytest.mark.parametrize("camera", PAIRS, ids=lambda camera: camera.id)
def test_undistortion_inverts_it_all_over_the_picture(camera):
    px = grid(camera)
    plane = camera.normalize(px)
    again = published_projection(camera.id, np.c_[plane, np.ones(len(plane))])
    np.testing.assert_allclose(again, px, rtol=0, atol=1e-6)


def test_human36m_by_hand():
    """x = 1, y = 2, r2 = 5: radial 1 + 5 k1 = 2; with p1 = 0.1, p2 = 0.3 the factor is 2 + 0.2 + 0.3."""
    x, y = distort(1.0, 2.0, [0.2, 0, 0.1, 0.3, 0], "human36m")
    assert (x, y) == pytest.approx((2.5 + 1.5, 5.0 + 0.5))
    x, y = distort(1.0, 2.0, [0.2, 0, 0.1, 0.3, 0], "opencv")
    assert (x, y) == pytest.approx((2 + 0.4 + 0.3 * 7, 4 + 0.1 * 13 + 1.2))


def test_without_tangential_terms_both_models_are_one():
    x, y = np.random.default_rng(0).normal(size=(2, 50)) / 3
    radial = [-0.2, 0.25, 0, 0, -0.003]
    np.testing.assert_array_equal(distort(x, y, radial, "opencv"), distort(x, y, radial, "human36m"))


def test_opencv_is_opencvs():
    coefficients = np.array([-0.2071, 0.2478, -0.01, 0.02, -0.0031])
    plane = np.random.default_rng(0).uniform(-0.5, 0.5, (100, 2))
    expected = cv2.projectPoints(np.c_[plane, np.ones(100)], np.zeros(3), np.zeros(3), np.eye(3), coefficients)[0]
    np.testing.assert_allclose(np.stack(distort(*plane.T, coefficients, "opencv"), -1), expected[:, 0], atol=1e-12)


def test_what_lies_far_outside_of_the_picture_stays_finite():
    """Detections may: three pictures away the lens is a guess, but a number."""
    coefficients = PAIRS[0].distortion
    x, y = np.meshgrid(np.linspace(-3, 3, 31), np.linspace(-3, 3, 31))
    u, v = undistort(x, y, coefficients, "human36m")
    assert np.isfinite(u).all() and np.isfinite(v).all()
    np.testing.assert_allclose(distort(u, v, coefficients, "human36m"), (x, y), atol=1e-9)


FOLDING = {  # k1 k2 p1 p2 k3, and the fold's radius before the lens and behind it
    "barrel": ([-0.35, 0, 0, 0, 0], 0.975900, 0.650600),
    "barrel and tangential": ([-0.35, 0, 0.001, -0.0015, 0], 0.975900, 0.650600),
    "k2": ([0, -0.2, 0, 0, 0], 1.0, 0.8),
    "k3": ([0.1, 0, 0, 0, -1 / 7 * 1.3], 1.0, 1 + 0.1 - 1.3 / 7),
}
ENDLESS = {
    "none": [0, 0, 0, 0, 0],
    "pincushion": [0.3, 0.1, 0, 0, 0],
    "human36m": list(PAIRS[0].distortion),
    "strong barrel that grows again": [-0.4, 0.3, 0.001, 0.002, 0],
}


def polar(radii, n=24):
    angles = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.outer(radii, np.cos(angles)), np.outer(radii, np.sin(angles))


@pytest.mark.parametrize("model", ["opencv", "human36m"])
@pytest.mark.parametrize("lens", FOLDING)
def test_what_lies_before_the_fold_comes_back_and_what_is_seen_beyond_it_is_nothing(lens, model):
    coefficients, before, behind = FOLDING[lens]
    assert fold_radius(coefficients) == pytest.approx(before, abs=1e-6)
    x, y = polar(before * np.linspace(0, 0.99, 40))
    found = undistort(*distort(x, y, coefficients, model), coefficients, model)
    np.testing.assert_allclose(found, (x, y), atol=1e-7)
    assert np.isnan(undistort(*polar(behind * np.array([1.02, 1.2, 2, 10])), coefficients, model)).all()


@pytest.mark.parametrize("model", ["opencv", "human36m"])
@pytest.mark.parametrize("lens", ENDLESS)
def test_a_lens_without_a_fold_shows_something_everywhere(lens, model):
    coefficients = ENDLESS[lens]
    assert fold_radius(coefficients) == np.inf or fold_radius(coefficients) > 5
    x, y = polar(np.linspace(0, 2, 40))
    np.testing.assert_allclose(undistort(*distort(x, y, coefficients, model), coefficients, model), (x, y), atol=1e-7)


RATIONAL = {  # k1 k2 p1 p2 k3 k4 k5 k6
    "of a depth camera": [0.52, -2.6, 0.0005, -0.0002, 1.5, 0.4, -2.43, 1.44],
    "that only divides": [0, 0, 0.001, -0.002, 0, 0.3, 0.05, 0.01],
    "with both, that rises for ever": [0.4, 0.1, 0.001, 0.001, 0.02, 0.1, 0.05, 0.002],
    "with a pole at r = 2": [0, 0, 0, 0, 0, -0.25, 0, 0],
}


@pytest.mark.parametrize("lens", RATIONAL)
def test_a_rational_lens_is_opencvs_in_both_directions(lens):
    coefficients = np.array(RATIONAL[lens])
    plane = np.random.default_rng(0).uniform(-0.6, 0.6, (200, 2))
    assert fold_radius(coefficients) > 0.85
    seen = np.stack(distort(*plane.T, coefficients, "opencv"), -1)
    expected = cv2.projectPoints(np.c_[plane, np.ones(200)], np.zeros(3), np.zeros(3), np.eye(3), coefficients)[0]
    np.testing.assert_allclose(seen, expected[:, 0], atol=1e-12)
    back = np.stack(undistort(*seen.T, coefficients, "opencv"), -1)
    np.testing.assert_allclose(back, plane, atol=1e-12)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 500, 1e-14)
    theirs = cv2.undistortPoints(seen[:, None], np.eye(3), coefficients, criteria=criteria)[:, 0]
    np.testing.assert_allclose(back, theirs, atol=1e-7)


def test_a_rational_lens_that_divides_by_1_is_one_of_five_coefficients():
    five = np.array([-0.35, 0, 0.001, -0.0015, 0])
    eight = np.concatenate([five, np.zeros(3)])
    assert fold_radius(eight) == fold_radius(five)
    x, y = polar(np.linspace(0, 1.2, 20))
    for there in (distort, undistort):
        np.testing.assert_array_equal(there(x, y, eight, "opencv"), there(x, y, five, "opencv"))


def test_the_fold_of_rational_lenses_by_hand():
    """r / (1 + s) turns at r = 1, r / (1 - s / 4) has its pole at 2. r (1 - s) / (1 - 1.1 s) rises up to its pole, and
    r (1 - s) / (1 - 0.9 s) turns, because it is 0 at r = 1 before its pole."""
    assert fold_radius([0, 0, 0, 0, 0, 1, 0, 0]) == pytest.approx(1)
    assert fold_radius([0, 0, 0, 0, 0, -0.25, 0, 0]) == pytest.approx(2)
    assert fold_radius([-1, 0, 0, 0, 0, -1.1, 0, 0]) == pytest.approx(1 / np.sqrt(1.1))
    # (1 - s) (1 - 0.9 s) - 0.2 s = 0: the smaller root of 0.9 s^2 - 2.1 s + 1.
    assert fold_radius([-1, 0, 0, 0, 0, -0.9, 0, 0]) == pytest.approx(np.sqrt((2.1 - np.sqrt(0.81)) / 1.8))
    # A pole that a zero all but cancels is one, too.
    assert fold_radius([-0.25, 0, 0, 0, 0, -0.25, 0, 0]) == pytest.approx(2)


def test_up_to_the_fold_of_any_lens_the_radius_rises_and_comes_back_and_then_no_more():
    rng = np.random.default_rng(0)
    folds = []
    for number in range(60):
        k = rng.normal(size=6) * 10 ** rng.uniform(-2, 0.5) * 10 ** (rng.uniform(-1, 3) * np.tile([1, 2, 3], 2))
        if number % 3 == 0:
            k[3:] = k[:3] * (1 + 10 ** rng.uniform(-6, -1))  # all but cancelled, as fits of eight numbers are
        coefficients = np.array([k[0], k[1], 0, 0, k[2], *k[3:]])
        fold = fold_radius(coefficients)
        folds.append(fold)
        radii = min(fold, 100) * np.linspace(0, 1 - 1e-5, 400)
        x, y = distort(radii, np.zeros(400), coefficients, "opencv")
        assert (np.diff(x) > 0).all()
        inside = radii < 0.995 * fold  # a pole that is all but cancelled rises in a thousandth of its radius
        found = undistort(x[inside], y[inside], coefficients, "opencv")[0]
        np.testing.assert_allclose(found, radii[inside], rtol=1e-9, atol=1e-12)
        if np.isfinite(fold):
            assert np.isnan(distort(np.array([1.001 * fold]), np.zeros(1), coefficients, "opencv")).all()
    assert 10 < np.isfinite(folds).sum() < 60


def test_numbers_of_any_size_have_a_fold_or_none():
    assert fold_radius([0, 0, 0, 0, 1e-320]) == np.inf
    assert fold_radius([-1e60, 0, 0, 0, 1e-320, 1e90, -1e90, 1e90]) < 1e-25


def test_what_lies_beyond_the_fold_is_not_seen():
    """Folded back it would be seen in the middle of the picture, 1.5 (1 - 0.35 2.25) = 0.32 from its centre."""
    x, y = distort(np.array([0.9, 1.5]), np.zeros(2), np.array([-0.35, 0, 0, 0, 0]), "opencv")
    assert x[0] == pytest.approx(0.9 - 0.35 * 0.729) and np.isnan([x[1], y[1]]).all()


def test_the_fold_of_a_barrel_in_px():
    """k1 = -0.35 and f = 1000 px: nothing is shown more than 651 px from the centre, and what is projects back."""
    camera = Camera(
        "c", 1920, 1080, [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]], [-0.35, 0, 0, 0, 0], np.eye(3), np.zeros(3)
    )
    x, y = np.meshgrid(np.linspace(0, 1920, 97), np.linspace(0, 1080, 55))
    px = np.stack([x, y], -1)
    shown = camera.shows(px)
    from_centre = np.linalg.norm(px - [960, 540], axis=-1)
    assert shown[from_centre < 650].all() and not shown[from_centre > 651].any()
    plane = camera.normalize(px)
    np.testing.assert_array_equal(np.isfinite(plane).all(-1), shown)
    again = camera.project(np.concatenate([plane, np.ones((*plane.shape[:2], 1))], -1)[shown])
    np.testing.assert_allclose(again, px[shown], atol=1e-4)


@pytest.mark.parametrize("model", ["opencv", "human36m"])
@pytest.mark.parametrize("lens", [*FOLDING, *ENDLESS])
def test_what_a_lens_shows_is_what_can_be_undistorted(lens, model):
    """Whether that is known without undistorting, near the axis, or by it."""
    coefficients = FOLDING[lens][0] if lens in FOLDING else ENDLESS[lens]
    intrinsics_px = [[70, 0, 50], [0, 60, 50], [0, 0, 1]]
    camera = Camera("c", 100, 100, intrinsics_px, coefficients, np.eye(3), np.zeros(3), model)
    px = np.random.default_rng(0).uniform(-100, 200, (2000, 2))
    np.testing.assert_array_equal(camera.shows(px), np.isfinite(camera.normalize(px)).all(-1))
    assert not camera.shows([np.nan, 50.0]) and camera.shows([50.0, 50.0])


def test_undistortion_is_opencvs_where_that_converges():
    coefficients = np.array([-0.2071, 0.2478, -0.01, 0.02, -0.0031])
    seen = np.random.default_rng(0).uniform(-0.5, 0.5, (200, 2))
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
    expected = cv2.undistortPoints(seen[:, None], np.eye(3), coefficients, criteria=criteria)[:, 0]
    np.testing.assert_allclose(np.stack(undistort(*seen.T, coefficients, "opencv"), -1), expected, atol=1e-9)


def test_what_is_not_known_stays_unknown():
    camera = PAIRS[0]
    plane = camera.normalize(np.array([[np.nan, 3.0], [500, 500]]))
    assert np.isnan(plane[0]).all() and np.isfinite(plane[1]).all()


def test_how_far_the_other_formulas_are_off():
    """What docs/datasets.md says of OpenCV's formula on these lenses: in the authors' order, and exchanged."""
    off = {"authors' order": [], "exchanged": []}
    corner = 0.0
    for camera in PAIRS[:4]:
        px = grid(camera)
        points = np.c_[camera.normalize(px), np.ones(len(px))]
        near = np.linalg.norm(px - camera.intrinsics_px[:2, 2], axis=-1) < 300
        k1, k2, p1, p2, k3 = camera.distortion
        for order, terms in zip(off, [(p1, p2), (p2, p1)], strict=True):
            other = Camera("o", 1000, 1000, camera.intrinsics_px, [k1, k2, *terms, k3], np.eye(3), np.zeros(3))
            error = np.linalg.norm(other.project(points) - px, axis=-1)
            off[order].append(error[near].mean())
            corner = max(corner, error.max())
    assert (min(off["authors' order"]), max(off["authors' order"])) == pytest.approx((0.04, 0.08), abs=0.005)
    assert (min(off["exchanged"]), max(off["exchanged"])) == pytest.approx((0.06, 0.23), abs=0.005)
    assert corner == pytest.approx(3.9, abs=0.05)


def test_an_unknown_model_is_refused():
    camera = PAIRS[0]
    with pytest.raises(ValueError, match="the distortion model must be opencv or human36m, not 'fisheye'"):
        Camera("c", 9, 9, camera.intrinsics_px, camera.distortion, np.eye(3), np.zeros(3), "fisheye")
