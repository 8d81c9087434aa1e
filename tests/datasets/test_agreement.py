"""Keypoints of another camera, moment, rate or side are refused, and detectors with all their errors are not."""

from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, detect, take

from pose3d.datasets.agreement import (
    best_shift,
    check_agreement,
    exchanged_sides,
    said_of_lengths,
    said_of_shifts,
    said_of_sides,
    said_of_sizes,
    size_ratio,
)
from pose3d.geometry.layouts import carriers_of, layout
from pose3d.geometry.skeleton import JOINT_NAMES, LEFT_JOINTS, RIGHT_JOINTS, mirror_permutation
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.records.sequences import PoseSequence, cut_sequence
from pose3d.runtime.errors import InputError

FRAMES = 200


def lively_take(n_cameras: int, seed: int = 0) -> list[PoseSequence]:
    """Somebody who moves three times as fast as :func:`people.take` has it."""
    views = take("S1", "Walking-1", 3 * FRAMES, camera_ring(n_cameras), seed)
    return [cut_sequence(view, slice(None, None, 3)) for view in views]


@pytest.fixture
def sequence():
    return lively_take(2)[0]


def ahead(sequence, moments) -> tuple[PoseSequence, Keypoints2D]:
    """The first frames of a sequence, with what is detected at other moments of it, cut alike."""
    (detected,) = detect([sequence], 5)
    n = min(len(moments), len(sequence))
    found = Keypoints2D(detected.keypoints_px[moments[:n]], detected.confidence[:n])
    return cut_sequence(sequence, slice(0, n)), found


def size_px(sequence) -> float:
    return float(np.median((sequence.boxes_px[:, 2:] - sequence.boxes_px[:, :2]).max(-1)))


@pytest.mark.parametrize(
    ("moments", "said"),
    [
        (
            np.arange(10, FRAMES),
            r"begin about 0\.4 s \(10 frames at 25 Hz\) after .*: cut as much from the start of the p",
        ),
        (np.arange(25, FRAMES), r"begin about 1 s \(25 frames at 25 Hz\) after the 3D poses"),
        (
            np.r_[[0] * 10, :FRAMES],
            r"begin about 0\.4 s \(10 frames at 25 Hz\) before .*: cut as much from their start",
        ),
        (np.arange(0, FRAMES, 2), "are of every second 3D pose: give both at the same frame rate"),
        (np.repeat(np.arange(FRAMES), 2), "have 2 frames for each 3D pose: give both at the same frame rate"),
        (
            np.arange(0, FRAMES, 5 / 3).astype(int),
            "have 3 frames for each 5 3D poses: give both at the same frame rate",
        ),
        (
            np.arange(0, FRAMES, 5 / 6).astype(int),
            "have 6 frames for each 5 3D poses: give both at the same frame rate",
        ),
        (np.repeat(np.arange(FRAMES), 4), "have 4 frames for each 3D pose: give both at the same frame rate"),
        (np.arange(FRAMES)[::-1], "run backwards through the 3D poses"),
    ],
)
def test_other_moments_are_named(sequence, moments, said):
    with pytest.raises(InputError, match=f"^a.npz: the 2D keypoints {said}"):
        check_agreement("a.npz", *ahead(sequence, moments), [])


def test_where_too_few_frames_show_it_their_number_tells_the_rate(sequence):
    """Of every tenth pose 20 frames are left, of which two can be compared with every tenth of 20 poses."""
    cut, tenth = ahead(sequence, np.arange(0, FRAMES, 10))
    away = replace(tenth, keypoints_px=tenth.keypoints_px + np.float32([0.3 * size_px(sequence), 0]))
    causes = "they are of another camera or take, mirrored, of joints in another order, or not in px"
    with pytest.raises(InputError, match=f"project: by their number they are of every 10th 3D pose; else {causes}$"):
        check_agreement("a.npz", cut, away, [], (FRAMES, 20))
    for lengths in (None, (20, 20), (FRAMES, 150)):
        with pytest.raises(InputError, match=f"project: {causes}$"):
            check_agreement("a.npz", cut, away, [], lengths)


