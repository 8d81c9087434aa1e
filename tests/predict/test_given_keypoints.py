from dataclasses import replace

import numpy as np
import pytest
from tiny_keypoints import person

from pose3d.formats.frame_numbers import NamedPictures
from pose3d.formats.keypoints import KeypointFile, keypoint_file
from pose3d.geometry.layouts import layout
from pose3d.predict.given_keypoints import GivenPeople, VideoFacts, enough_points, people_of
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


def test_shares_that_go_both_ways_are_asked_about():
    """As OpenPose's --keypoint_scale 4 has them: of 17 points of somebody at the lower right 7 have y below 0."""
    from_middle = KEYPOINTS / SIZE * 2 - 1
    right = from_middle + [0.3, 0.2]
    remedy = "if they go from -1 to 1, make them (x + 1) / 2 and (y + 1) / 2 first"
    assert sentence(file_of(keypoints=right)).endswith(f" the picture's width and height; {remedy}")
    people = given(file_of(keypoints=right), normalised=True)
    assert people.said == (f"k.json: 21% of the coordinates that are surely detected are below 0: {remedy}",)
    assert sentence(file_of(keypoints=from_middle - [0.3, 0]), normalised=True).endswith(
        f": give shares of its width and height; {remedy}, or (y / 0.75 + 1) / 2 if y goes from -0.75 to 0.75 "
        "(VideoPose3D, MotionBERT)"
    )
    assert given(file_of(keypoints=(right + 1) / 2), normalised=True).said == ()


def test_y_in_half_widths_is_asked_about():
    """VideoPose3D's px / w * 2 - [1, h / w]: in a picture of 480 x 640 px y goes from -1.33 to 1.33."""
    upright = KEYPOINTS[..., ::-1]  # x from 84 to 420 px of 480, y from 266 to 374 px of 640
    upright = upright + [0, 250]  # to 624 px: 0.95 of half heights, 1.27 of half widths
    shares = upright / 480 * 2 - [1, 640 / 480]
    by_width = "if x goes from -1 to 1, make them (x + 1) / 2 and (y / 1.333 + 1) / 2 first"
    assert sentence(file_of(keypoints=shares), size_px=(480, 640)).endswith(f"width and height; {by_width}")
    right = shares.copy()
    right[..., 0], right[..., 1] = (shares[..., 0] + 1) / 2, (shares[..., 1] / (4 / 3) + 1) / 2
    np.testing.assert_allclose(right * [480, 640], upright)
    assert given(file_of(keypoints=right), normalised=True, size_px=(480, 640)).said == ()


def test_people_who_lean_out_of_the_picture_have_shares_of_it():
    """On its left: elbow and wrist, and then hip and knee as well, where a detector guesses."""
    assert given(file_of(keypoints=KEYPOINTS / SIZE - [0.45, 0]), normalised=True).said == ()
    farther = KEYPOINTS / SIZE - [0.48, 0]
    scores = np.where(farther[..., 0] < 0, 0.2, SCORES)
    assert given(file_of(keypoints=farther, scores=scores), normalised=True).said == ()


def test_times_in_ms_are_doubted():
    with_times = [file_of(time_s=np.arange(30) * step_s) for step_s in (20, 2.0)]
    said = [given(file, fps=None).said for file in with_times]
    assert said == [("k.json: its frames lie 20 s apart: are its times in ms?",), ()]


def test_a_size_that_most_points_lie_outside_of_is_refused():
    assert sentence(file_of(), size_px=(200, 100)) == (
        "k.json: 100% of all points lie outside of the picture of 200 x 100 px, the first in frame 0 at (320, 90): "
        "give the size of the picture that the points were found in"
    )


OF_ANOTHER_SIZE = {
    "a larger picture": (
        KEYPOINTS * 1.5,
        "k.json: 24% of the points that are surely detected lie outside of the picture of 640 x 480 px, the first in "
        "frame 0 at (510, 510): were they found in a larger picture? Give px of this one",
    ),
    "a smaller picture": (
        KEYPOINTS / 2,
        "k.json: all people stay in the upper left quarter of the picture of 640 x 480 px: were they found in a "
        "smaller picture, or in a crop? Then give px of this one",
    ),
    "per cent": (
        KEYPOINTS * 100 / SIZE,
        "k.json: no coordinate is above 87.5 in the picture of 640 x 480 px: are they per cent? Then divide them by "
        "100 and give --normalised",
    ),
}


