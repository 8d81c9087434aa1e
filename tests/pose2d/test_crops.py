import cv2
import numpy as np
import pytest
from toy_crops import encode_png, write_toy_data

from pose3d.geometry.camera import apply_affine, crop_from_image, invert_affine
from pose3d.pose2d.crops import Crops, crop_from_box, cut_square, encode_crop, read_crop_from_image, whole_px_square
from pose3d.records.hdf5 import create_hdf5
from pose3d.runtime.errors import InputError


def test_square_lies_on_whole_px_around_the_box():
    boxes = np.random.default_rng(0).uniform(0, 200, (50, 2))
    boxes = np.concatenate([boxes, boxes + np.random.default_rng(1).uniform(10, 300, (50, 2))], -1)
    square = whole_px_square(boxes, 1.25)
    corners = square[:, :2] - square[:, 2:] / 2
    assert np.array_equal(corners, np.round(corners))
    assert np.array_equal(square[:, 2], np.round(square[:, 2]))
    assert np.abs(square[:, 2] - 1.25 * (boxes[:, 2:] - boxes[:, :2]).max(-1)).max() <= 0.5
    assert np.abs(square[:, :2] - (boxes[:, :2] + boxes[:, 2:]) / 2).max() <= 1


def test_keypoints_go_to_the_crop_and_back():
    square = whole_px_square(np.array([[33.3, 40.7, 211.1, 390.2]]), 1.25)
    transform = crop_from_image(square, 128)
    keypoints = np.random.default_rng(0).uniform(0, 500, (1, 17, 2))
    back = apply_affine(invert_affine(transform), apply_affine(transform, keypoints))
    assert np.abs(back - keypoints).max() < 0.01


@pytest.mark.parametrize("crop_size", [32, 96, 128])
@pytest.mark.parametrize("centre", [(70.3, 60.8), (14.0, 50.0), (140.2, 98.1)])
def test_content_lands_where_the_transform_says(crop_size, centre):
    pixels_x, pixels_y = np.arange(160) + 0.5, np.arange(120) + 0.5
    spot = np.exp(-((pixels_x - centre[0]) ** 2 + (pixels_y[:, None] - centre[1]) ** 2) / (2 * 3**2))
    image = np.repeat((255 * spot).astype(np.uint8)[..., None], 3, 2)
    x, y = centre
    square = whole_px_square(np.array([x - 37, y - 25, x + 40, y + 33]), 1.1)
    crop = cut_square(image, square, crop_size)[..., 0].astype(float)
    pixels = np.arange(crop_size) + 0.5
    found = np.array([crop.sum(0) @ pixels, crop.sum(1) @ pixels]) / crop.sum()
    expected = apply_affine(crop_from_image(square, crop_size), np.array([centre]))[0]
    assert np.abs(found - expected).max() < 0.1


def test_shrinking_averages_and_does_not_alias():
    image = np.zeros((128, 128, 3), np.uint8)
    image[:, ::2] = 200  # stripes of one px
    crop = cut_square(image, np.array([64.0, 64.0, 128.0]), 32)
    assert (crop == 100).all()


@pytest.mark.parametrize("square", [(0, 0, 60), (160, 120, 61), (-200, 50, 20), (400, 400, 30), (80, 60, 500)])
def test_beyond_the_image_its_border_repeats(square):
    image = np.full((120, 160, 3), 77, np.uint8)
    crop = cut_square(image, whole_px_square(np.array([*square[:2], square[0] + square[2], square[1] + 9]), 1.0), 32)
    assert crop.shape == (32, 32, 3)
    assert (crop == 77).all()


def test_beyond_the_image_each_px_is_the_nearest_of_the_border():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (50, 70, 3), np.uint8)
    for _ in range(300):
        (x, y), side = rng.integers(-100, 120, 2), rng.integers(1, 90)
        rows, columns = (np.clip(np.arange(start, start + side), 0, most) for start, most in ((y, 49), (x, 69)))
        crop = cut_square(image, np.array([x + side / 2, y + side / 2, side]), side)
        np.testing.assert_array_equal(crop, image[rows[:, None], columns])


def test_frame_of_another_size_than_its_camera_is_refused():
    encoded = np.frombuffer(encode_png(np.zeros((50, 60, 3), np.uint8)), np.uint8)
    with pytest.raises(InputError, match="frame 0 has 60 x 50 px, its camera 61 x 50"):
        encode_crop(encoded, np.array([30.0, 30.0, 20.0]), 32, 90, (61, 50), "frame 0")


