from itertools import combinations

import numpy as np
import pytest

from pose3d.predict.person_tracker import PersonTracker, Sightings, Track

RATE_HZ = 25.0
STILL = np.eye(2, 3)
WARDROBE = np.kron(np.eye(6), np.ones(4)) / 2  # rows: clothes that have nothing in common


def box(x, y=100.0, height=100.0):
    return np.array([x - 0.2 * height, y - height / 2, x + 0.2 * height, y + height / 2])


def sightings(*people):
    """People as (place or box, number of their clothes)."""
    boxes = [box(place) if np.isscalar(place) else place for place, _ in people]
    worn = np.array([WARDROBE[n] for _, n in people]).reshape(-1, 24)
    return Sightings(np.array(boxes).reshape(-1, 4), worn, np.zeros(len(boxes), bool))


def run(frames, motions=None, tracker=None, rate_hz=RATE_HZ):
    """Numbers that each frame's sightings get, in the end."""
    tracker = tracker or PersonTracker()
    numbers = []
    for frame, people in enumerate(frames):
        tracker.predict(frame / rate_hz, STILL if motions is None else motions[frame])
        numbers.append(tracker.assign(sightings(*people)).tolist())
    same = tracker.same_people()
    return [[same.get(number, number) for number in seen] for seen in numbers]


def test_costs_by_hand():
    """Half a height aside, a tenth of a second after, in clothes that share nothing: Hellinger's distance is 1."""
    tracker = PersonTracker()
    tracker.predict(0.0, STILL)
    tracker.assign(sightings((100.0, 0)))
    tracker.predict(0.1, STILL)
    costs = tracker._costs(sightings((100.0, 0), (150.0, 0), (100.0, 1), (box(100.0, height=200.0), 0)))
    place, size, worn = (0.5 / (0.1 + 0.06)) ** 2, (np.log(2) / (0.15 + 0.03)) ** 2, (1 / 0.15) ** 2
    np.testing.assert_allclose(costs, [[0, place, worn, size]], atol=1e-9)


def test_the_least_cost_of_all_together_decides():
    """Each for itself, the first would take what is the second's only one."""
    numbers = run([[(100.0, 0), (160.0, 0)], [(128.0, 0), (101.0, 0)]])
    assert numbers == [[0, 1], [1, 0]]


def test_a_walker_keeps_the_number_and_so_does_whoever_comes_later():
    numbers = run([[(50.0 + 4 * t, 0), *([(400.0, 1)] if t > 3 else [])] for t in range(10)])
    assert numbers == [[0]] * 4 + [[0, 1]] * 6


@pytest.mark.parametrize("same_clothes", [False, True])
def test_people_who_cross_keep_their_numbers(same_clothes):
    """In the middle the one behind is not seen for nine frames; in the same clothes only the way says who is who."""
    frames = []
    for t in range(50):
        right, left = (100.0 + 4 * t, 0), (300.0 - 4 * t, 0 if same_clothes else 1)
        frames.append([right] if 21 <= t < 30 else [right, left])
    numbers = run(frames)
    assert all(seen == [0, 1] for seen in numbers[:21] + numbers[30:])
    assert numbers[21:30] == [[0]] * 9


def test_people_who_meet_and_turn_round_keep_their_numbers():
    way = [100 + 4 * min(t, 50 - t) for t in range(51)]
    numbers = run([[(x, 0)] if 22 <= t < 30 else [(x, 0), (400.0 - x, 1)] for t, x in enumerate(way)])
    assert all(seen in ([0], [0, 1]) for seen in numbers)
    assert numbers[-1] == [0, 1]


def test_who_leaves_and_returns_elsewhere_is_known_by_the_clothes():
    frames = [[(100.0, 0), (300.0, 1)]] * 20 + [[(100.0, 0)]] * 200 + [[(100.0, 0), (500.0, 1)]] * 3
    assert run(frames)[-1] == [0, 1]
    frames[-3:] = [[(100.0, 0), (500.0, 2)]] * 3
    assert run(frames)[-1] == [0, 2]


def test_what_was_seen_for_a_moment_is_not_known_again():
    for sightings_before, number in ((9, 1), (10, 0)):
        assert run([[(100.0, 0)]] * sightings_before + [[]] * 60 + [[(300.0, 0)]])[-1] == [number]


@pytest.mark.parametrize("rate_hz", [5.0, 2.0, 0.4])
def test_who_was_in_the_frame_before_is_expected_however_long_ago_that_was(rate_hz):
    """One walks a fifth of the height a frame; one is not seen in every third frame, and too rarely to be known."""
    assert run([[(100.0 + 20 * t, 0)] for t in range(12)], rate_hz=rate_hz) == [[0]] * 12
    coming = [[(100.0, 0)] if t % 3 else [] for t in range(9)]
    assert run(coming, rate_hz=rate_hz) == [[], [0], [0], [], [1], [1], [], [2], [2]]


def test_who_looks_ahead_expects_the_same_people():
    tracker = PersonTracker()
    run([[(100.0, 0)]] * 3, tracker=tracker, rate_hz=2.0)
    ahead = tracker.ahead()
    assert len(ahead.near()) == 1
    ahead.predict(1.5, STILL)
    assert [track.person for track in ahead.near()] == [0]
    ahead.predict(2.0, STILL)
    assert ahead.near() == []


