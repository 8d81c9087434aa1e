import numpy as np
import pytest

from pose3d.world.contacts import FEET, contacts, planted, planting

FPS = 25


def walk(frames: int = 60, step_m: float = 0.7, still: int = 15) -> tuple[np.ndarray, np.ndarray]:
    """Ankles (T, 2, 3) of somebody who walks along x, 4 m away, and when they rest (T, 2)."""
    ankles, rest = np.zeros((frames, 2, 3)) + [0, 1.0, 4.0], np.zeros((frames, 2), bool)
    for foot in range(2):
        x = 0.0
        for t in range(frames):
            resting = (t + foot * still) % (2 * still) < still
            x += 0 if resting else step_m / still
            ankles[t, foot, 0] = x
            rest[t, foot] = resting
    return ankles, rest


def test_feet_of_a_walk_rest_in_turn():
    ankles, rest = walk()
    found = contacts(ankles, ankles[..., :2] / ankles[..., 2:], np.full(len(ankles), 4.0), FPS)
    assert (found == rest).mean() > 0.9  # but for the frames between rest and swing
    for t in (7, 22, 37, 52):
        assert found[t].tolist() == rest[t].tolist()


def test_who_swings_a_foot_towards_the_camera_does_not_stand_on_it():
    ankles = np.zeros((30, 2, 3)) + [0.1, 1.0, 4.0]
    ankles[:, 1] *= np.linspace(1, 0.7, 30)[:, None]  # along its ray, 1 m/s: nothing moves in the picture
    ankles[:, 1, 1] += 0.02 * np.arange(30)  # hardly
    found = contacts(ankles, ankles[..., :2] / ankles[..., 2:], np.full(30, 4.0), FPS)
    assert found[5:25].tolist() == [[True, False]] * 20


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips(frames):
    ankles = np.zeros((frames, 2, 3)) + [0, 1.0, 4.0]
    found = contacts(ankles, ankles[..., :2] / 4, np.full(frames, 4.0), FPS)
    assert found.tolist() == [[frames > 1] * 2] * frames
    assert np.abs(planting(ankles, found, FPS)).max() == 0


def test_planting_is_the_least_squares_of_its_formula():
    """The banded solution against the dense one of the sum that the module states."""
    rng = np.random.default_rng(0)
    ankles, contact = rng.normal(size=(6, 2, 3)), rng.random((6, 2)) < 0.6
    found = planting(ankles, contact, FPS)
    for axis, w in enumerate((1.0, 1.0, 0.1)):
        rows, right = [], []

        def add(coefficients, value, weight, rows=rows, right=right):
            row = np.zeros((6, 3))
            for (t, what), factor in coefficients.items():
                row[t, what] = factor
            rows.append(np.sqrt(weight) * row.ravel())
            right.append(np.sqrt(weight) * value)

        for t in range(6):
            add({(t, 0): 1.0}, 0, 3 * w)
            for foot in (1, 2):
                add({(t, foot): 1.0}, 0, w)
                add({(t, foot): 1.0, (t, 0): -1.0}, 0, 0.1)
                if t < 5 and contact[t, foot - 1] and contact[t + 1, foot - 1]:
                    step = ankles[t + 1, foot - 1, axis] - ankles[t, foot - 1, axis]
                    add({(t + 1, foot): 1.0, (t, foot): -1.0}, -step, 100)
            for what in range(3):
                if t < 4:
                    add({(t, what): 1, (t + 1, what): -2, (t + 2, what): 1}, 0, w * (FPS / 10) ** 4)
        expected = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0].reshape(6, 3)
        np.testing.assert_allclose(found[..., axis], expected, atol=1e-9)


def test_planted_feet_hardly_slide_and_the_picture_hardly_changes():
    ankles, rest = walk()
    drift = np.stack([0.02 * np.sin(np.arange(60) / 4), 0 * np.arange(60), 0.1 * np.sin(np.arange(60) / 9)], -1)
    lifted = ankles + drift[:, None]  # the body, and both feet with it, drifts to and fro
    poses = np.repeat(lifted.mean(1, keepdims=True), 17, axis=1) + [0, -0.9, 0]
    poses[:, list(FEET)] = lifted
    standing = planted(poses, planting(lifted, rest, FPS))
    both = rest[1:] & rest[:-1]

    def slid(which):
        return np.linalg.norm(np.diff(which[:, list(FEET)], axis=0), axis=-1)[both].mean()

    assert slid(poses) > 0.008 and slid(standing) < 0.003
    moved_px = 1000 * np.abs(standing[..., :2] / standing[..., 2:] - poses[..., :2] / poses[..., 2:])
    assert moved_px.mean() < 6
