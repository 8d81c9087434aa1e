from dataclasses import replace

import numpy as np
import pytest
import torch
from people import camera_ring, swinging_poses

from pose3d.config.pose2d import AugmentationParams
from pose3d.geometry.camera import apply_affine, invert_affine
from pose3d.multiview import selftraining
from pose3d.multiview.finding import CROP_MARGIN, FoundPerson
from pose3d.multiview.selftraining import (
    UNTAUGHT_PX,
    AdaptationParams,
    LabelledCrops,
    agreed_joints,
    fine_tune,
    label_crops,
)
from pose3d.pose2d.augmentation import N_DRAWS, changes_of
from pose3d.pose2d.batches import normalize_images
from pose3d.pose2d.detector import cut_crops
from pose3d.pose2d.network import PoseResNet
from pose3d.pose2d.training import heatmap_loss
from pose3d.runtime.errors import InputError

NONE = AugmentationParams.model_validate(dict.fromkeys(AugmentationParams.model_fields, 0) | {"flip": False})


@pytest.fixture
def scene():
    cameras, poses = camera_ring(4), swinging_poses(np.random.default_rng(0), 6)
    keypoints = np.stack([camera.project(camera.world_to_camera(poses)) for camera in cameras])
    boxes = np.concatenate([keypoints.min(2), keypoints.max(2)], axis=-1)
    return cameras, poses, FoundPerson(keypoints, np.full(keypoints.shape[:-1], 0.8), boxes)


def test_what_three_views_see_teaches_the_fourth(scene):
    cameras, poses, person = scene
    person.keypoints_px[1] += np.random.default_rng(1).uniform(100, 300, person.keypoints_px[1].shape)
    np.testing.assert_allclose(agreed_joints(cameras, person, 20), poses, atol=1e-6)


def test_two_views_or_low_confidence_or_a_long_bone_teach_nothing(scene):
    cameras, _, person = scene
    person.keypoints_px[:2, 0, 10] += [[200.0, 0], [0, 200]]
    person.confidence[:, 1, 10] = 0.05
    pulled_m = person.triangulated(cameras, 20).points_world_m[2, 10] + [0, 0, 0.3]
    person.keypoints_px[:, 2, 10] = np.stack([c.project(c.world_to_camera(pulled_m)) for c in cameras])
    known = np.isfinite(agreed_joints(cameras, person, 20)).all(-1)
    expected = np.ones((6, 17), bool)
    expected[[0, 1, 2], 10] = False
    expected[2, 9] = False  # nobody knows which end of the bone is wrong
    np.testing.assert_array_equal(known, expected)


def test_a_limb_seen_twice_teaches_neither_side(scene):
    cameras, poses, _ = scene
    twice = poses.copy()
    twice[3, 5:7] = twice[3, 2:4] + 0.03  # the left knee and foot lie on the right ones
    keypoints = np.stack([camera.project(camera.world_to_camera(twice)) for camera in cameras])
    boxes = np.concatenate([keypoints.min(2), keypoints.max(2)], axis=-1)
    person = FoundPerson(keypoints, np.full(keypoints.shape[:-1], 0.8), boxes)
    known = np.isfinite(agreed_joints(cameras, person, 20)).all(-1)
    assert not known[3, [2, 3, 5, 6]].any()
    assert known[np.arange(6) != 3].all() and known[3, 9:].all()


def test_labels_are_the_joints_images_in_the_crops_and_frames_with_few_are_left_out(scene):
    cameras, poses, person = scene
    joints = poses.copy()
    joints[1, 4:] = np.nan  # four joints left
    joints[2, 13] = np.nan
    frames = [np.full((1000, 1000, 3), 10 * t, np.uint8) for t in range(8)]  # more frames than are learnt from
    found = label_crops(cameras, [lambda: iter(frames)] * 4, person.boxes_px, joints, 64)
    assert len(found) == 4 * 5 and found.images_rgb.shape == (20, 64, 64, 3)
    np.testing.assert_array_equal(found.images_rgb[:5, 0, 0, 0], [0, 20, 30, 40, 50])
    assert (found.keypoints_px[1, 13] == UNTAUGHT_PX).all()
    _, transforms = cut_crops([frames[0]], person.boxes_px[0, :1], CROP_MARGIN, 64)
    back = apply_affine(invert_affine(transforms[0]), found.keypoints_px[0])
    np.testing.assert_allclose(back, person.keypoints_px[0, 0], atol=1e-6)