def test_after_a_cut_clothes_alone_say_who_is_who():
    before, after = [[(100.0, 0), (300.0, 1)]] * 10, [[(120.0, 1), (310.0, 0), (450.0, 2)]] * 10
    motions = [STILL] * 10 + [None] + [STILL] * 9
    assert run(before + after, motions) == [[0, 1]] * 10 + [[1, 0, 4]] * 10


def test_a_camera_that_turns_away_moves_everybody():
    """The picture moves 60 px a frame: without the motion nobody would be where expected."""
    motions = [np.array([[1.0, 0, -60], [0, 1, 0]])] * 6
    frames = [[(400.0 - 60 * t, 0), (460.0 - 60 * t, 0)] for t in range(6)]
    assert run(frames, motions) == [[0, 1]] * 6
    assert run(frames) != [[0, 1]] * 6


def test_a_mixture_of_two_people_is_nobody():
    frames = [[(100.0, 0), (300.0, 1)]] * 3 + [[(100.0, 0), (300.0, 1), (110.0, 2)]]
    assert run(frames)[-1] == [0, 1, -1]


def test_clothes_are_not_learnt_where_people_overlap():
    tracker = PersonTracker()
    mixed = (WARDROBE[0] + WARDROBE[1]) / np.sqrt(2)
    run([[(100.0, 0), (300.0, 1)]], tracker=tracker)
    tracker.predict(1 / RATE_HZ, STILL)
    tracker.assign(Sightings(np.stack([box(100.0), box(112.0)]), np.stack([WARDROBE[0], mixed]), np.zeros(2, bool)))
    np.testing.assert_array_equal(tracker.tracks[0].clothes, WARDROBE[0])


def test_nobody():
    assert run([[], [], [(100.0, 0)], [], [(100.0, 0)]]) == [[], [], [0], [], [0]]


def test_a_guess_is_somebody_known_or_nobody():
    tracker = PersonTracker()
    run([[(100.0, 0)]] * 10, tracker=tracker)
    tracker.predict(0.4, STILL)
    seen = sightings((101.0, 0), (300.0, 1))
    assert tracker.assign(Sightings(seen.boxes_px, seen.clothes, np.ones(2, bool))).tolist() == [0, -1]


def tracked(*lives):
    """A tracker that has seen people, each from one frame to another in clothes (24,), all far from each other."""
    tracker = PersonTracker()
    for first, last, worn in lives:
        track = Track(len(tracker.tracks), box(100.0), np.zeros(2), worn, worn, last / RATE_HZ)
        track.frames = track.sightings = last - first + 1
        tracker.tracks.append(track)
    frames = [set(range(first, last + 1)) for first, last, _ in lives]
    for first, then in combinations(range(len(lives)), 2):
        tracker._together[first, then] = len(frames[first] & frames[then])
    return tracker


def partly(share):
    """The first clothes with a share of the second; the distance from the first is sqrt(1 - sqrt(1 - share))."""
    return np.sqrt(1 - share) * WARDROBE[0] + np.sqrt(share) * WARDROBE[1]


def test_who_was_seen_before_in_the_same_clothes_is_the_same():
    """The third was there together with the first and the second, the fourth wears something else: 0.12 and 0.32."""
    lives = [(0, 50, partly(0)), (60, 90, partly(0.03)), (40, 70, partly(0)), (95, 120, partly(0.5))]
    assert tracked(*lives).same_people() == {1: 0}


def test_the_most_alike_are_the_same_and_all_get_the_first_number():
    """Distances of the third from the others: 0.15, 0.07 and 0.07."""
    lives = [(0, 30, partly(0.1)), (0, 20, partly(0)), (40, 60, partly(0.01)), (70, 90, partly(0))]
    assert tracked(*lives).same_people() == {2: 1, 3: 1}


def test_all_of_one_persons_tracks_are_alike():
    """Distances are 0.30 and 0.24 from each to the next, and 0.53 from the first to the third."""
    lives = [(0, 20, partly(0)), (30, 50, partly(0.172)), (60, 80, partly(0.48))]
    assert tracked(*lives).same_people() == {2: 1}


def test_who_was_seen_for_a_moment_is_joined_to_nobody():
    assert tracked((0, 50, partly(0)), (60, 68, partly(0))).same_people() == {}
    assert PersonTracker().same_people() == {}


def test_who_is_seen_together():
    tracker = PersonTracker()
    run([[(100.0, 0), (300.0, 1)], [(300.0, 1)], [(300.0, 1), (600.0, 2)]], tracker=tracker)
    assert tracker._together == {(0, 1): 1, (1, 2): 1}


def test_whoever_is_known_by_the_clothes_is_so_where_people_overlap_too():
    """Nobody new would begin there."""
    away = [[(100.0, 0)]] * 60
    assert run([[(100.0, 0), (300.0, 1)]] * 10 + away + [[(100.0, 0), (115.0, 1)]])[-1] == [0, 1]
    assert run([[(100.0, 0), (300.0, 1)]] * 10 + away + [[(100.0, 0), (115.0, 2)]])[-1] == [0, -1]


def test_one_person_may_be_seen_twice_for_a_moment():
    """In 2 of 20 frames, and in 3 of 20."""
    assert tracked((0, 50, partly(0)), (49, 68, partly(0))).same_people() == {1: 0}
    assert tracked((0, 50, partly(0)), (48, 67, partly(0))).same_people() == {}
