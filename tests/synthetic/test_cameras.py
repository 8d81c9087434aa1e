import numpy as np
import pytest

from pose3d.synthetic.cameras import look_at, stage_cameras


def test_look_at_by_hand():
    rotation, translation = look_at(np.array([0.0, -4.0, 1.0]), np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(rotation @ [0, 0, 1] + translation, [0, 0, 4])  # the target, 4 m ahead
    np.testing.assert_allclose(rotation @ [1, 0, 1] + translation, [1, 0, 4])  # world x is to the right
    np.testing.assert_allclose(rotation @ [0, 0, 2] + translation, [0, -1, 4])  # world up is up in the image


def test_roll_turns_the_image_about_the_target():
    rotation, translation = look_at(np.array([3.0, 2.0, 1.5]), np.array([0.1, 0.2, 0.9]), 0.3)
    np.testing.assert_allclose((rotation @ [0.1, 0.2, 0.9] + translation)[:2], 0, atol=1e-12)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_no_camera_looks_straight_down():
    with pytest.raises(ValueError, match="straight"):
        look_at(np.array([0.0, 0.0, 3.0]), np.zeros(3))


def test_cameras_are_like_human36ms():
    for seed in range(5):
        cameras = stage_cameras(np.random.default_rng(seed), 512, 4)
        assert [camera.id for camera in cameras] == ["cam0", "cam1", "cam2", "cam3"]
        for camera in cameras:
            distance, height = np.hypot(*camera.position_m[:2]), camera.position_m[2]
            assert 4.0 < distance < 5.8 and 1.4 < height < 1.7
            assert camera.intrinsics_px[0, 0] == pytest.approx(1.146 * 512, rel=0.006)
            pixel = camera.project(camera.world_to_camera([0.0, 0.0, 1.0]))
            assert np.abs(pixel - 256).max() < 40


def test_a_camera_does_not_depend_on_how_many_there_are():
    two, four = (stage_cameras(np.random.default_rng(7), 160, count) for count in (2, 4))
    for a, b in zip(two, four, strict=False):
        np.testing.assert_array_equal(a.rotation, b.rotation)
        np.testing.assert_array_equal(a.intrinsics_px, b.intrinsics_px)