def test_joints_beyond_the_fold_of_a_lens_are_not_taught_in_its_view(scene):
    cameras, poses, person = scene
    cameras = [replace(cameras[0], distortion=np.array([-33.0, 0, 0, 0, 0])), *cameras[1:]]  # shows a tenth
    in_camera = cameras[0].world_to_camera(poses)
    beyond = np.linalg.norm(in_camera[..., :2] / in_camera[..., 2:], axis=-1) > 33**-0.5 / 3**0.5
    assert beyond.any() and not beyond.all()
    frames = [np.zeros((1000, 1000, 3), np.uint8)] * len(poses)
    found = label_crops(cameras, [lambda: iter(frames)] * 4, person.boxes_px, poses, 64).keypoints_px
    untaught = (found == UNTAUGHT_PX).all(-1).reshape(4, *beyond.shape)
    np.testing.assert_array_equal(untaught[0], beyond)
    assert not untaught[1:].any() and np.isfinite(found).all()


def test_untaught_joints_leave_the_loss_however_the_crop_is_turned():
    heatmaps = torch.rand(1, 17, 16, 16)
    keypoints = np.full((17, 2), 30.0)
    keypoints[5:] = UNTAUGHT_PX
    strengths = NONE.model_copy(update={"rotation_deg": 180, "scale": 0.5, "flip": True})
    for seed in range(5):
        draws = np.random.default_rng(seed).random((1, N_DRAWS))
        moved = changes_of(draws, 64, strengths).keypoints_px(keypoints[None])[0]
        taught = np.abs(moved).max(-1) < 100
        assert taught.sum() == 5
        moved = torch.from_numpy(moved)[None].float()
        loss = heatmap_loss(heatmaps, moved, 64, 1.5)
        other = heatmaps.clone()
        other[:, torch.from_numpy(~taught)] = 7.0
        assert torch.equal(heatmap_loss(other, moved, 64, 1.5), loss) and torch.isfinite(loss)


def dots(n, seed):
    """Crops of 32 px with one bright dot, where all joints are."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(8, 24, (n, 1, 2)).repeat(17, 1)
    images = np.zeros((n, 32, 32, 3), np.uint8)
    for image, (x, y) in zip(images, keypoints[:, 0].astype(int), strict=True):
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return LabelledCrops(images, keypoints)


def loss_of(network, crops):
    with torch.inference_mode():
        heatmaps = network(normalize_images(torch.from_numpy(crops.images_rgb)))
        return heatmap_loss(heatmaps, torch.from_numpy(crops.keypoints_px).float(), 32, 1.5).item()


@pytest.mark.slow
def test_fine_tuning_learns_repeats_by_seed_and_leaves_the_network_and_its_statistics_alone():
    torch.manual_seed(0)
    network = PoseResNet("resnet18", (16, 16, 16), 8).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    crops = dots(16, 0)
    settings = AdaptationParams(rounds=1, steps=60, batch_size=8, lr=3e-3)
    first, again = (fine_tune(network, 1.5, crops, dots(16, 1), settings, NONE, seed=3) for _ in range(2))
    assert loss_of(first, crops) < 0.8 * loss_of(network, crops)
    for (name, tensor), repeated in zip(first.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(tensor, repeated)
        if "running" in name:
            assert torch.equal(tensor, before[name])
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_fine_tuning_whose_last_step_overflows_gives_no_network(monkeypatch):
    torch.manual_seed(0)
    steps, loss = [], selftraining.heatmap_loss

    def overflow(heatmaps, *rest):
        steps.append(heatmaps)
        if len(steps) == 3:
            heatmaps.register_hook(lambda gradient: gradient * float("inf"))
        return loss(heatmaps, *rest)

    monkeypatch.setattr(selftraining, "heatmap_loss", overflow)
    settings = AdaptationParams(rounds=1, steps=3, batch_size=8)
    with pytest.raises(InputError, match=r"diverged at step 3 \(network\..* is not finite\)"):
        fine_tune(PoseResNet("resnet18", (8, 8, 8), 8).eval(), 1.5, dots(16, 0), None, settings, NONE, seed=3)


def test_each_round_looks_with_the_network_of_the_last_under_a_narrower_threshold(scene, monkeypatch):
    cameras, _, person = scene
    looked, thresholds = [], []

    def find(look, *_):
        looked.append(look.network)
        return person

    def joints(cameras, person, threshold_px):
        thresholds.append(threshold_px / person.size_px)
        return agreed_joints(cameras, person, threshold_px)

    monkeypatch.setattr(selftraining, "find_person", find)
    monkeypatch.setattr(selftraining, "agreed_joints", joints)
    monkeypatch.setattr(selftraining, "fine_tune", lambda network, *_: network + 1)
    frames = [np.zeros((1000, 1000, 3), np.uint8)] * 6
    settings = replace(AdaptationParams(), rounds=3, agreement_shares=(0.06, 0.02))
    architecture = {"crop_size_px": 32, "sigma_heatmap_px": 1.5}
    takes = [lambda: iter(frames)] * 4
    last = selftraining.adapt((0, architecture), cameras, takes, 25.0, None, settings, NONE, 1)
    assert last == 3 and looked == [0, 0, 1, 1, 2, 2]
    assert thresholds == pytest.approx([0.06, 0.04, 0.02])
