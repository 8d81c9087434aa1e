"""What is drawn for crops, and that both ways to change pictures do it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from pose3d.config.pose2d import AugmentationParams
from pose3d.geometry.skeleton import mirror_permutation
from pose3d.pose2d import changed_batches, changed_pictures
from pose3d.pose2d.augmentation import N_DRAWS, NOISE_PX, Changes, changes_of, color_transforms
from pose3d.pose2d.changed_batches import change_batch
from pose3d.pose2d.changed_pictures import change_picture, degrade, warp

NONE = AugmentationParams(flip=False, rotation_deg=0, scale=0, translation=0, color=0, occlusion=0, degradation=0)
ALL = AugmentationParams(
    flip=True, rotation_deg=30, scale=0.2, translation=0.05, color=0.4, occlusion=0.7, degradation=0.6
)


def drawn(strengths: AugmentationParams, size_px: int, count: int = 1, seed: int = 0) -> Changes:
    return changes_of(np.random.default_rng(seed).random((count, N_DRAWS)), size_px, strengths)


def with_strengths(**strengths) -> AugmentationParams:
    return NONE.model_copy(update=strengths)


def one_by_one(images: np.ndarray, changes: Changes) -> np.ndarray:
    return np.stack([change_picture(image, changes, row) for row, image in enumerate(images)])


def together(images: np.ndarray, changes: Changes) -> np.ndarray:
    return change_batch(torch.from_numpy(images), changes).numpy()


both_ways = pytest.mark.parametrize("change", [one_by_one, together])


def photographs(size_px: int, count: int, seed: int = 0) -> np.ndarray:
    """Smooth pictures, as crops are."""
    noise = np.random.default_rng(seed).integers(0, 256, (count, size_px // 4, size_px // 4, 3), np.uint8)
    return np.stack([cv2.resize(n, (size_px, size_px), interpolation=cv2.INTER_CUBIC) for n in noise])


def blob(size: int, centre: np.ndarray) -> np.ndarray:
    pixels = np.arange(size) + 0.5
    squared = (pixels[:, None] - centre[1]) ** 2 + (pixels[None] - centre[0]) ** 2
    return np.repeat((255 * np.exp(-squared / (2 * 3.0**2))).astype(np.uint8)[..., None], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    weights = image[..., 0].astype(np.float64)
    pixels = np.arange(len(image)) + 0.5
    return np.array([(weights.sum(0) * pixels).sum(), (weights.sum(1) * pixels).sum()]) / weights.sum()


@both_ways
def test_all_off_changes_nothing(change):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    keypoints = np.random.default_rng(1).uniform(0, 32, (3, 17, 2)).astype(np.float32)
    changes = drawn(NONE, 32, 3)
    assert np.array_equal(change(images, changes), images)
    assert np.array_equal(changes.keypoints_px(keypoints), keypoints)


@both_ways
def test_images_and_keypoints_move_together(change):
    centres = np.random.default_rng(0).uniform(24, 40, (8, 2))
    changes = drawn(with_strengths(flip=True, rotation_deg=40, scale=0.25, translation=0.1), 64, 8)
    assert 0 < changes.flipped.sum() < 8
    changed = change(np.stack([blob(64, centre) for centre in centres]), changes)
    moved = changes.keypoints_px(np.repeat(centres[:, None], 17, axis=1))
    assert np.linalg.norm(np.stack([centroid(image) for image in changed]) - moved[:, 0], axis=1).max() < 0.1


@both_ways
def test_flip_swaps_left_and_right_and_mirrors_about_the_centre(change):
    keypoints = np.random.default_rng(0).uniform(0, 32, (8, 17, 2))
    images = np.random.default_rng(1).integers(0, 256, (8, 32, 32, 3), np.uint8)
    changes = drawn(with_strengths(flip=True), 32, 8)
    assert 0 < changes.flipped.sum() < 8
    mirrored = keypoints[:, mirror_permutation()] * [-1, 1] + [32, 0]
    where = changes.flipped[:, None, None]
    assert np.allclose(changes.keypoints_px(keypoints), np.where(where, mirrored, keypoints))
    assert np.array_equal(change(images, changes), np.where(where[..., None], images[:, :, ::-1], images))


@pytest.mark.parametrize("size_px", [64, 90])
def test_both_ways_give_the_same_pictures(size_px):
    """Up to rounding, of which JPEG's quantisation makes more; blurring treats the border differently."""
    images = photographs(size_px, 40)
    for strengths in (ALL.model_copy(update={"degradation": 0}), with_strengths(degradation=1)):
        changes = drawn(strengths, size_px, len(images), seed=1)
        expected = one_by_one(images, changes).astype(float)
        difference = np.abs(together(images, changes) - expected)
        if strengths.degradation == 0:
            assert difference.max() <= 3 and difference.mean() < 0.5
        assert difference.mean() < 2.5 and difference.mean() < np.abs(images - expected).mean() / 6


