import numpy as np
import pytest

from pose3d.predict.sightings import SightingRows


def rows_of(sightings, n_frames, folder=None):
    """Sightings as (frame, person, x): boxes of 10 x 20 px, all joints at x, 7."""
    rows = SightingRows(folder, 100, 50)
    for frame in range(n_frames):
        people = np.array([person for at, person, _ in sightings if at == frame], int)
        x = np.array([x for at, _, x in sightings if at == frame], float)
        boxes_px = np.stack([x, x * 0 + 10, x + 10, x * 0 + 30], -1)
        keypoints_px = np.broadcast_to(np.stack([x, x * 0 + 7], -1)[:, None], (len(x), 17, 2))
        rows.append(frame / 25, people, boxes_px, keypoints_px, np.full((len(x), 17), 0.9))
    return rows


@pytest.mark.parametrize("in_files", [False, True])
def test_the_rows_of_one_person(tmp_path, in_files):
    sightings = [(0, 0, 50), (2, 0, 50), (2, 1, 10), (3, 1, 12), (3, 0, 50), (6, 1, 24)]
    found = rows_of(sightings, 9, tmp_path if in_files else None).of(1)
    np.testing.assert_allclose(found["time_s"][:], np.arange(9) / 25)
    np.testing.assert_array_equal(found["found"][:], [0, 0, 1, 1, 0, 0, 1, 0, 0])
    x = [10, 10, 10, 12, 16, 20, 24, 24, 24]
    np.testing.assert_allclose(found["boxes_px"][:], [[x, 10, x + 10, 30] for x in x], atol=1e-5)
    np.testing.assert_allclose(found["keypoints_px"][:][:, 5], [[x, 7] for x in x], atol=1e-5)
    np.testing.assert_allclose(found["confidence"][:][:, 3], [0, 0, 0.9, 0.9, 0, 0, 0.9, 0, 0])
    assert not list(tmp_path.iterdir())  # files without names


def test_a_gap_of_thousands_of_frames():
    found = rows_of([(0, 0, 0), (5000, 0, 50)], 5002).of(0)
    assert len(found["found"]) == 5002
    np.testing.assert_allclose(found["boxes_px"][:][:5001, 0], np.arange(5001) / 100, atol=1e-3)


def test_who_is_seen_for_a_moment_is_nobody():
    long, short = [(frame, 4, 20) for frame in range(10)], [(frame, 2, 60) for frame in range(9)]
    people = rows_of(sorted(long + short), 40).people()
    assert list(people) == [4]
    assert people[4].frames == 10
    assert people[4].pictures == pytest.approx(10 * 10 * 20 / (100 * 50))


def test_in_a_short_video_half_of_it_is_enough():
    assert list(rows_of([(0, 0, 20), (1, 0, 20), (1, 1, 60)], 4).people()) == [0]
    assert list(rows_of([(0, 0, 20)], 1).people()) == [0]


def test_the_largest_is_who_takes_up_the_most_of_the_whole_video():
    sightings = sorted([(frame, 0, 20) for frame in range(12)] + [(frame, 1, 60) for frame in range(6, 30)])
    assert rows_of(sightings, 30).largest() == 1
    assert rows_of([], 30).largest() is None


def test_two_who_turn_out_to_be_one():
    """Each is seen too seldom to be anybody; in frame 5 both are."""
    first, then = [(frame, 1, 20) for frame in range(6)], [(frame, 3, 60) for frame in (5, *range(8, 14))]
    rows = rows_of([(20, 0, 0), *first, *then], 40)
    assert not rows.people()
    rows.join({3: 1})
    assert list(rows.people()) == [1]
    found = rows.of(1)
    np.testing.assert_array_equal(found["found"][:14], [1] * 6 + [0] * 2 + [1] * 6)
    np.testing.assert_allclose(found["boxes_px"][4:10][:, 0], [20, 20, 20 + 40 / 3, 20 + 80 / 3, 60, 60], rtol=1e-6)
