from types import SimpleNamespace

import numpy as np
import pytest
from bright_people import Finder
from tiny_video import picture, write_video

from pose3d.formats.clip import Clip
from pose3d.geometry.camera import Camera
from pose3d.predict import pipeline
from pose3d.predict.given_boxes import GivenBoxes
from pose3d.predict.pipeline import find_keypoints, find_people, mark_beyond_lens
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError
from pose3d.runtime.rows import Rows


def sure_everywhere(images_bgr, boxes_px):
    """The box's middle is every joint."""
    middle = (boxes_px[:, None, :2] + boxes_px[:, None, 2:]) / 2
    return Keypoints2D(np.repeat(middle, 17, 1).astype(np.float32), np.full((len(boxes_px), 17), 0.9, np.float32))


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "v.mp4", [picture(64, 48, (20, 10, 30, 40), seed) for seed in range(21)])


def test_given_boxes_go_to_their_own_frames(tmp_path, video):
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,0,0,10,20\n20,40,20,50,40\n")
    with Clip(video) as clip:
        found = find_keypoints("v", clip, sure_everywhere, GivenBoxes(tmp_path / "b.csv", 64, 48))
    np.testing.assert_allclose(found["time_s"][:], np.arange(21) / 25, atol=1e-6)
    np.testing.assert_allclose(found["boxes_px"][10:11], [[20, 10, 30, 30]])
    np.testing.assert_allclose(found["keypoints_px"][10:11][0, 3], [25, 20])
    assert found["found"][:].all()


def test_keypoints_beyond_the_fold_of_a_lens_are_marked_and_said_once(capsys):
    intrinsics_px = [[1000, 0, 960], [0, 1000, 540], [0, 0, 1]]
    lens = Camera("c", 1920, 1080, intrinsics_px, [-0.35, 0, 0, 0, 0], np.eye(3), np.zeros(3))
    seen = {"keypoints_px": Rows(None, (17, 2)), "confidence": Rows(None, (17,))}
    px = np.full((5, 17, 2), 500, np.float32) + np.arange(17)[:, None]
    px[2, [4, 9]] = 0
    seen["keypoints_px"].append(px)
    seen["confidence"].append(np.full((5, 17), 0.5))
    mark_beyond_lens("v.mp4", lens, seen)
    assert capsys.readouterr().err.startswith("v.mp4: 2 keypoints lie where the camera's distortion shows nothing")
    np.testing.assert_array_equal(np.argwhere(seen["confidence"][:] == 0), [[2, 4], [2, 9]])
    np.testing.assert_allclose(seen["keypoints_px"][:], px[[0, 1, 1, 3, 4]])
    mark_beyond_lens("v.mp4", lens, seen)
    assert capsys.readouterr().err == ""


def nobody(images_bgr, boxes_px):
    found = sure_everywhere(images_bgr, boxes_px)
    return Keypoints2D(found.keypoints_px, found.confidence * 0.1)


def test_boxes_with_nobody_in_them_are_an_error(tmp_path, video):
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,0,0,10,20\n")
    boxes = GivenBoxes(tmp_path / "b.csv", 64, 48)
    with Clip(video) as clip, pytest.raises(InputError, match="no person is found in v.mp4: the boxes must lie around"):
        find_keypoints("v.mp4", clip, nobody, boxes)


def test_a_box_of_some_px_holds_nobody(tmp_path, video):
    (tmp_path / "b.csv").write_text("frame,x0,y0,x1,y1\n0,0,0,10,20\n19,0,0,10,20\n20,5,5,8,14\n")
    with Clip(video) as clip:
        found = find_keypoints("v", clip, sure_everywhere, GivenBoxes(tmp_path / "b.csv", 64, 48))
    assert np.flatnonzero(~found["found"][:]).tolist() == [20]


class Everywhere:
    def at(self, frames):
        return np.tile([0, 0, 64, 48], (len(frames), 1))