@both_ways
def test_pictures_do_not_depend_on_who_is_changed_with_them(change):
    images, changes = photographs(48, 6), drawn(ALL, 48, 6)
    alone = Changes(**{name: values[4:5] for name, values in vars(changes).items()})
    np.testing.assert_allclose(change(images[4:5], alone)[0].astype(int), change(images, changes)[4], atol=1)


def test_warp_by_the_identity_is_exact():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert np.array_equal(warp(image, np.eye(2, 3)), image)


def test_transforms_stay_within_their_strengths_and_keep_the_centre():
    changes = drawn(with_strengths(flip=True, rotation_deg=30, scale=0.2), 64, 200)
    assert np.allclose(changes.transforms @ [32, 32, 1], [32, 32])
    determinant = np.linalg.det(changes.transforms[..., :2])
    factor = np.sqrt(np.abs(determinant))
    assert factor.min() > 0.8 and factor.max() < 1.2 and np.ptp(factor) > 0.35
    assert np.array_equal(determinant < 0, changes.flipped)
    angle = np.degrees(np.arcsin(changes.transforms[:, 0, 1] / factor))  # of where "down" goes
    assert np.abs(angle).max() < 30 and np.ptp(angle) > 55
    assert 0.4 < changes.flipped.mean() < 0.6


def test_translation_stays_within_its_strength_along_both_axes():
    ways = drawn(with_strengths(translation=0.1), 50, 100).transforms[..., 2]
    assert np.abs(ways).max() <= 5 and (np.ptp(ways, axis=0) > 9).all()


def test_colors_of_no_strength_are_the_identity_and_hue_keeps_grey():
    draws = np.random.default_rng(0).random((30, 7))
    assert np.array_equal(color_transforms(draws, 0), np.broadcast_to(np.eye(3, 4), (30, 3, 4)))
    # Of draws in the middle but for one, only one thing changes.
    draws[:, 2:], draws[:, 0] = 0.5, 0.5
    grey = color_transforms(draws, 0.4) @ [100, 100, 100, 1]
    assert np.allclose(grey, 100)
    turned = color_transforms(draws, 0.4) @ [200, 100, 100, 1]
    assert len({tuple(value) for value in turned.round(3)}) == 30
    # A turn by 90 degrees of strength 1 keeps the length of what is not grey.
    assert np.allclose(
        np.linalg.norm(turned - turned.mean(1, keepdims=True), axis=1), np.linalg.norm([200 / 3, 100 / 3, 100 / 3])
    )


def test_colors_by_hand():
    """Contrast 1.5 and gain 1.25 of red at strength 0.5, brightness +32."""
    draws = np.full((1, 7), 0.5)
    draws[0, [2, 3, 4]] = 1
    assert np.allclose(
        color_transforms(draws, 0.5)[0], [[1.875, 0, 0, -31.75], [0, 1.5, 0, -31.75], [0, 0, 1.5, -31.75]]
    )


@both_ways
def test_occlusion_paints_one_colour_over_part_and_leaves_the_input(change):
    images = np.zeros((4, 64, 64, 3), np.uint8)
    changes = drawn(with_strengths(occlusion=1), 64, 4)
    for changed, fill in zip(change(images, changes), changes.fills, strict=True):
        painted = (changed != 0).any(-1)
        assert 0 < painted.mean() < 0.2
        assert (changed[painted] == fill).all()
    assert not images.any()


@both_ways
def test_a_moved_piece_is_what_stood_elsewhere(change):
    images = np.arange(10 * 10 * 3, dtype=np.uint8).reshape(1, 10, 10, 3)
    changes = replace(drawn(NONE, 10), pieces_px=np.array([[[0, 3], [8, 0], [2, 4]]]))
    expected = images[0].copy()
    expected[:4, 8:] = images[0, 3:7, :2]
    assert np.array_equal(change(images, changes)[0], expected)