@pytest.mark.parametrize("name", OF_ANOTHER_SIZE)
def test_px_of_another_picture_are_asked_about(name):
    """Of 17 points knees and ankles lie at y = 510 and 630 of 480: four."""
    keypoints, question = OF_ANOTHER_SIZE[name]
    assert given(file_of(keypoints=keypoints)).said == (question,)
    assert given(file_of(keypoints=keypoints), video=video(30), fps=None, size_px=None).said == (question,)
    assert given(file_of(keypoints=keypoints, size_px=SIZE), size_px=None).said == ()  # the file itself says so


def test_people_at_the_edge_and_in_a_corner_are_not_asked_about():
    below = KEYPOINTS + [0, 250]  # wrists, hips and legs lie outside, where a detector guesses
    unsure = np.where(below[..., 1] > 480, 0.2, SCORES)
    assert given(file_of(keypoints=below, scores=unsure)).said == ()
    leaving = KEYPOINTS + np.linspace(0, 80, 30)[:, None, None] * [
        0,
        1,
    ]  # at last ankles are outside
    assert given(file_of(keypoints=leaving)).said == ()
    corner = KEYPOINTS / 4
    assert given(file_of(range(12), keypoints=corner[:12], scores=SCORES[:12])).said == ()  # a moment
    walking = corner + np.linspace(0, 300, 30)[:, None, None] * [1, 0]
    assert given(file_of(keypoints=walking)).said == ()
    assert given(file_of(keypoints=below / SIZE), normalised=True).said == ()  # shares are of any size


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


def test_frames_of_three_points_or_of_a_face_say_nothing_of_a_person():
    scores = SCORES.copy()
    scores[10:18, 3:] = 0  # nose and eyes
    scores[18:25, 5:] = 0  # and ears
    scores[25:, 7:] = 0  # and shoulders
    one = given(file_of(scores=scores)).of(1, layout("coco17"))
    assert np.flatnonzero(~one.found).tolist() == list(range(10, 25))
    with pytest.raises(InputError) as caught:
        given(file_of(keypoints=KEYPOINTS[:, :3], scores=SCORES[:, :3])).of(1)
    sentence = "k.json: person 1 never has 4 points, 2 of them joints below the head, at once: ask for another"
    assert str(caught.value) == sentence
    with pytest.raises(InputError) as caught:
        given(file_of(scores=np.where(np.arange(17) < 5, SCORES, 0))).of(1, layout("coco17"))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "seen", "enough"),
    [
        ("coco17", ["nose", "left_eye", "left_ear", "left_shoulder"], False),
        ("coco17", ["left_hip", "left_knee", "left_ankle", "right_ankle"], True),
        ("halpe26", ["Nose", "LEye", "Head", "Neck"], False),
        ("halpe26", ["LAnkle", "RAnkle", "LBigToe", "RHeel"], True),
        ("mpii16", ["thorax", "upper_neck", "head_top", "left_shoulder"], True),
        ("h36m17", ["Hip", "RHip", "RKnee", "RFoot"], False),
    ],
)
def test_two_joints_below_the_head_are_needed(name, seen, enough):
    of_points = layout(name)
    assert enough_points(np.isin(of_points.points, seen), of_points) == enough
    assert enough_points(np.ones(len(of_points), bool), of_points)


def test_a_face_that_is_near_is_nobody_who_can_be_lifted():
    """Person 4's face takes up more of the picture than person 7."""
    face = np.where(np.arange(17)[:, None] < 5, (KEYPOINTS - [320, 88]) * 20 + [320, 240], 0)
    points, scores = np.concatenate([KEYPOINTS, face]), np.concatenate([SCORES, SCORES])
    people = given(file_of([*range(30)] * 2, [7] * 30 + [4] * 30, points, scores))
    assert people.people(layout("coco17")) == [7] and people.largest(layout("coco17")) == 7


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


def test_the_last_of_frames_that_are_numbered_from_1_may_be_empty():
    """Frames 1 to 30 with nobody in the last; 0 to 30 with nobody in the first and the last are one more than shown."""
    seen = KEYPOINTS[:29], SCORES[:29]
    from_1 = given(file_of(range(1, 30), None, *seen, n_frames=31, first_frame=1), video=video(30), fps=None)
    assert from_1.frames.tolist() == list(range(29))
    assert from_1.said == ("k.json: frames are numbered from 1, and taken as the video's 0 to 29",)
    from_0 = given(file_of(range(1, 30), None, *seen, n_frames=31), video=video(30), fps=None)
    assert from_0.frames.tolist() == list(range(1, 30))
    assert from_0.said == ("k.json has 31 frames, the video 30: 0 with keypoints past its end are left out",)


