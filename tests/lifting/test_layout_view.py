"""The virtual camera's view of points of other layouts: values by hand, and what must not matter."""

import numpy as np
import pytest
import torch

from pose3d.geometry.layouts import LAYOUTS, OURS, layout
from pose3d.lifting.layout_view import features_of, hips_of, pose_channels
from pose3d.lifting.virtual_camera import lifter_features

OTHERS = [points for points in LAYOUTS if points.name != OURS]


def points_of(name, frames=4, seed=0):
    rng = np.random.default_rng(seed)
    plane = rng.normal(0, 0.1, (frames, len(layout(name)), 2)) + [0.2, -0.1]
    return torch.from_numpy(np.concatenate([plane, np.ones_like(plane[..., :1])], -1))


@pytest.mark.parametrize("points", OTHERS, ids=lambda points: points.name)
def test_features_are_three_numbers_a_point_and_every_layout_has_hips(points):
    features, view = features_of(points_of(points.name), False, points.name)
    assert features.shape == (4, 3 * len(points)) and pose_channels(points.name) == 3 * len(points)
    assert [points.body_points[hip] for hip in hips_of(points)] == ["RHip", "LHip"]
    torch.testing.assert_close(view.keypoints.square().sum(-1).mean(-1), torch.ones(4, dtype=torch.float64))
    moving, later = features_of(points_of(points.name), True, points.name)
    assert moving.shape == (3, 3 * len(points) + 3) and len(later.scale) == 3
    torch.testing.assert_close(moving[:, :-3], features[1:])


def test_our_own_layout_is_seen_as_ever():
    plane = points_of(OURS)[..., :2]
    for with_motion in (False, True):
        torch.testing.assert_close(
            features_of(plane, with_motion, OURS)[0], lifter_features(plane, with_motion)[0], rtol=0, atol=0
        )


def test_the_view_of_few_points_by_hand():
    """Both hips at the picture's middle and one ankle straight below: two points at 0, one at a distance of 0.3."""
    coco = layout("coco17")
    points = torch.zeros(1, 17, 3, dtype=torch.float64)
    for name, place in (("left_hip", (-0.1, 0)), ("right_hip", (0.1, 0)), ("left_ankle", (0, 0.3))):
        points[0, coco.points.index(name)] = torch.tensor([*place, 1.0])
    features, view = features_of(points, False, "coco17")
    scale = np.sqrt((0.1**2 + 0.1**2 + 0.3**2) / 3)
    assert view.scale.item() == pytest.approx(scale)
    ankle = features.view(17, 3)[coco.points.index("left_ankle")]
    np.testing.assert_allclose(ankle, [0, 0.3 / scale, 1], atol=1e-12)
    assert features.view(17, 3)[0].tolist() == [0, 0, 0]


def test_without_a_hip_the_camera_looks_at_the_mean_of_what_is_seen():
    points = points_of("coco17", 1)
    points[0, layout("coco17").points.index("left_hip"), 2] = 0
    _, view = features_of(points, False, "coco17")
    seen = points[0, points[0, :, 2] > 0, :2]
    ray = torch.cat([seen.mean(0), torch.ones(1, dtype=torch.float64)])
    torch.testing.assert_close(view.rotation[0] @ ray, torch.tensor([0, 0, ray.norm().item()], dtype=torch.float64))


@pytest.mark.parametrize("missing", [0, 5, 11, 12])
def test_where_a_missing_point_would_be_does_not_matter(missing):
    points = points_of("coco17")
    points[:, missing, 2] = 0
    elsewhere = points.clone()
    elsewhere[:, missing, :2] = torch.tensor([1e3, float("nan")])
    for with_motion in (False, True):
        for a, b in zip(*(features_of(p, with_motion, "coco17") for p in (points, elsewhere)), strict=True):
            for x, y in zip(*((v,) if isinstance(v, torch.Tensor) else vars(v).values() for v in (a, b)), strict=True):
                torch.testing.assert_close(x, y, rtol=0, atol=0)


@pytest.mark.parametrize("points", OTHERS, ids=lambda points: points.name)
def test_a_mirror_image_has_mirrored_features(points):
    seen = points_of(points.name)
    seen[..., 2] = (torch.rand(seen.shape[:2], generator=torch.Generator().manual_seed(1)) > 0.3).double()
    mirrored = seen[:, points.mirror] * torch.tensor([-1, 1, 1])
    sign = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    features = features_of(seen, False, points.name)[0].view(4, -1, 3)
    torch.testing.assert_close(
        features_of(mirrored, False, points.name)[0].view(4, -1, 3), features[:, points.mirror] * sign
    )


def test_turning_the_camera_changes_nothing():
    """But for roll: a point cloud seen by a camera that is turned about its own y axis gives the same features."""
    points = points_of("halpe26")
    points[..., :2] -= torch.tensor([0.2, -0.1])  # about the optical axis, so that no roll comes in
    points[..., 1] -= points[:, hips_of(layout("halpe26")), 1].mean(1, keepdim=True)
    points[..., 0] -= points[:, hips_of(layout("halpe26")), 0].mean(1, keepdim=True)
    cos, sin = np.cos(0.3), np.sin(0.3)
    turn = torch.tensor([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=torch.float64)
    rays = torch.cat([points[..., :2], torch.ones_like(points[..., 2:])], -1) @ turn.T
    turned = torch.cat([rays[..., :2] / rays[..., 2:], points[..., 2:]], -1)
    # The middle of two hips in the picture is not the same ray afterwards, but nearly.
    torch.testing.assert_close(
        features_of(turned, False, "halpe26")[0], features_of(points, False, "halpe26")[0], rtol=0, atol=0.15
    )
