from dataclasses import replace

import numpy as np
import pytest
from tiny_keypoints import person

from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.predict.given_keypoints import GivenPeople, VideoFacts, people_of
from pose3d.runtime.errors import InputError

KEYPOINTS, SCORES = person(30)
SIZE = (640, 480)


def file_of(frames=range(30), people=None, keypoints=KEYPOINTS, scores=SCORES, **known) -> KeypointFile:
    return keypoint_file("k.json", "COCO", list(frames), people, keypoints, scores, layout="coco17", **known)


def given(file: KeypointFile, **options) -> GivenPeople:
    return people_of(file, **{"fps": 25, "size_px": SIZE} | options)


def video(n_frames: int, rate_hz: float = 25.0) -> VideoFacts:
    return VideoFacts(*SIZE, np.arange(n_frames) / rate_hz)


def sentence(file: KeypointFile, **options) -> str:
    with pytest.raises(InputError) as caught:
        given(file, **options)
    return str(caught.value)


def test_what_nothing_says_is_asked_for():
    assert sentence(file_of(), fps=None) == ("k.json (COCO) does not say how many frames a second has: give --fps 30")
    assert sentence(file_of(), size_px=None) == (
        "k.json (COCO) does not say how large the picture is: give --size 1920x1080"
    )
    shares = file_of(keypoints=KEYPOINTS / SIZE)
    assert sentence(shares).startswith("k.json: no coordinate is above 0.875, so they are not px: give --normalised if")
    np.testing.assert_allclose(given(shares, normalised=True).keypoints_px, KEYPOINTS, rtol=1e-6)


def test_what_is_said_twice_must_agree():
    assert given(file_of(fps=25.0), fps=25).time_s[1] == 0.04
    assert sentence(file_of(fps=25.0), fps=30) == "k.json says 25 frames a second, --fps 30: leave --fps out"
    with_times = file_of(time_s=np.arange(30) / 25)
    assert sentence(with_times) == "--fps is not needed: k.json has the frames' times; leave it out"
    assert sentence(file_of(size_px=(1280, 720))) == (
        "k.json has a picture of 1280 x 720 px, --size says 640 x 480: give keypoints in px of this picture"
    )
    larger = file_of(size_px=(1280, 720))
    assert sentence(larger, video=video(30), fps=None, size_px=None).startswith(
        "the video has a picture of 640 x 480 px,"
    )
    assert sentence(file_of(), fps=0.0) == "--fps takes frames per second above 0 and up to 1000, not 0"
    assert sentence(file_of(normalised=False), normalised=True) == "k.json (COCO) is in px: leave --normalised out"
    assert sentence(file_of(), normalised=True).startswith("k.json: a coordinate is 420, so they are px")


def test_times_in_ms_are_doubted():
    with_times = [file_of(time_s=np.arange(30) * step_s) for step_s in (20, 2.0)]
    said = [given(file, fps=None).said for file in with_times]
    assert said == [("k.json: its frames lie 20 s apart: are its times in ms?",), ()]


def test_a_size_that_most_points_lie_outside_of_is_refused():
    assert sentence(file_of(), size_px=(200, 100)) == (
        "k.json: 100% of all points lie outside of the picture of 200 x 100 px, the first in frame 0 at (320, 90): "
        "give the size of the picture that the points were found in"
    )


