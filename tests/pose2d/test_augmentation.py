import cv2
import numpy as np
import pytest

from pose3d.config.pose2d import AugmentationParams
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.pose2d.augmentation import augment, color_transform, degrade, geometric_transform, move_piece, warp

NONE = AugmentationParams(flip=False, rotation_deg=0, scale=0, translation=0, color=0, occlusion=0, degradation=0)


def blob(size: int, centre: np.ndarray) -> np.ndarray:
    pixels = np.arange(size) + 0.5
    squared = (pixels[:, None] - centre[1]) ** 2 + (pixels[None] - centre[0]) ** 2
    return np.repeat((255 * np.exp(-squared / (2 * 3.0**2))).astype(np.uint8)[..., None], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    weights = image[..., 0].astype(np.float64)
    pixels = np.arange(len(image)) + 0.5
    return np.array([(weights.sum(0) * pixels).sum(), (weights.sum(1) * pixels).sum()]) / weights.sum()


def test_all_off_changes_nothing():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 32, 3), np.uint8)
    keypoints = rng.uniform(0, 32, (17, 2)).astype(np.float32)
    augmented, moved = augment(image, keypoints, NONE, rng)
    assert np.array_equal(augmented, image)
    assert np.array_equal(moved, keypoints)


@pytest.mark.parametrize("seed", range(8))
def test_image_and_keypoints_move_together(seed):
    strengths = NONE.model_copy(update={"flip": True, "rotation_deg": 40, "scale": 0.25, "translation": 0.1})
    centre = np.random.default_rng(seed).uniform(24, 40, 2)
    keypoints = np.tile(centre, (17, 1))
    augmented, moved = augment(blob(64, centre), keypoints, strengths, np.random.default_rng(100 + seed))
    assert np.linalg.norm(centroid(augmented) - moved[0]) < 0.1


def test_flip_swaps_left_and_right_and_mirrors_about_the_centre():
    strengths = NONE.model_copy(update={"flip": True})
    keypoints = np.random.default_rng(0).uniform(0, 32, (17, 2))
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    seen = set()
    for seed in range(8):
        augmented, moved = augment(image, keypoints, strengths, np.random.default_rng(seed))
        flipped = not np.array_equal(augmented, image)
        seen.add(flipped)
        if flipped:
            assert np.array_equal(augmented, image[:, ::-1])
            expected = keypoints[mirror_permutation()]
            assert np.allclose(moved, np.stack([32 - expected[:, 0], expected[:, 1]], -1))
    assert seen == {True, False}


def test_warp_by_the_identity_is_exact():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert np.array_equal(warp(image, np.eye(2, 3)), image)


def test_geometric_transform_stays_within_its_strengths_and_keeps_the_centre():
    strengths = NONE.model_copy(update={"flip": True, "rotation_deg": 30, "scale": 0.2})
    for seed in range(50):
        flip, transform = geometric_transform(64, strengths, np.random.default_rng(seed))
        assert np.allclose(transform @ [32, 32, 1], [32, 32])
        factor = abs(np.linalg.det(transform[:, :2])) ** 0.5
        assert 0.8 <= factor <= 1.2
        assert (np.linalg.det(transform[:, :2]) < 0) == flip
        upright = transform[:, 1] / factor  # where "down" goes
        assert np.degrees(np.arccos(upright[1])) <= 30 + 1e-6


def test_translation_stays_within_its_strength_along_both_axes():
    strengths = NONE.model_copy(update={"translation": 0.1})
    ways = np.array([geometric_transform(50, strengths, np.random.default_rng(seed))[1][:, 2] for seed in range(100)])
    assert np.abs(ways).max() <= 5 and (np.ptp(ways, axis=0) > 9).all()


def test_color_of_no_strength_is_the_identity_and_grey_keeps_its_hue():
    rng = np.random.default_rng(0)
    assert np.allclose(color_transform(0, rng), np.eye(3, 4))
    grey = np.full((1, 1, 3), 100, np.uint8)
    outputs = [cv2.transform(grey, color_transform(0.4, np.random.default_rng(seed)))[0, 0] for seed in range(30)]
    assert len({tuple(value) for value in outputs}) > 20