def test_a_box_is_stretched_to_the_crop():
    transform = crop_from_box(np.array([[10, 20, 30, 60], [0, 0, 8, 8]]), 8)
    corners = np.array([[[10, 20], [30, 60], [20, 50]], [[0, 0], [8, 8], [3, 4]]])
    assert apply_affine(transform, corners).tolist() == [[[0, 0], [8, 8], [4, 6]], [[0, 0], [8, 8], [3, 4]]]


def test_a_crop_of_the_right_size_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    assert encode_crop(jpeg, None, 32, 90, (32, 32), "crop") == jpeg.tobytes()
    for frame, size in ((np.frombuffer(encode_png(image), np.uint8), 32), (jpeg, 48)):
        made = np.frombuffer(encode_crop(frame, None, size, 90, (32, 32), "crop"), np.uint8)
        assert made[:2].tobytes() == b"\xff\xd8" and cv2.imdecode(made, 1).shape == (size, size, 3)


def test_a_stretched_crop_is_resized_whole():
    """Left half dark, of 20 x 40 px, to a square."""
    image = np.zeros((40, 20, 3), np.uint8)
    image[:, 10:] = 200
    made = np.frombuffer(encode_crop(image, None, 32, 95, (20, 40), "crop"), np.uint8)
    crop = cv2.imdecode(made, 1)
    assert crop.shape == (32, 32, 3)
    assert crop[:, :14].max() < 30 and crop[:, 18:].min() > 170


def test_a_crop_of_another_size_than_prepare_saw_is_refused():
    with pytest.raises(InputError, match="crop 2 has 20 x 40 px, when prepare ran it had 20 x 20: run prepare again"):
        encode_crop(np.zeros((40, 20, 3), np.uint8), None, 32, 95, (20, 20), "crop 2")


def test_transforms_of_all_crops(tmp_path):
    sequences = write_toy_data(tmp_path, n_frames=3)
    path = tmp_path / "data/crops.h5"
    with Crops(path, sequences) as crops:
        np.testing.assert_array_equal(read_crop_from_image(path, sequences), crops.crop_from_image)
    with create_hdf5(tmp_path / "none.h5"):
        pass
    assert read_crop_from_image(tmp_path / "none.h5", sequences) is None


def test_crops_of_several_sequences_sequences_stand_one_after_another(tmp_path):
    sequences = write_toy_data(tmp_path, n_frames=3)
    with (
        Crops(tmp_path / "data/crops.h5", sequences) as crops,
        Crops(tmp_path / "data/crops.h5", sequences[1:]) as rest,
    ):
        assert (len(crops), crops.size_px) == (9, 32)
        assert np.array_equal(crops.image_rgb(4), rest.image_rgb(1))
        assert np.array_equal(crops.keypoints_px[3:], rest.keypoints_px)
        box = sequences[0].boxes_px[2]
        side = round(1.25 * max(box[2:] - box[:2]))
        assert crops.box_sides_px[2] == pytest.approx(max(box[2:] - box[:2]) * 32 / side, rel=1e-5)
        x, y = crops.keypoints_px[0, 16].astype(int)  # drawn last, so nothing hides it
        assert crops.image_rgb(0)[y, x, 2] > 150  # its blue


def test_a_frame_step_takes_every_nth_crop_of_each_sequence(tmp_path):
    sequences = write_toy_data(tmp_path, n_frames=5)
    with (
        Crops(tmp_path / "data/crops.h5", sequences) as every,
        Crops(tmp_path / "data/crops.h5", sequences, frame_step=2) as second,
    ):
        taken = [0, 2, 4, 5, 7, 9, 10, 12, 14]
        assert len(second) == len(taken)
        np.testing.assert_array_equal(second.keypoints_px, every.keypoints_px[taken])
        np.testing.assert_array_equal(second.crop_from_image, every.crop_from_image[taken])
        np.testing.assert_array_equal(second.box_sides_px, every.box_sides_px[taken])
        for index, original in enumerate(taken):
            np.testing.assert_array_equal(second.image_rgb(index), every.image_rgb(original))


def test_crops_that_do_not_match_the_sequences_are_refused(tmp_path):
    write_toy_data(tmp_path / "few", n_frames=3)
    sequences = write_toy_data(tmp_path / "many", n_frames=4)
    with pytest.raises(InputError, match="4 crops of S1/Dots-1/cam0"):
        Crops(tmp_path / "few/data/crops.h5", sequences)
