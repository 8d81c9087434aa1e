import numpy as np
import pytest
from tiny_keypoints import person

from pose3d.predict.keypoint_tracker import track_people

RATE_HZ = 25.0


def tracked(
    paths_px: list[np.ndarray],
    seed: int = 0,
    absent: set[tuple[int, int]] = frozenset(),
    rate_hz: float = RATE_HZ,
) -> np.ndarray:
    """(T, P) numbers of people who move along (T,) paths, listed in a random order in each frame; -1: not seen."""
    rng = np.random.default_rng(seed)
    n_frames = len(paths_px[0])
    frames, who, keypoints = [], [], []
    for frame in range(n_frames):
        for one in rng.permutation(len(paths_px)).tolist():
            if (frame, one) not in absent:
                frames.append(frame)
                who.append(one)
                keypoints.append(person(n_frames)[0][frame] + [paths_px[one][frame], 0])
    numbers = track_people(np.array(frames) / rate_hz, np.array(keypoints))
    table = np.full((n_frames, len(paths_px)), -1)
    table[frames, who] = numbers
    return table


def test_people_who_pass_each_other_keep_their_numbers():
    """From 300 px apart through each other's place, 10 px a frame."""
    way = np.arange(40) * 10.0
    table = tracked([way, 390 - way])
    assert (table == [0, 1]).all()


def test_numbers_count_from_the_left_and_later_ones_after_them():
    still = np.zeros(10)
    table = tracked([still + 200, still, still - 200], absent={(0, 2), (1, 2)})
    assert (table[2:] == [1, 0, 2]).all() and (table[:2] == [1, 0, -1]).all()


def test_somebody_who_is_away_for_a_moment_keeps_the_number():
    still = np.zeros(40)
    away = {(frame, 0) for frame in range(10, 20)}
    assert (tracked([still, still + 300], absent=away)[20:] == [0, 1]).all()
    table = tracked([still, still + 300] * 1, absent={(frame, 0) for frame in range(10, 39)})
    assert table[39, 0] == 0  # 1.16 s


@pytest.mark.parametrize("rate_hz", [2.0, 0.4, 0.01])
def test_frames_that_lie_far_apart(rate_hz):
    """Two who stand 100 px apart; the one on the right is away for two frames: 1.5 s, or too long."""
    still = np.zeros(12)
    assert (tracked([still, still + 100], rate_hz=rate_hz) == [0, 1]).all()
    table = tracked([still, still + 100], absent={(5, 1), (6, 1)}, rate_hz=rate_hz)
    assert (table[:, 0] == 0).all() and (table[:5, 1] == 1).all() and (table[7:, 1] == (1 if rate_hz == 2 else 2)).all()


def test_frames_of_one_moment():
    assert tracked([np.zeros(1), np.full(1, 100)]).tolist() == [[0, 1]]


def test_somebody_who_is_seen_after_a_long_time_is_somebody_else():
    """Nobody for 3 s between two half seconds at 25 frames a second."""
    absent = {(frame, 0) for frame in range(12, 88)}
    table = tracked([np.zeros(100)], absent=absent)[:, 0]
    assert (table[:12] == 0).all() and (table[88:] == 1).all()


def test_somebody_far_away_is_somebody_else():
    jump = np.where(np.arange(10) < 5, 0.0, 2000.0)
    assert tracked([jump])[:, 0].tolist() == [0] * 5 + [1] * 5


def test_points_that_come_and_go_do_not_matter():
    keypoints, _ = person(20)
    keypoints[5:10, 3:] = np.nan
    keypoints[10:15, :15] = np.nan
    other = person(20, x_px=200)[0]
    both = np.stack([keypoints, other], 1).reshape(-1, 17, 2)
    numbers = track_people(np.repeat(np.arange(20) / RATE_HZ, 2), both)
    assert (numbers.reshape(20, 2) == [0, 1]).all()