def test_a_question_is_asked_of_lengths_that_differ_by_one_whole_factor():
    """201 poses are 40 or 41 frames at a fifth of the rate, and 1005 at five times it; 39 are a part of the take."""
    fifth = [(200, 40), (201, 40), (201, 41), (77, 16)] * 2
    asked = (
        "the 2D keypoints of all 8 sequences, by their number, are of every 5th 3D pose: are both at one frame rate?"
    )
    assert said_of_lengths(fifth) == asked
    assert "have 5 frames for each 3D pose: are" in said_of_lengths([(a, 5 * a) for a, _ in fifth])
    assert said_of_lengths(fifth[:7]) is None  # of few it may be chance
    for other in ((200, 200), (201, 39), (200, 60)):
        assert said_of_lengths([*fifth, other]) is None
    assert said_of_lengths([(200, 195)] * 8) is None
    assert said_of_lengths([(1, 1)] * 8) is None  # as well of every tenth pose, by the number


def test_mirrored_keypoints_are_named(sequence):
    (detected,) = detect([sequence], 5)
    x, y = detected.keypoints_px[..., 0], detected.keypoints_px[..., 1]
    mirrored = replace(detected, keypoints_px=np.stack([sequence.camera.width_px - x, y], -1))
    for order in (np.arange(17), mirror_permutation()):
        with pytest.raises(
            InputError, match=r"^a.npz: the 2D keypoints are mirrored, or of a camera on the other side"
        ):
            check_agreement("a.npz", sequence, replace(mirrored, keypoints_px=mirrored.keypoints_px[:, order]), [])


@pytest.mark.parametrize("from_lower_edge", [True, False])
def test_y_upwards_is_named(sequence, from_lower_edge):
    """Also of somebody in the middle of the picture, whose head lies where COCO's order has the feet."""
    (detected,) = detect([sequence], 5)
    x, y = detected.keypoints_px[..., 0], detected.keypoints_px[..., 1]
    upwards = np.stack([x, from_lower_edge * sequence.camera.height_px - y], -1)
    with pytest.raises(InputError, match=r"^a.npz: the 2D keypoints have y upwards: count y downwards from the pic"):
        check_agreement("a.npz", sequence, replace(detected, keypoints_px=upwards), [])


def test_cocos_order_is_named(sequence):
    """Of somebody whose nose, eyes and ears lie where the Neck/Nose is."""
    (detected,) = detect([sequence], 5)
    in_coco = carriers_of(layout("coco17").body_points)
    with pytest.raises(InputError, match=r"^a.npz: the 2D keypoints are in the order of COCO's 17 points: give Human3"):
        check_agreement("a.npz", sequence, replace(detected, keypoints_px=detected.keypoints_px[:, in_coco]), [])


def test_a_detector_may_lag_behind():
    """By 0.12 s in a quick take, as smoothing that sees no later frame makes it."""
    quick = take("S1", "Walking-1", 9 * FRAMES, camera_ring(1), 0)
    sequence = cut_sequence(quick[0], slice(None, None, 9))
    check_agreement("a.npz", *ahead(sequence, np.r_[[0] * 3, : FRAMES - 3]), [])
    with pytest.raises(InputError, match=r"begin about 0\.16 s \(4 frames at 25 Hz\) before"):
        check_agreement("a.npz", *ahead(sequence, np.r_[[0] * 4, : FRAMES - 4]), [])


def test_short_quick_clips_that_were_smoothed_are_of_no_other_rate():
    """A moving average begins without a lag and ends with one of four frames, like a slower rate."""
    quick = take("S1", "Walking-1", 9 * FRAMES, camera_ring(1), 0)
    for start in range(0, FRAMES - 30, 30):
        sequence = cut_sequence(quick[0], slice(9 * start, 9 * (start + 30), 9))
        (detected,) = detect([sequence], 5)
        smoothed_px = detected.keypoints_px.copy()
        for t in range(1, len(smoothed_px)):
            smoothed_px[t] = 0.2 * smoothed_px[t] + 0.8 * smoothed_px[t - 1]
        check_agreement("a.npz", replace(sequence, fps=50.0), replace(detected, keypoints_px=smoothed_px), [])


@pytest.mark.parametrize("layout_name", ["coco17", "mpii16"])
def test_other_layouts_are_compared_by_what_they_share(sequence, layout_name):
    cut, detected = ahead(sequence, np.arange(10, FRAMES))
    points, joints = layout(layout_name).shared
    keypoints_px = np.zeros((len(cut), len(layout(layout_name)), 2), np.float32)
    keypoints_px[:, points] = detected.keypoints_px[:, joints]
    found = Keypoints2D(keypoints_px, np.ones(keypoints_px.shape[:2], np.float32), layout_name)
    with pytest.raises(InputError, match="10 frames at 25 Hz"):
        check_agreement("a.npz", cut, found, [])


