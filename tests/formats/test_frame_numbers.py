"""Which of a name's digits are the frame's number."""

import pytest

from pose3d.formats.frame_numbers import frame_numbers
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