def of_places(names) -> NamedPictures:
    return NamedPictures(dict(enumerate(names)), counted=False)


def of_pictures(numbers) -> VideoFacts:
    return replace(video(len(numbers)), picture_numbers=np.array(numbers))


def test_keypoints_go_to_the_pictures_of_the_same_numbers():
    every_other = given(file_of(range(0, 60, 2)), video=of_pictures(range(0, 60, 2)), fps=None)
    assert every_other.frames.tolist() == list(range(30))
    assert every_other.said == (
        "k.json: frames are numbered as the pictures are, from 0 to 58: equal numbers go together",
    )
    some = given(file_of(range(40, 50), None, KEYPOINTS[:10], SCORES[:10]), video=of_pictures(range(30, 60)), fps=None)
    assert some.frames.tolist() == list(range(10, 20)) and len(some.time_s) == 30
    late = given(file_of(range(5_000_000, 5_000_030)), video=of_pictures(range(5_000_000, 5_000_030)), fps=None)
    assert late.frames.tolist() == list(range(30))
    assert given(file_of(), video=of_pictures(range(30)), fps=None).said == ()
    ids = file_of(np.linspace(3, 581_929, 30).astype(int))
    assert "they are not those of a video" in sentence(ids, video=of_pictures(range(1, 61)), fps=None)


def test_frames_from_0_go_to_the_pictures_in_their_order():
    """Of arrays of pictures that are numbered from 1, and of every other picture."""
    late = file_of(range(1, 30), None, KEYPOINTS[1:], SCORES[1:], n_frames=30)
    for numbers in (range(1, 31), range(0, 60, 2), range(30, 60)):
        assert given(file_of(n_frames=30), video=of_pictures(numbers), fps=None).frames.tolist() == list(range(30))
        assert given(late, video=of_pictures(numbers), fps=None).frames.tolist() == list(range(1, 30))
    assert given(file_of(n_frames=30), video=of_pictures(range(1, 30)), fps=None).said == (
        "k.json has 30 frames, the video 29: 1 with keypoints past its end are left out",
    )


def test_keypoints_go_to_the_pictures_of_the_same_names():
    """Thirty pictures of a clock that goes into the next minute, and keypoints of some of them."""
    names = tuple(f"09_{second // 60:02d}_{second % 60:02d}" for second in range(40, 70))
    folder = replace(video(30), picture_names=names)
    seen = [3, 19, 20, 29]
    some = file_of(range(4), None, KEYPOINTS[seen], SCORES[seen], pictures=of_places(names[place] for place in seen))
    people = given(some, video=folder, fps=None)
    assert people.frames.tolist() == seen
    assert people.said[0] == "k.json: keypoints go to the pictures of equal names"
    # In an order that is not the folder's, and with one that it lacks.
    others = file_of(
        range(4), [5] * 4, KEYPOINTS[:4], SCORES[:4], pictures=of_places([names[20], "09_02_00", names[3], names[4]])
    )
    people = given(others, video=folder, fps=None)
    assert people.frames.tolist() == [3, 4, 20]
    np.testing.assert_allclose(people.keypoints_px, KEYPOINTS[[2, 3, 0]], atol=1e-3)
    assert (
        "k.json: the folder lacks 1 of its pictures, the first '09_02_00': their keypoints are left out" in people.said
    )


def test_names_decide_in_a_folder_of_several_series():
    """The second of two cameras, from its fifth picture on, and then a picture that the folder lacks."""
    series = [f"cam{camera}_{number:04d}" for camera in (1, 2) for number in range(20)]
    folder = replace(video(40), picture_names=tuple(series))
    counted = NamedPictures({number: f"cam2_{number:04d}" for number in range(5, 15)}, counted=True)
    some = file_of(range(5, 15), None, KEYPOINTS[:10], SCORES[:10], pictures=counted)
    people = given(some, video=folder, fps=None)
    assert people.frames.tolist() == list(range(25, 35))
    assert people.said == ("k.json: keypoints go to the pictures of equal names",)
    counted = NamedPictures({number: f"cam2_{number:04d}" for number in range(11, 21)}, counted=True)
    some = file_of(range(11, 21), None, KEYPOINTS[:10], SCORES[:10], pictures=counted)
    people = given(some, video=folder, fps=None)
    assert people.frames.tolist() == list(range(31, 40)) and "lacks 1 of its pictures" in people.said[1]