def test_a_camera_that_is_exchanged_is_named():
    first, second, third = lively_take(3)
    (detected,) = detect([first], 5)
    check_agreement("a.npz", first, detected, [second, third])
    with pytest.raises(
        InputError, match="^a.npz: the 2D keypoints are those of camera cam0: give every camera its own"
    ):
        check_agreement("a.npz", second, detected, [cut_sequence(first, slice(0, 50))])


def test_far_away_is_refused_whatever_it_is(sequence):
    (detected,) = detect([sequence], 5)
    away = replace(detected, keypoints_px=detected.keypoints_px + np.float32([0.3 * size_px(sequence), 0]))
    with pytest.raises(InputError, match="^a.npz: the 2D keypoints lie .* px from where the 3D poses project"):
        check_agreement("a.npz", sequence, away, [])
    nowhere = replace(away, confidence=np.zeros_like(away.confidence))
    check_agreement("a.npz", sequence, nowhere, [])


def noisy(rng, px, size):
    return px + rng.normal(scale=0.08 * size, size=px.shape)


def swapped_in_a_third(rng, px, size):
    swapped = rng.random(len(px)) < 1 / 3
    px[swapped] = px[swapped][:, mirror_permutation()]
    return px


def swapped_for_a_third(rng, px, size):
    px[10 : 10 + len(px) // 3] = px[10 : 10 + len(px) // 3, mirror_permutation()]
    return px


def lingering(rng, px, size):
    px[20:70] = px[20]
    return px


def in_the_wrong_place(rng, px, size):
    return px + 0.15 * size * np.array([np.cos(angle := rng.uniform(0, 7)), np.sin(angle)])


def smoothed(rng, px, size):
    for frame in range(1, len(px)):
        px[frame] = 0.5 * px[frame] + 0.5 * px[frame - 1]
    return px


def wrists_never_found(rng, px, size):
    px[:, [13, 16]] = px[:, [4, 1]]
    return px


ERRORS = (noisy, swapped_in_a_third, swapped_for_a_third, lingering, in_the_wrong_place, smoothed, wrists_never_found)


@pytest.mark.parametrize("errors", ERRORS, ids=lambda errors: errors.__name__)
def test_what_detectors_do_wrong_passes(errors):
    rng, sides = np.random.default_rng(0), []
    for seed in range(8):
        views = lively_take(2, seed)
        for sequence, other in (views, views[::-1]):
            (detected,) = detect([sequence], 5, seed)
            keypoints_px = errors(rng, detected.keypoints_px.astype(np.float64), size_px(sequence))
            detected = replace(detected, keypoints_px=keypoints_px.astype(np.float32))
            check_agreement("a.npz", sequence, detected, [other])
            sides.append(exchanged_sides(sequence, detected))
    assert said_of_sides(sides) is None


def test_who_stands_still_and_who_is_seen_for_a_few_frames_pass(sequence):
    """Nothing tells moments apart there, and a detector may exchange the sides of all of nine frames."""
    still = cut_sequence(sequence, np.zeros(FRAMES, int))
    check_agreement("a.npz", still, detect([still], 20)[0], [])
    few, late = ahead(sequence, np.arange(10, 19))
    check_agreement("a.npz", few, late, [])
    exchanged = replace(detect([few], 5)[0], keypoints_px=few.keypoints_px[:, mirror_permutation()])
    assert exchanged_sides(few, exchanged) == {}


def test_sides_are_told_of_arms_and_legs_apart():
    """Arms: joints 11 to 16. Legs: joints 1 to 6. Of one take nothing is said, because a detector may have done it."""
    views = lively_take(4)
    mirror = mirror_permutation()
    arms, legs = np.arange(17), np.arange(17)
    arms[11:], legs[1:7] = mirror[11:], mirror[1:7]
    for order, limbs in ((arms, "arms"), (legs, "legs"), (mirror, "arms and the legs")):
        found = [
            exchanged_sides(view, replace(one, keypoints_px=one.keypoints_px[:, order]))
            for view, one in zip(views, detect(views, 5), strict=True)
        ]
        assert said_of_sides(found).startswith(
            f"the 2D keypoints fit the 3D poses with left and right of the {limbs} ex"
        )
        assert said_of_sides(found[:2]) is None


def test_in_three_of_four_views_sides_are_exchanged():
    assert said_of_sides([{"legs": True}] * 3 + [{"legs": False}]) is not None
    assert said_of_sides([{"legs": True}] * 2 + [{"legs": False}]) is None
    assert said_of_sides([{"legs": True}] * 2 + [{}] * 5) is None
    assert said_of_sides([]) is None


@pytest.mark.parametrize("frames", [-5, -2, 0, 3])
def test_a_lag_too_short_to_be_refused_is_told_in_frames(frames):
    """What is detected at moment t + n runs n frames ahead of the poses."""
    for view in lively_take(3):
        moments = np.arange(frames, FRAMES) if frames >= 0 else np.r_[[0] * -frames, :FRAMES]
        cut, found = ahead(view, moments)
        assert best_shift(cut, found) == (-frames or None)


def test_a_lag_is_asked_about_where_sequences_agree_on_two_frames_or_more():
    said = said_of_shifts([(4, 25.0)] * 3, 12)
    assert said.startswith(
        "the 2D keypoints of 3 sequences lag 4 frames (0.16 s at 25 Hz) behind the 3D poses: do both"
    )
    assert "run 2 frames (0.08 s at 25 Hz) ahead of the 3D poses" in said_of_shifts([(-2, 25.0)] * 8, 12)
    for honest in ([(4, 25.0)] * 2, [(1, 25.0)] * 12, [(4, 25.0), (-3, 25.0), (0, 25.0), (9, 25.0)]):
        assert said_of_shifts(honest, len(honest)) is None
    assert said_of_shifts([(4, 25.0)] * 3, 13) is None


def test_of_who_stands_still_no_lag_is_told(sequence):
    still = replace(sequence, keypoints_px=np.repeat(sequence.keypoints_px[:1], len(sequence), 0))
    (detected,) = detect([still], 5)
    assert best_shift(still, detected) is None


def test_pictures_of_another_size_are_named(sequence):
    (detected,) = detect([sequence], 5)
    for size in (0.95, 1.0, 1.25):
        smaller = replace(detected, keypoints_px=np.float32(size) * detected.keypoints_px)
        assert size_ratio(sequence, smaller) == pytest.approx(size, abs=0.01)
    half = replace(detected, keypoints_px=detected.keypoints_px / 2)
    said = (
        r"px from where the 3D poses project: they are 0\.5 times as large, as in a picture of another size; else they"
    )
    with pytest.raises(InputError, match=said):
        check_agreement("a.npz", sequence, half, [])
    assert size_ratio(cut_sequence(sequence, slice(9)), cut(detected, 9)) is None  # too few frames to tell


def test_points_elsewhere_on_the_body_are_no_other_size(sequence):
    """Head and nose 5 % of the person lower, ankles 3 % higher."""
    (detected,) = detect([sequence], 5)
    px = detected.keypoints_px.copy()
    for names, down in ((("Head", "Neck/Nose"), 0.05), (("RFoot", "LFoot"), -0.03)):
        px[:, [JOINT_NAMES.index(name) for name in names], 1] += np.float32(down * size_px(sequence))
    assert size_ratio(sequence, replace(detected, keypoints_px=px)) == pytest.approx(1, abs=0.02)


def cut(detected, frames):
    return Keypoints2D(detected.keypoints_px[:frames], detected.confidence[:frames])


def test_a_size_is_asked_about_for_each_camera():
    found = [("left", "h36m17", 0.95)] * 4 + [("right", "h36m17", 1.0)] * 4
    said = said_of_sizes(found)
    assert said.startswith(
        "the 2D keypoints are not as large as the projected 3D poses, but 0.95 times for camera left:"
    )
    for honest in (
        [("left", "h36m17", 0.97)] * 8,  # what detectors make of people
        [("left", "coco17", 0.95)] * 8,  # shoulders and hips lie elsewhere
        [("left", "h36m17", 0.9)] * 2,
        [("left", "h36m17", 0.9)] * 3 + [("left", "h36m17", 1.1)] * 2,
    ):
        assert said_of_sizes(honest) is None


def test_exchanged_sides_are_named_where_keypoints_are_refused(sequence):
    """Of somebody whose left and right are 300 px apart."""
    wide = sequence.keypoints_px.copy()
    wide[:, list(LEFT_JOINTS), 0] += 150
    wide[:, list(RIGHT_JOINTS), 0] -= 150
    wide = replace(sequence, keypoints_px=wide)
    (detected,) = detect([wide], 5)
    exchanged = replace(detected, keypoints_px=detected.keypoints_px[:, mirror_permutation()])
    with pytest.raises(InputError, match="where the 3D poses project: with left and right exchanged they fit; else"):
        check_agreement("a.npz", wide, exchanged, [])
