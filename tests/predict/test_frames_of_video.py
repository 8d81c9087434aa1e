import numpy as np
import pytest

from pose3d.predict.frames_of_video import in_video
from pose3d.runtime.errors import InputError


def moved(frames, n_video, numbers=None, listed=None):
    frames = np.array(frames)
    listed = listed or (int(frames[0]), int(frames[-1]))
    result, said = in_video("k.json", frames, listed, n_video, None if numbers is None else np.array(numbers))
    return result.tolist(), len(said)


def test_numbers_from_0_and_from_1():
    assert moved([0, 1, 2], 3) == ([0, 1, 2], 0)
    assert moved([1, 2, 3], 3) == ([0, 1, 2], 1)
    assert moved([1, 2], 3, listed=(1, 3)) == ([0, 1], 1)  # nobody in the last
    assert moved([1, 2], 3, listed=(0, 3)) == ([1, 2], 0)
    assert moved([2, 5], 4) == ([2, 5], 0)


def test_one_frame_and_one_picture_go_together():
    assert moved([397_133], 1) == ([0], 1)
    assert moved([397_133], 2) == ([397_133], 0)
    assert moved([37, 38], 1) == ([37, 38], 0)
    assert moved([37, 37], 1) == ([0, 0], 1)  # of two people


@pytest.mark.parametrize(
    ("frames", "numbers", "expected"),
    [
        ([0, 2, 4], [0, 2, 4], ([0, 1, 2], 1)),
        ([4], [0, 2, 4], ([2], 1)),
        ([31, 32], [30, 31, 32], ([1, 2], 1)),
        ([1, 2], [1, 2, 3], ([0, 1], 1)),
        ([0, 1, 2], [30, 31, 32], ([0, 1, 2], 0)),
        ([0, 1, 2, 3, 4], [1, 2, 3], ([0, 1, 2, 3, 4], 0)),
        ([0, 1, 2], [0, 1, 2], ([0, 1, 2], 0)),
        ([1, 2, 3], [30, 31, 32], ([0, 1, 2], 1)),
        ([0], [42], ([0], 0)),
        ([1], [42], ([0], 1)),
        ([42], [42], ([0], 1)),
        ([37], [42], ([0], 1)),  # an id of COCO's
    ],
)
def test_numbers_in_the_names_of_pictures(frames, numbers, expected):
    assert moved(frames, len(numbers), numbers) == expected


def test_more_frames_than_pictures_of_other_numbers():
    for numbers in ([30, 31, 32], [0, 1, 3]):
        with pytest.raises(InputError, match=r"^k\.json: frame \d is none of the pictures, whose names have numbers"):
            moved([0, 1, 2, 3], 3, numbers)
