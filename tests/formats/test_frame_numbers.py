"""Which of a name's digits are the frame's number."""

import pytest

from pose3d.formats.frame_numbers import NamedPictures, count_frames, frame_numbers, picture_frames
from pose3d.runtime.errors import InputError


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["frame0000_v2.png", "frame0001_v2.png", "frame0010_v2.png"], [0, 1, 10]),
        (["5_cam1_25fps.jpg", "12_cam1_25fps.jpg"], [5, 12]),
        (["cam1_0005.png", "cam1_0012.png"], [5, 12]),
        (["2024/clip3_0005_keypoints.json", "2025/clip3_0006_keypoints.json"], [5, 6]),
        (["take1_7.png", "take2_9.png"], [7, 9]),  # two vary
        (["a2_7.png", "b2_9.png"], [7, 9]),  # of two forms
        (["frame0007_v2.png"], [2]),  # alone it does not say
        (["f7_v2.png", "f8_v2.png", "f7_v2.png"], [7, 8, 7]),
    ],
)
def test_it_is_the_only_digits_that_vary_or_else_the_last(names, numbers):
    assert frame_numbers("k.json", names) == numbers


@pytest.mark.parametrize(
    "names", [["cam0_1.png", "cam1_1.png", "cam0_2.png"], ["a/1.png", "b/1.png"], ["1.png", "01.png"]]
)
def test_two_names_of_one_number_are_refused(names):
    with pytest.raises(InputError, match=r"^k\.json: .* are both frame 1: give one file for each video$"):
        frame_numbers("k.json", names)


@pytest.mark.parametrize("name", ["walk.png", "", "1" * 16 + ".png"])
def test_a_name_without_a_number_is_refused(name):
    with pytest.raises(
        InputError, match=r"^k\.json: the name .* has no frame's number: name pictures by their frames$"
    ):
        frame_numbers("k.json", [name, "walk.jpg"])


def test_a_sign_in_a_name_is_none_of_a_number():
    assert frame_numbers("k.json", ["photo 7#.png", "photo 8.png"]) == [7, 8]
    with pytest.raises(InputError, match="the name 'photo #.jpg' has no frame's number"):
        frame_numbers("k.json", ["photo 1.jpg", "photo #.jpg"])


@pytest.mark.parametrize(
    "in_order",
    [
        ["09_00_58.png", "09_00_59.png", "09_01_00.png", "09_01_01.png"],
        ["12-59-58_600.png", "12-59-58_920.png", "12-59-59_600.png"],
        ["t0.96.png", "t1.00.png", "t1.04.png", "t1.96.png"],
        ["t0.png", "t0.04.png", "t0.1.png", "t1.png"],
        ["t0.04.png", "t0.1.png", "t0.12.png", "t0.4.png"],
        ["2024-05-01T12-30-59.960.png", "2024-05-01T12-31-00.000.png"],
        ["t0.96_keypoints.json", "t1.00_keypoints.json"],
        ["a.png", "b.png", "c.png"],
        [f"{1_700_000_000_000 + 40 * row}.png" for row in range(3)],
    ],
)
def test_names_that_count_no_frames_are_in_the_order_of_a_folder(in_order):
    backwards = [*reversed(in_order), in_order[0]]
    frames, pictures = picture_frames("k.json", backwards)
    assert frames == [*reversed(range(len(in_order))), 0]
    stems = [name.removesuffix("_keypoints.json").removesuffix(".png") for name in in_order]
    assert pictures == NamedPictures(dict(enumerate(stems)), counted=False)


def test_names_that_count_frames_keep_their_numbers():
    walk = NamedPictures({12: "walk_12", 7: "walk_7"}, counted=True)
    assert picture_frames("k.json", ["walk_12.png", "walk_7.png"]) == ([12, 7], walk)
    assert picture_frames("k.json", ["t1.8.png", "t1.9.png", "t1.11.png"])[0] == [8, 9, 11]
    of_video = NamedPictures({12: "12"}, counted=True)  # by AlphaPose
    assert picture_frames("k.json", ["12.jpg"] * 2) == ([12] * 2, of_video)
    assert count_frames(["cut.0001", "cut.0002"]) and not count_frames(["a\0", "a01"])


@pytest.mark.parametrize("name", ["photo", "photo_12", "IMG_20240501_123456"])
def test_a_single_picture_is_frame_0(name):
    assert picture_frames("k.json", [f"{name}.jpg"] * 2) == ([0, 0], NamedPictures({0: name}, counted=False))


def test_pictures_of_two_videos_are_refused():
    with pytest.raises(InputError, match="^k.json has pictures 'a/1_2.png' and 'b/1_2.png': give one file for each"):
        picture_frames("k.json", ["a/1_2.png", "b/1_2.png", "a/2_1.png"])


def test_folders_of_pictures_are_known():
    of_two = picture_frames("k.json", ["b/1.png", "a/2.png", r"b\3.png"])[1]
    assert (of_two.names, of_two.folders) == ({1: "1", 2: "2", 3: "3"}, ("b", "a"))
    assert picture_frames("k.json", ["a/x.png", "b/y.png"])[1].folders == ("a", "b")


def test_names_of_equal_numbers_are_told_apart_by_a_folder_alone():
    frames, pictures = picture_frames("k.json", ["walk_1.png", "walk_2.png", "run_1.png"])
    assert frames == [1, 2, 0] and pictures.names == {0: "run_1", 1: "walk_1", 2: "walk_2"}
    assert pictures.alike == (
        "k.json: 'walk_1.png' and 'run_1.png' are both frame 1: give one file for each video, or --video with the "
        "folder that has these pictures"
    )
