"""Which points go missing in training."""

import numpy as np
import pytest
import torch

from pose3d.geometry.layouts import LANDMARK_NAMES, LAYOUTS, layout
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.lifting.missing import MIN_POINTS, draw_seen, facing_away, keep_enough, parts


@pytest.mark.parametrize("points", LAYOUTS, ids=lambda points: points.name)
def test_parts_are_the_body_s_and_leave_enough(points):
    groups = parts(points)
    assert groups.any(1).all() and (len(points) - groups.sum(1) >= MIN_POINTS).all()
    mirrored = {tuple(group[points.mirror]) for group in groups}
    assert mirrored == {tuple(group) for group in groups}  # what happens to the left happens to the right


def test_a_leg_goes_with_its_foot():
    halpe = layout("halpe26")
    found = [{halpe.points[i] for i in np.flatnonzero(group)} for group in parts(halpe)]
    assert {"LKnee", "LAnkle", "LBigToe", "LSmallToe", "LHeel"} in found
    assert {"Nose", "LEye", "REye", "LEar", "REar", "Head"} in found


def test_draws_are_a_function_of_the_numbers_and_leave_most_points():
    coco = layout("coco17")
    seen = draw_seen(np.random.default_rng(3), 4000, 5, coco)
    assert seen.shape == (4000, 5, 17)
    np.testing.assert_array_equal(seen, draw_seen(np.random.default_rng(3), 4000, 5, coco))
    assert 0.94 < seen.mean() < 0.98
    whole = seen.all((1, 2)).mean()
    # Eight of ten, and of the rest 0.5 without a part times 0.3 without single points, and lucky ones.
    assert 0.82 < whole < 0.88
    in_part_of_a_run = (seen.any(1) & ~seen.all(1)).any(1).mean()
    assert 0.07 < in_part_of_a_run < 0.2


def test_a_frame_keeps_all_where_too_few_would_be_left():
    seen = torch.zeros(3, 17, dtype=torch.bool)
    seen[0, :3], seen[1, :4] = True, True
    kept = keep_enough(seen)
    assert kept[0].all() and kept[2].all() and torch.equal(kept[1], seen[1])


def test_of_a_head_the_camera_sees_the_near_side():
    """A head 3 m away that looks to the camera's right: the left ear is towards the camera, the right one is not."""
    coco = layout("coco17")
    points = torch.zeros(1, N_JOINTS + len(LANDMARK_NAMES), 3)
    points[..., 2] = 3
    for side, near_m in (("left", -0.08), ("right", 0.08)):
        points[0, N_JOINTS + LANDMARK_NAMES.index(f"{side}_ear")] = torch.tensor([0, 0, 3 + near_m])
        points[0, N_JOINTS + LANDMARK_NAMES.index(f"{side}_eye")] = torch.tensor([0.1, 0, 3 + near_m / 2])
    points[0, N_JOINTS + LANDMARK_NAMES.index("nose")] = torch.tensor([0.12, 0, 3.0])
    hidden = facing_away(points, coco)[0]
    assert {coco.points[i] for i in np.flatnonzero(hidden)} == {"right_eye", "right_ear"}