def test_frames_without_anybody_are_marked(video):
    shown = iter(range(21))

    def gone_in_the_middle(images_bgr, boxes_px):
        seen = sure_everywhere(images_bgr, boxes_px)
        here = [next(shown) not in range(8, 12) for _ in images_bgr]
        return Keypoints2D(seen.keypoints_px, np.where(here, 1, 0.1)[:, None] * seen.confidence)

    with Clip(video) as clip:
        found = find_keypoints("v.mp4", clip, gone_in_the_middle, Everywhere())["found"][:]
    np.testing.assert_array_equal(np.flatnonzero(~found), range(8, 12))


def test_a_wrong_number_of_frames_is_mentioned(video, capsys):
    with Clip(video) as clip:
        clip.claimed_frames = 30
        find_keypoints("v.mp4", clip, sure_everywhere, Everywhere())
    assert "v.mp4: 21 frames decode, up to 0.80 s; its header has 30: if it plays on" in capsys.readouterr().err


@pytest.fixture
def three(tmp_path):
    """Three people who stand, the one in the middle only after the first two frames."""

    def image(frame):
        image = picture(320, 240, (20, 60, 60, 180), frame)
        image[40:220, 240:300] = 220
        if frame >= 2:
            image[80:170, 130:160] = 220
        return image

    return write_video(tmp_path / "v.mp4", [image(frame) for frame in range(30)])


def test_everybody_is_followed(three):
    with Clip(three) as clip:
        found = find_people("v.mp4", clip, Finder())
    assert list(found.people()) == [0, 1, 2]
    assert found.largest() == 1
    rows = found.of(2)
    assert not rows["found"][:][:2].any() and rows["found"][:][10:].all()
    np.testing.assert_allclose(rows["boxes_px"][:][-1], [130, 80, 160, 170], atol=2)
    np.testing.assert_allclose(rows["time_s"][:], np.arange(30) / 25, atol=1e-6)


def test_a_number_that_nobody_has_is_refused_before_the_video_is_seen(three):
    finder = Finder()
    with Clip(three) as clip, pytest.raises(InputError) as caught:
        find_people("v.mp4", clip, finder, person=7)
    assert str(caught.value) == (
        "person 7 was asked for, 2 can be seen where people first appear: ask for a lower number, or give --boxes"
    )
    assert len(finder.searched) <= 27  # of 30: those of the second in which people are looked for backwards


@pytest.mark.parametrize(("person", "refused"), [(1, False), (2, False), (3, True)])
def test_who_was_put_into_the_first_frames_afterwards_is_not_counted(video, monkeypatch, person, refused):
    """Persons 0 and 1 are found together in the third frame; 1 and 3 are found backwards in frames before."""

    class Follower:
        tracker, camera_path = SimpleNamespace(same_people=dict), SimpleNamespace(at_rest=True)

        def __init__(self, *_):
            pass

        def follow(self, frames):
            for frame, numbers in zip(frames, ([3], [1, 3], [0, 1, 3]), strict=False):
                boxes_px = np.tile([10.0, 10, 30, 40], (len(numbers), 1))
                seen = sure_everywhere([], boxes_px)
                yield frame, np.array(numbers), SimpleNamespace(boxes_px=boxes_px, **vars(seen))

    monkeypatch.setattr(pipeline, "PeopleFollower", Follower)
    with Clip(video) as clip:
        if refused:
            with pytest.raises(InputError, match="^person 3 was asked for, 2 can be seen where people first appear"):
                find_people("v.mp4", clip, Finder(), person)
        else:
            assert find_people("v.mp4", clip, Finder(), person).of(person - 1)["found"][:][2]


def test_a_video_without_anybody(tmp_path):
    video = write_video(tmp_path / "v.mp4", [picture(64, 48, None, seed) for seed in range(9)])
    with Clip(video) as clip:
        found = find_people("v.mp4", clip, Finder())
    assert found.people() == {} and found.largest() is None
    assert len(found.time_s) == 9
