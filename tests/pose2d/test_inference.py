from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from toy_crops import write_toy_data

from pose3d.geometry.camera import apply_affine
from pose3d.geometry.skeleton import LEFT_JOINTS, RIGHT_JOINTS
from pose3d.pose2d import inference
from pose3d.pose2d.batches import Batch, plain_batches
from pose3d.pose2d.crops import Crops
from pose3d.pose2d.heatmaps import gaussian_targets
from pose3d.pose2d.inference import decode, detect, detect_sequences, load_network, predict_heatmaps, to_full_image
from pose3d.pose2d.network import PoseResNet
from pose3d.records.keypoints2d import Keypoints2D
from pose3d.runtime.errors import InputError
from pose3d.training.model_file import save_model


class SidedNetwork(nn.Module):
    """Sees joints where they are, but always takes the person's right limbs for those at smaller x, whatever the image:
    what the flip test must average out."""

    def __init__(self, keypoints_px: torch.Tensor) -> None:
        super().__init__()
        self.heatmaps = gaussian_targets(keypoints_px, 16, 1.5)[0]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.heatmaps.expand(len(images), -1, -1, -1)


def test_flip_test_averages_with_the_mirrored_heatmaps():
    keypoints = torch.rand(1, 17, 2, generator=torch.Generator().manual_seed(0)) * 8 + 4
    network = SidedNetwork(keypoints)
    images = torch.zeros(1, 3, 64, 64)
    plain = predict_heatmaps(network, images, flip_test=False)
    both = predict_heatmaps(network, images, flip_test=True)
    right, left = RIGHT_JOINTS[2], LEFT_JOINTS[2]
    assert torch.allclose(both[0, right], (plain[0, right] + plain[0, left].flip(-1)) / 2)
    assert torch.allclose(both[0, 0], (plain[0, 0] + plain[0, 0].flip(-1)) / 2)


@pytest.mark.parametrize("method, tolerance_px", [("local_soft_argmax", 0.05 * 4), ("marginal_soft_argmax", 0.55 * 4)])
def test_decoded_keypoints_are_in_crop_px(method, tolerance_px):
    keypoints = torch.rand(2, 17, 2, generator=torch.Generator().manual_seed(0)) * 80 + 24
    heatmaps, _ = gaussian_targets(keypoints / 4, 32, 1.5)
    found, sure = decode(heatmaps, method, 1.5, 128)
    assert (found - keypoints).abs().max() < tolerance_px
    assert ((sure > 0.8) & (sure <= 1)).all()


def test_detections_return_to_the_full_image():
    transform = np.array([[[0.5, 0, -20], [0, 0.5, -10]], [[2.0, 0, -300], [0, 2.0, -100]]])
    in_image = np.random.default_rng(0).uniform(100, 200, (2, 17, 2))
    detected = Keypoints2D(apply_affine(transform, in_image).astype(np.float32), np.ones((2, 17), np.float32))
    assert np.abs(to_full_image(detected, transform).keypoints_px - in_image).max() < 0.01


def test_detections_do_not_depend_on_the_batches():
    torch.manual_seed(0)
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=4).eval()
    images = torch.randint(0, 256, (6, 32, 32, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    batch = Batch(images, torch.zeros(6, 17, 2))
    halves = [Batch(part, torch.zeros(3, 17, 2)) for part in images.split(3)]
    cpu = torch.device("cpu")
    whole = detect(network, [batch], cpu, "local_soft_argmax", 1.5, flip_test=True)
    parts = detect(network, halves, cpu, "local_soft_argmax", 1.5, flip_test=True)
    assert whole.keypoints_px.shape == (6, 17, 2) and whole.confidence.shape == (6, 17)
    assert np.allclose(whole.confidence, parts.confidence, atol=1e-5)


@pytest.mark.parametrize("group_crops", [1, 20, 1000])
def test_sequences_that_share_batches_keep_their_own_keypoints(group_crops, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "GROUP_CROPS", group_crops)
    torch.manual_seed(0)
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=4).eval()
    sequences = write_toy_data(tmp_path, n_frames=13)
    path, architecture = tmp_path / "data/crops.h5", {"crop_size_px": 32, "sigma_heatmap_px": 1.5}
    how = (torch.device("cpu"), "local_soft_argmax", True, 2)
    found = dict(detect_sequences(network, architecture, path, iter(sequences), *how))
    assert list(found) == [sequence.key for sequence in sequences]
    for sequence in sequences:
        with Crops(path, [sequence]) as crops:
            alone = detect(network, plain_batches(crops, np.arange(13), 13, 1), *how[:2], 1.5, True)
            alone = to_full_image(alone, crops.crop_from_image)
        np.testing.assert_allclose(found[sequence.key].keypoints_px, alone.keypoints_px, atol=1e-3)
        np.testing.assert_allclose(found[sequence.key].confidence, alone.confidence, atol=1e-6)
    with pytest.raises(InputError, match="has crops of 32 px, the 2D model was trained on 64 px: run train_2d again"):
        list(detect_sequences(network, architecture | {"crop_size_px": 64}, path, sequences, *how))


def test_keypoints_beyond_the_fold_of_a_lens_are_marked_and_counted_once(tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=8).eval()
    sequences = write_toy_data(tmp_path, n_frames=3)
    architecture = {"crop_size_px": 32, "sigma_heatmap_px": 1.5}

    def detections(sequences):
        how = (torch.device("cpu"), "local_soft_argmax", False, 1)
        return [one for _, one in detect_sequences(network, architecture, tmp_path / "data/crops.h5", sequences, *how)]

    plain = detections(sequences)
    assert capsys.readouterr().out == ""
    # A lens with its fold at 0.65 f, and f such that the first sequence's middle joint from the centre lies just on it.
    camera = sequences[0].camera
    px = np.linalg.norm(plain[0].keypoints_px - camera.intrinsics_px[:2, 2], axis=-1)
    focal_px = float(np.median(px)) / 0.6506
    lens = replace(
        camera,
        intrinsics_px=np.array(
            [[focal_px, 0, camera.intrinsics_px[0, 2]], [0, focal_px, camera.intrinsics_px[1, 2]], [0, 0, 1]]
        ),
        distortion=np.array([-0.35, 0, 0, 0, 0]),
    )
    marked = detections([replace(sequences[0], camera=lens), *sequences[1:]])
    beyond = ~lens.shows(plain[0].keypoints_px)
    assert 0 < beyond.sum() < beyond.size
    assert (marked[0].confidence[beyond.any(1)] == 0).all() and lens.shows(marked[0].keypoints_px).all()
    np.testing.assert_array_equal(marked[1].keypoints_px, plain[1].keypoints_px)
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and said.startswith(f"{beyond.sum()} keypoints lie where")


def test_saved_network_loads_and_another_model_is_refused(tmp_path):
    network = PoseResNet("resnet18", (8, 8, 8), stem_channels=4)
    architecture = {"backbone": "resnet18", "stem_channels": 4, "deconv_channels": [8, 8, 8]}
    save_model(tmp_path / "pose2d.pt", architecture, network.state_dict())
    loaded, read = load_network(tmp_path / "pose2d.pt")
    assert read == architecture and not loaded.training
    assert torch.equal(loaded.conv1.weight, network.conv1.weight)
    save_model(tmp_path / "repnet.pt", {"width": 3}, {})
    with pytest.raises(InputError, match="repnet.pt holds neither a pose_resnet nor a blazepose"):
        load_network(tmp_path / "repnet.pt")