def test_as_many_crops_as_asked_for_get_pieces_and_rectangles_that_fit():
    changes = drawn(with_strengths(occlusion=0.3), 64, 1000)
    start, end, extent = changes.pieces_px.swapaxes(0, 1)
    assert 0.25 < (extent > 0).all(1).mean() < 0.35
    assert (np.maximum(start, end) + extent).max() <= 64 and extent.max() <= 0.3 * 64
    size = changes.rectangles_px[:, 1] - changes.rectangles_px[:, 0]
    assert 0.25 < (size > 0).all(1).mean() < 0.35
    assert size.min() >= 0 and size.max() <= 0.4 * 64 + 1
    assert changes.rectangles_px.min() == 0 and changes.rectangles_px.max() == 64  # cut off at the border


def test_nothing_degraded_is_almost_the_same_picture_and_much_is_another():
    ramp = np.linspace(0, 255, 64)
    image = np.repeat((ramp[:, None] / 2 + ramp[None] / 2).astype(np.uint8)[..., None], 3, axis=2)
    least = degrade(image, np.zeros(5), np.zeros(2, int))
    assert least.shape == image.shape and least.dtype == np.uint8
    assert np.abs(least.astype(int) - image).max() <= 3
    noisy = degrade(image, np.array([0, 0, 0, 1.0, 0]), np.array([7, NOISE_PX - 1])).astype(float) - image
    luma = noisy @ [0.299, 0.587, 0.114]  # JPEG halves the resolution of the other two components
    assert luma.std() == pytest.approx(20 * np.linalg.norm([0.299, 0.587, 0.114]), rel=0.15)


@both_ways
def test_degrading_blurs_along_one_direction(change):
    image = np.zeros((1, 65, 65, 3), np.uint8)
    image[0, 32, 32] = 255
    changes = drawn(with_strengths(degradation=1), 65)
    for direction, axis in ((0, 1), (1, 0)):
        blurred = change(image, replace(changes, worse=np.array([[0, 1, direction, 0, 0.0]])))[0, ..., 0] > 8
        widths = [np.ptp(np.nonzero(blurred)[a]) for a in (0, 1)]
        assert widths[axis] > widths[1 - axis]


@pytest.mark.parametrize("quality", [15, 40, 80, 95])
def test_compression_is_jpegs(quality):
    image = photographs(64, 1)[0]
    encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    expected = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB).astype(float)
    ours = changed_batches._compressed(torch.from_numpy(image).permute(2, 0, 1)[None].float(), np.array([quality]))
    ours = ours[0].permute(1, 2, 0).round().clamp(0, 255).numpy()
    assert np.abs(ours - expected).mean() < np.abs(image - expected).mean() / 5  # some frequencies round the other way


def test_low_resolution_is_opencvs():
    image = photographs(60, 1)[0][..., 0].astype(np.float32)
    small = cv2.resize(image, (37, 37), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(small, (60, 60), interpolation=cv2.INTER_LINEAR)
    along = changed_batches._low_resolution(np.array([37]), 60, torch.zeros(()))[0].numpy()
    np.testing.assert_allclose(along @ image @ along.T, expected, atol=0.02)


def test_degradation_leaves_keypoints_and_input_alone():
    images = photographs(32, 2)
    before, keypoints = images.copy(), np.random.default_rng(1).uniform(0, 32, (2, 17, 2)).astype(np.float32)
    changes = drawn(with_strengths(degradation=1), 32, 2)
    changed = one_by_one(images, changes)
    assert np.array_equal(changes.keypoints_px(keypoints), keypoints) and np.array_equal(images, before)
    assert not np.array_equal(changed, images)


def test_one_strength_does_not_change_the_others_draws():
    turned, all_on = drawn(with_strengths(rotation_deg=30), 32, 5), drawn(ALL, 32, 5)
    only_turned = drawn(ALL.model_copy(update={"flip": False, "scale": 0, "translation": 0}), 32, 5)
    assert np.array_equal(turned.transforms, only_turned.transforms)
    assert np.array_equal(turned.worse, all_on.worse) and np.array_equal(turned.fills, all_on.fills)


def test_the_noise_is_standard_normal_but_for_its_scale():
    noise = changed_pictures.noise_bytes().astype(float) - 128
    assert abs(noise.mean()) < 0.3 and noise.std() == pytest.approx(changed_pictures.NOISE_STD, rel=0.01)
