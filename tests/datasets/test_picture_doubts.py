from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, detect, take

from pose3d.datasets.picture_doubts import PictureDoubts
from pose3d.records.keypoints2d import Keypoints2D

SIZE_PX = 1000


def said_of(seen):
    doubts = PictureDoubts()
    for sequence, detected in seen:
        doubts.note(sequence, detected)
    return doubts.sentences()


def changed(seen, change):
    return [(one, Keypoints2D(change(found.keypoints_px), found.confidence)) for one, found in seen]


@pytest.fixture(scope="module")
def seen():
    sequences = [one for action in ("Walk-1", "Walk-2") for one in take("S5", action, 20, camera_ring(4))]
    return list(zip(sequences, detect(sequences, 3), strict=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda px: px * [1, -1] + [0, SIZE_PX], "S5: the person stands on the head all the time, in 8 of 8 sequences"),
        (lambda px: px[..., ::-1], "S5: the person lies all the time, in 8 of 8 sequences without 3D: do the 2D"),
        (
            lambda px: px[:, [*range(11), 14, 15, 16, 11, 12, 13]],
            "S5: left and right shoulder lie the other way round than left and right hip, in ",
        ),
        (lambda px: px / 2, "S5: all 2D keypoints lie in the upper left quarter of the picture: were they found"),
    ],
)
def test_keypoints_of_another_picture_are_asked_about(seen, change, said):
    (sentence,) = [one for one in said_of(changed(seen, change)) if one.startswith(said)]
    assert "\n" not in sentence


def test_honest_keypoints_bring_no_question(seen):
    assert said_of(seen) == []
    # Handstands in a quarter of the sequences, somebody in the upper left corner in half of them.
    handstands = changed(seen[:2], lambda px: 2 * px.mean((0, 1)) - px)
    corner = changed(seen[2:6], lambda px: px - px.mean((0, 1)) + [250, 250])
    assert said_of([*handstands, *corner, *seen[6:]]) == []
    assert said_of(changed(seen[:1], lambda px: px / 2)) == []  # 20 frames say nothing


def test_a_camera_that_lies_on_its_side_is_no_turned_picture(seen):
    quarter = np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]])  # the picture's up is to its right
    turned = [
        (
            replace(one, camera=replace(one.camera, rotation=quarter @ one.camera.rotation)),
            Keypoints2D((found.keypoints_px - 500) @ quarter[:2, :2].T + 500, found.confidence),
        )
        for one, found in seen
    ]
    assert said_of(turned) == []