def test_names_of_equal_numbers_need_the_folder_of_their_pictures():
    both = [f"{side}_{number}" for number in range(15) for side in ("left", "right")]
    one_file = file_of(pictures=replace(of_places(sorted(both)), alike="k.json: two are both frame 0: give one"))
    assert sentence(one_file) == sentence(one_file, video=video(30), fps=None) == one_file.pictures.alike
    folder = replace(video(30), picture_names=tuple(both))
    assert given(one_file, video=folder, fps=None).frames.tolist() == list(range(30))


def test_pictures_of_several_folders_are_said_where_no_folder_has_them():
    names = tuple(f"img{number:03d}" for number in range(30))
    file = file_of(pictures=NamedPictures(dict(enumerate(names)), counted=True, folders=("walk", "run")))
    assert given(file).said == (
        "k.json names pictures of several folders, 'walk' and 'run': all are taken as one video; give one file for "
        "each if they are several",
    )
    folder = replace(of_pictures(range(30)), picture_names=names)
    assert given(file, video=folder, fps=None).said == ("k.json: keypoints go to the pictures of equal names",)


def test_names_may_be_written_otherwise_where_that_is_clear():
    counted = NamedPictures({number: f"CAM2_{number:04d}" for number in range(15)}, counted=True)
    one_series = file_of(range(15), None, KEYPOINTS[:15], SCORES[:15], pictures=counted)
    series = [f"{word}_{number:04d}" for word in ("cam1", "Cam2") for number in range(15)]
    people = given(one_series, video=replace(video(30), picture_names=tuple(series)), fps=None)
    assert people.frames.tolist() == list(range(15, 30))
    counted = NamedPictures({number: f"cam2_{number}" for number in range(15)}, counted=True)
    without_zeros = replace(one_series, pictures=counted)
    people = given(without_zeros, video=replace(video(30), picture_names=tuple(series)), fps=None)
    assert people.frames.tolist() == list(range(15, 30))
    both = [f"{word}_{number:04d}" for word in ("CAM2", "cam2") for number in range(15)]
    people = given(one_series, video=replace(video(30), picture_names=tuple(both)), fps=None)
    assert people.frames.tolist() == list(range(15))


def test_pictures_of_another_folder_are_said():
    """Their numbers alone do not say which of two series they are of; those of one do."""
    counted = NamedPictures({number: f"walk_{number}" for number in range(30)}, counted=True)
    series = tuple(f"cam{camera}_{number}" for camera in (1, 2) for number in range(15))
    people = given(file_of(pictures=counted), video=replace(video(30), picture_names=series), fps=None)
    assert people.said == (
        "k.json: the folder has none of its pictures, the first 'walk_0': their numbers are taken as places in "
        "the folder",
    )
    one = replace(of_pictures(range(30)), picture_names=tuple(f"img{number}" for number in range(30)))
    assert given(file_of(pictures=counted), video=one, fps=None).said == ()


def test_numbers_decide_where_names_are_others():
    """All of them, or after the ninth."""
    folder = replace(of_pictures(range(1, 31)), picture_names=tuple(f"{number:02d}" for number in range(1, 31)))
    for n_alike in (0, 9):
        names = {number: f"{number:02d}" if number <= n_alike else f"walk_{number}" for number in range(1, 31)}
        people = given(file_of(range(1, 31), pictures=NamedPictures(names, counted=True)), video=folder, fps=None)
        assert people.frames.tolist() == list(range(30)) and "equal numbers go together" in people.said[0]


def test_pictures_that_count_no_frames_are_in_order_without_their_folder():
    clock = file_of(pictures=of_places(f"12-59-{58 + frame // 25}_{frame % 25 * 40:03d}" for frame in range(30)))
    said = (
        "k.json: names of pictures that count no frames are taken in their order, '12-59-58_000' as frame 0 and "
        "'12-59-59_160' as frame 29: if pictures are missing, give --video with the folder of all"
    )
    for of_video in (None, video(30), of_pictures(range(30, 60))):
        people = given(clock, video=of_video, fps=25 if of_video is None else None)
        assert people.frames.tolist() == list(range(30)) and people.said == (said,)
    others = replace(video(30), picture_names=tuple(f"img_{number}" for number in range(30)))
    assert (
        given(clock, video=others, fps=None)
        .said[0]
        .endswith("as frame 29: the folder has none of them; give that of all if pictures are missing")
    )


