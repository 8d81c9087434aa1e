"""A prior's file is read as any sequences.h5."""

from dataclasses import replace

import numpy as np
import pytest
from people import camera_ring, population, take

from pose3d.geometry.layouts import N_LANDMARKS
from pose3d.records.prior_file import write_prior
from pose3d.records.sequences import read_sequences, read_splits
from pose3d.runtime.errors import InputError


def test_all_comes_back(tmp_path):
    written = [take(name, "Walk", 4, camera_ring(1))[0] for name in ("Ann", "Bob")]
    written[0] = replace(written[0], landmarks_world_m=np.ones((4, N_LANDMARKS, 3), np.float32))
    written = [replace(s, camera=replace(s.camera, distortion=np.zeros(5))) for s in written]
    assert write_prior(tmp_path / "a.h5", written) == (2, 8)
    for found, sequence in zip(read_sequences(tmp_path / "a.h5"), written, strict=True):
        assert (found.key, found.fps) == (sequence.key, sequence.fps)
        for name in ("poses_world_m", "poses_cam_m", "keypoints_px", "boxes_px", "landmarks_world_m"):
            np.testing.assert_array_equal(getattr(found, name), getattr(sequence, name))
        for name in ("width_px", "height_px", "intrinsics_px", "distortion", "rotation", "translation_m"):
            np.testing.assert_array_equal(getattr(found.camera, name), getattr(sequence.camera, name))
    assert read_splits(tmp_path / "a.h5") == {"train": ["Ann", "Bob"], "validation": [], "test": []}


def test_a_lens_of_human36ms_formula_comes_back(tmp_path):
    sequence = population(frames=2)[0]
    sequence = replace(sequence, camera=replace(sequence.camera, distortion_model="human36m"))
    write_prior(tmp_path / "a.h5", [sequence])
    assert read_sequences(tmp_path / "a.h5")[0].camera.distortion_model == "human36m"


def test_what_is_not_finite_is_not_written(tmp_path):
    sequence = population(frames=2)[0]
    sequence.poses_world_m[1, 3] = np.nan
    with pytest.raises(InputError, match="not finite at frame 1, joint RFoot"):
        write_prior(tmp_path / "a.h5", [sequence])
    assert not list(tmp_path.iterdir())
