from itertools import pairwise

import pytest

from pose3d.synthetic.split import (
    KEYPOINTS_SUBJECTS,
    PERFORMERS,
    PRIOR_SUBJECTS,
    plan_takes,
)

VALIDATION_SUBJECTS, TEST_SUBJECTS = ("S8",), ("S9", "S11")


def clips(subjects):
    return {clip for subject in subjects for clip in PERFORMERS[subject]}


def test_no_motion_leaks_between_the_roles():
    roles = [KEYPOINTS_SUBJECTS, PRIOR_SUBJECTS, VALIDATION_SUBJECTS, TEST_SUBJECTS]
    assert sorted(subject for role in roles for subject in role) == sorted(PERFORMERS)
    for i, first in enumerate(roles):
        for second in roles[i + 1 :]:
            assert not clips(first) & clips(second)


def test_each_side_climbs_and_the_test_subjects_share_nothing():
    for role in (KEYPOINTS_SUBJECTS, PRIOR_SUBJECTS, VALIDATION_SUBJECTS):
        assert sum(clip.startswith("Climb") for clip in clips(role)) == 1
    assert not set(PERFORMERS["S9"]) & set(PERFORMERS["S11"])


def test_long_clips_are_cut_into_nearly_equal_takes_without_gaps():
    frames = dict.fromkeys(PERFORMERS["S9"], 30) | {"Climb3": 501}
    takes = [take for take in plan_takes("S9", frames, 150, 1) if take.clip == "Climb3"]
    assert [take.action for take in takes] == ["Climb3-1", "Climb3-2", "Climb3-3", "Climb3-4"]
    assert [len(take) for take in takes] == [125, 125, 125, 126]
    assert takes[0].start == 0 and takes[-1].stop == 501
    assert all(a.stop == b.start for a, b in pairwise(takes))


def test_repeats_perform_the_same_frames_under_new_numbers():
    frames = dict.fromkeys(PERFORMERS["S8"], 10) | {"Climb2": 30}
    takes = [take for take in plan_takes("S8", frames, 20, 3) if take.clip == "Climb2"]
    assert [take.number for take in takes] == [1, 2, 3, 4, 5, 6]
    assert [take.start for take in takes] == [0, 15] * 3


def test_a_limit_keeps_takes_spread_over_all_clips():
    frames = dict.fromkeys(PERFORMERS["S7"], 40)
    takes = plan_takes("S7", frames, 40, 1, limit=2)
    assert [take.clip for take in takes] == [PERFORMERS["S7"][0], PERFORMERS["S7"][-1]]
    assert len(plan_takes("S7", frames, 40, 1, limit=99)) == len(PERFORMERS["S7"])


def test_takes_need_frames():
    with pytest.raises(ValueError, match="1 or more"):
        plan_takes("S8", dict.fromkeys(PERFORMERS["S8"], 10), 0, 1)