def test_pictures_of_several_series_are_asked_about():
    both = of_places(f"cam{camera}_{number:04d}" for camera in (1, 2) for number in range(15))
    assert given(file_of(pictures=both)).said == (
        "k.json: names of pictures that count no frames are taken in their order, 'cam1_0000' as frame 0 and "
        "'cam2_0014' as frame 29: they seem to be of several series, 'cam1_0000' to 'cam1_0014' and 'cam2_0000' to "
        "'cam2_0014'; give one file for each",
    )


def test_a_single_picture_is_frame_0():
    one = file_of([0], None, KEYPOINTS[:1], SCORES[:1], pictures=of_places(["photo_12"]))
    assert given(one).said == () and given(one, video=video(1), fps=None).said == ()
    assert "'photo_12' as frame 0: if pictures" in given(one, video=video(5), fps=None).said[0]


def test_frames_that_are_neither_the_pictures_nor_from_0_are_refused():
    assert sentence(file_of(), video=of_pictures([*range(20), *range(21, 29)]), fps=None) == (
        "k.json: frame 20 is none of the pictures, whose names have numbers from 0 to 28: number frames as the "
        "pictures, or from 0 to 27"
    )


def test_another_rate_than_the_videos_is_refused():
    assert sentence(file_of(fps=50.0), video=video(30), fps=None) == (
        "k.json says 50 frames a second, the video has 25: give this video's keypoints; if they are, --fps 25 takes "
        "the video's rate"
    )
    of_times = file_of(time_s=np.arange(30) / 12.5)
    assert sentence(of_times, video=video(30), fps=None).startswith(
        "k.json says 12.5 frames a second, the video has 25"
    )
    assert len(given(file_of(fps=50.0), video=video(30), fps=25).time_s) == 30


def test_rates_that_are_the_videos():
    """29.97 for 30, times in whole ms, the mean of a varying rate, the header's, that of playing, one frame."""
    assert given(file_of(fps=29.97), video=video(30, 30.0), fps=None).said == ()
    ms = VideoFacts(*SIZE, np.floor(np.arange(30) * 1000 / 120) / 1000)
    assert given(file_of(fps=120.0), video=ms, fps=None).said == ()
    steps_s = np.tile([0.02, 0.02, 0.2], 10)  # 50 a second for most, 12.2 in the mean
    varying = VideoFacts(*SIZE, np.cumsum(steps_s) - steps_s[0])
    for fps in (50.0, 12.2):
        assert given(file_of(fps=fps), video=varying, fps=None).said == ()
    slow = replace(video(30, 240.0), header_rates_hz=(240.0, 30.0))
    assert given(file_of(fps=30.0), video=slow, fps=None).said == ()
    one = file_of([0], None, KEYPOINTS[:1], SCORES[:1], fps=50.0)
    assert given(one, video=video(1), fps=None).said == ()


def test_times_are_the_videos_own():
    uneven = VideoFacts(*SIZE, np.cumsum(np.linspace(0.03, 0.05, 30)))
    np.testing.assert_array_equal(given(file_of(), video=uneven, fps=None).time_s, uneven.time_s)


def test_numbers_that_are_no_frames_of_a_video_are_refused():
    ids = np.linspace(139, 581_929, 30).astype(int)
    assert sentence(file_of(ids)) == (
        "k.json: its frames go from 139 to 581929 and 30 have anybody: they are not those of a video; number them one "
        "by one"
    )


def test_a_single_picture_may_have_any_number():
    one = file_of([397_133], None, KEYPOINTS[:1], SCORES[:1])
    people = given(one)
    assert people.frames.tolist() == [0] and people.time_s.tolist() == [0]
    assert people.said == ("k.json: its only frame, 397133, is taken as frame 0",)
    people = given(one, video=video(1), fps=None)
    assert people.frames.tolist() == [0]
    assert people.said == ("k.json: its only frame, 397133, is taken as the only one of the video",)
    assert len(given(file_of([37], None, KEYPOINTS[:1], SCORES[:1])).time_s) == 38


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


def test_formats_of_one_person_have_one_however_long_it_is_unseen():
    frames = [*range(10), *range(100, 120)]  # 3.6 s at 25 Hz
    assert np.unique(given(file_of(frames)).numbers).tolist() == [1, 2]
    people = given(file_of(frames, one_person=True))
    assert people.people() == [1] and not people.has_ids and people.of(1).found.sum() == 30
    twice = replace(two_people(), people=None, one_person=True)  # whatever the format says
    assert given(twice).people() == [1, 2]


def test_who_is_seen_for_a_moment_is_not_one_of_all():
    moment = two_people()
    moment = replace(moment, people=np.where(moment.frames < 4, moment.people, 7 + (moment.people == 3)))
    assert given(moment).people() == [7]
