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
    seen = [(replace(one, action=f"Walk-{n}"), found) for n, (one, found) in enumerate(seen)]  # each of one camera
    handstands = changed(seen[:2], lambda px: 2 * px.mean((0, 1)) - px)
    corner = changed(seen[2:6], lambda px: px - px.mean((0, 1)) + [250, 250])
    assert said_of([*handstands, *corner, *seen[6:]]) == []
    assert said_of(changed(seen[:1], lambda px: px / 2)) == []  # 20 frames say nothing


def turned_by(rotation, camera):
    return replace(camera, rotation=rotation @ camera.rotation, translation_m=rotation @ camera.translation_m)


def test_a_camera_that_lies_on_its_side_is_no_turned_picture(seen):
    quarter = np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]])  # the picture's up is to its right
    turned = [
        (
            replace(one, camera=turned_by(quarter, one.camera)),
            Keypoints2D((found.keypoints_px - 500) @ quarter[:2, :2].T + 500, found.confidence),
        )
        for one, found in seen
    ]
    assert said_of(turned) == []


def test_views_whose_lines_of_sight_do_not_meet_are_asked_about(seen):
    """The third of four views is of a picture half as large."""
    smaller = changed(seen, lambda px: px / 2)
    (said,) = said_of([smaller[n] if n % 4 == 2 else one for n, one in enumerate(seen)])
    assert said.startswith("S5: lines of sight of cameras cam") and "cam2" in said
    assert (
        "as do those of 2 other pairs of cameras: is each view its camera's own, in px of its picture, and of" in said
    )
    assert said_of([smaller[n] if n == 2 else one for n, one in enumerate(seen)]) == []  # in one of two takes
    shorter = [
        Keypoints2D(found.keypoints_px[: 12 + n], found.confidence[: 12 + n]) for n, (_, found) in enumerate(seen)
    ]
    assert said_of([(one, found) for (one, _), found in zip(seen, shorter, strict=True)]) == []