def test_points_far_outside_of_the_picture_are_undetected_and_said():
    keypoints = KEYPOINTS.copy()
    keypoints[10, 9], keypoints[11, 9] = (9000, 200), (700, -30)  # a wrist; the second may well be out of sight
    people = given(file_of(keypoints=keypoints))
    assert people.said[0].startswith("k.json: 1 points lie farther outside of the picture than it is wide or high")
    assert "the first in frame 10 at (9000, 200)" in people.said[0]
    wrist = people.of(1).keypoints_px[:, 9]
    np.testing.assert_allclose(wrist[10], (wrist[9] + wrist[11]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(wrist[11], [700, -30])


def test_frames_keep_their_numbers_and_short_gaps_are_bridged():
    """Frames 0 to 9, 13 to 19 and 40 to 42 of 25 Hz: three are missing, then twenty."""
    frames = [*range(10), *range(13, 20), *range(40, 43)]
    file = file_of(frames, None, KEYPOINTS[:20], SCORES[:20])
    people = given(file)
    one = people.of(1)
    assert people.time_s[-1] == 42 / 25 and len(people.time_s) == 43
    assert np.flatnonzero(one.found).tolist() == [*range(20), *range(40, 43)]
    assert (one.confidence[10:13] == 0).all() and (one.trust[10:13] > 0).all()
    middle = (KEYPOINTS[9] + KEYPOINTS[10]) / 2  # of frames 9 and 13
    np.testing.assert_allclose(one.keypoints_px[11], middle, atol=1e-3)
    np.testing.assert_allclose(one.trust[11], np.minimum(SCORES[9], SCORES[10]), rtol=1e-6)
    assert np.isnan(one.keypoints_px[20:40]).all() and (one.trust[20:40] == 0).all()
    assert people.said == (
        "k.json: 23 frames between others are without anybody: 3 are bridged, in gaps of at most 0.25 s; 20 in 1 "
        "longer gaps are left out",
    )


def test_a_point_is_bridged_by_itself():
    scores = SCORES.copy()
    scores[3:8, 4] = 0  # 0.24 s from frame 2 to frame 8
    scores[10:20, 5] = 0
    one = given(file_of(scores=scores)).of(1)
    assert one.found.all()
    assert (one.trust[3:8, 4] > 0).all() and (one.confidence[3:8, 4] == 0).all()
    assert (one.trust[10:20, 5] == 0).all() and np.isnan(one.keypoints_px[10:20, 5]).all()


def test_frames_of_three_points_say_nothing_of_a_person():
    scores = SCORES.copy()
    scores[10:25, 3:] = 0
    scores[25:, 4:] = 0
    one = given(file_of(scores=scores)).of(1)
    assert np.flatnonzero(~one.found).tolist() == list(range(10, 25))
    with pytest.raises(InputError, match="k.json: person 1 never has 4 points at once: ask for another"):
        given(file_of(keypoints=KEYPOINTS[:, :3], scores=SCORES[:, :3])).of(1)


def test_more_and_fewer_frames_than_the_video_are_said():
    more = given(file_of(), video=video(20), fps=None)
    assert len(more.time_s) == 20 and more.frames[-1] == 19
    assert more.said == ("k.json has 30 frames, the video 20: 10 with keypoints past its end are left out",)
    fewer = given(file_of(), video=video(50), fps=None)
    assert len(fewer.time_s) == 50 and not fewer.of(1).found[30:].any()
    assert fewer.said == ("k.json has 30 frames, the video 50: nobody is in those that it lacks",)
    from_1 = given(file_of(range(1, 31)), video=video(30), fps=None)
    assert from_1.frames.tolist() == list(range(30))
    assert from_1.said == ("k.json: frames are numbered from 1, and taken as the video's 0 to 29",)
    assert given(file_of(range(1, 31)), video=video(40), fps=None).frames[0] == 1
    assert sentence(file_of(range(100, 130)), video=video(30), fps=None) == (
        "k.json: its first frame is 100, the video has 30: give this video's file"
    )


def test_times_are_the_videos_own():
    uneven = VideoFacts(*SIZE, np.cumsum(np.linspace(0.03, 0.05, 30)))
    np.testing.assert_array_equal(given(file_of(), video=uneven, fps=None).time_s, uneven.time_s)


def test_numbers_that_are_no_frames_of_a_video_are_refused():
    ids = np.linspace(139, 581_929, 30).astype(int)
    assert sentence(file_of(ids)) == (
        "k.json: its frames go from 139 to 581929 and 30 have anybody: they are not those of a video; number them one "
        "by one"
    )


def two_people(**known) -> KeypointFile:
    """Person 7 on the left, and person 3, half as large, on the right, who is seen in twelve frames."""
    small = (person(30)[0] - [320, 240]) / 2 + [500, 240]
    frames = [*range(30), *range(12)]
    points, scores = np.concatenate([KEYPOINTS, small[:12]]), np.concatenate([SCORES, SCORES[:12]])
    return file_of(frames, [7] * 30 + [3] * 12, points, scores, **known)


def test_numbers_that_begin_late_need_a_video_that_is_as_long():
    late = file_of(frames=range(1_000_000, 1_000_030))
    assert "frames go from 1000000 to 1000029 and 30 have anybody: they are not those of a video" in sentence(late)
    assert len(given(late, video=video(1_000_100), fps=None).time_s) == 1_000_100
    assert len(given(file_of(frames=range(5000, 5030))).time_s) == 5030


def test_people_are_chosen_by_the_files_numbers_or_from_the_left():
    people = given(two_people())
    assert people.has_ids and people.people() == [3, 7] and people.largest() == 7
    assert people.of(3).found.sum() == 12
    with pytest.raises(InputError) as caught:
        people.of(1)
    assert str(caught.value) == "k.json has no person 1 among its 2 (3, 7): ask for one of them"
    untracked = given(replace(two_people(), people=None))
    assert not untracked.has_ids and untracked.people() == [1, 2] and untracked.largest() == 1
    np.testing.assert_allclose(untracked.of(2).keypoints_px[:12], people.of(3).keypoints_px[:12])


def test_who_is_seen_for_a_moment_is_not_one_of_all():
    moment = two_people()
    moment = replace(moment, people=np.where(moment.frames < 4, moment.people, 7 + (moment.people == 3)))
    assert given(moment).people() == [7]