def test_occlusion_paints_one_colour_over_part_and_leaves_the_input():
    image = np.zeros((64, 64, 3), np.uint8)
    strengths = NONE.model_copy(update={"occlusion": 1})
    augmented, _ = augment(image, np.zeros((17, 2)), strengths, np.random.default_rng(0))
    changed = (augmented != 0).any(-1)
    assert 0 < changed.mean() < 0.2
    assert len(np.unique(augmented[changed], axis=0)) == 1
    assert not image.any()


def test_a_moved_piece_is_what_stood_elsewhere():
    image = np.arange(10 * 10 * 3, dtype=np.uint8).reshape(10, 10, 3)
    moved = move_piece(image, np.array([0.0, 0.5]), np.array([1.0, 0.0]), np.array([0.2, 0.4]))
    assert np.array_equal(moved[:4, 8:], image[3:7, :2])
    moved[:4, 8:] = image[:4, 8:]
    assert np.array_equal(moved, image)


def test_a_crop_may_get_a_piece_of_itself():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    flat = np.full_like(image, 200)
    strengths, rng = NONE.model_copy(update={"occlusion": 1}), np.random.default_rng
    kept = [(augment(i, np.zeros((17, 2)), strengths, rng(1))[0] == i).all(-1) for i in (image, flat)]
    assert kept[0].sum() < kept[1].sum()  # of one colour only the rectangle shows, of many the piece too


def test_nothing_degraded_is_almost_the_same_picture_and_much_is_another():
    size = np.linspace(0, 255, 64)
    image = np.repeat((size[:, None] / 2 + size[None] / 2).astype(np.uint8)[..., None], 3, axis=2)
    noise = np.random.default_rng(0).standard_normal((16, 16, 3))
    least = degrade(image, np.zeros(5), noise)
    assert least.shape == image.shape and least.dtype == np.uint8
    assert np.abs(least.astype(int) - image).max() <= 3
    noisy = degrade(image, np.array([0, 0, 0, 1.0, 0]), noise).astype(float) - image
    luma = noisy @ [0.299, 0.587, 0.114]  # JPEG halves the resolution of the other two components
    assert luma.std() == pytest.approx(20 * np.linalg.norm([0.299, 0.587, 0.114]), rel=0.15)


def test_degrading_blurs_along_one_direction():
    image = np.zeros((65, 65, 3), np.uint8)
    image[32, 32] = 255
    for direction, axis in ((0, 1), (1, 0)):
        blurred = degrade(image, np.array([0, 1, direction, 0, 0.0]), np.zeros((8, 8, 3)))[..., 0] > 8
        widths = [np.ptp(np.nonzero(blurred)[a]) for a in (0, 1)]
        assert widths[axis] > widths[1 - axis]


def test_degradation_leaves_keypoints_and_input_alone():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    before, keypoints = image.copy(), np.random.default_rng(1).uniform(0, 32, (17, 2))
    augmented, moved = augment(image, keypoints, NONE.model_copy(update={"degradation": 1}), np.random.default_rng(0))
    assert np.array_equal(moved, keypoints) and np.array_equal(image, before)
    assert not np.array_equal(augmented, image)


def test_one_strength_does_not_change_the_others_draws():
    keypoints = np.random.default_rng(0).uniform(0, 32, (17, 2))
    image = np.zeros((32, 32, 3), np.uint8)
    turned = NONE.model_copy(update={"rotation_deg": 30})
    with_color = turned.model_copy(update={"color": 0.5, "occlusion": 0.5, "degradation": 0.5})
    _, first = augment(image, keypoints, turned, np.random.default_rng(3))
    _, second = augment(image, keypoints, with_color, np.random.default_rng(3))
    assert np.array_equal(first, second)
