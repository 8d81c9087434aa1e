import io
import math
import os
import pickle

import numpy as np
import pytest
import torch

from pose3d import training
from pose3d.errors import InputError


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return training.Checkpoint("train_2d", "0123456789abcdef")


def test_checkpoint_round_trip_and_removal(checkpoint, tmp_path):
    assert checkpoint.load() is None
    checkpoint.save({"step": 3, "weights": {"w": torch.arange(4.0)}})
    assert checkpoint.path == tmp_path / ".ckpt/train_2d-0123456789abcdef.pt"
    state = training.Checkpoint("train_2d", "0123456789abcdef").load()
    assert state["step"] == 3 and torch.equal(state["weights"]["w"], torch.arange(4.0))
    assert training.Checkpoint("train_2d", "fedcba9876543210").load() is None
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.load() is None


def test_a_kill_while_saving_leaves_the_previous_checkpoint(checkpoint, monkeypatch):
    checkpoint.save({"step": 3})

    def half(state, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save({"step": 4})
    assert checkpoint.load() == {"step": 3}
    assert [p.name for p in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


@pytest.mark.parametrize("damage", ["empty", "truncated", "zeros", "text", "flipped", "pickle"])
def test_an_unreadable_checkpoint_is_reported_and_training_starts_over(checkpoint, capsys, damage):
    checkpoint.save({"step": 3, "weights": torch.arange(1000.0)})
    content = checkpoint.path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1  # inside the tensor
    checkpoint.path.write_bytes(
        {
            "empty": b"",
            "truncated": content[: len(content) // 2],
            "zeros": bytes(len(content)),
            "text": b"not a checkpoint",
            "flipped": bytes(flipped),
            "pickle": pickle.dumps(print),
        }[damage]
    )
    assert checkpoint.load() is None
    assert "does not read" in capsys.readouterr().err


class Payload:
    def __reduce__(self):
        return os.mkdir, ("owned",)


def test_models_and_checkpoints_run_no_code(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint.path.parent.mkdir()
    torch.save({"architecture": {}, "weights": Payload()}, checkpoint.path)
    assert checkpoint.load() is None
    with pytest.raises(InputError, match="is not a model of this project"):
        training.load_model(checkpoint.path)
    assert not (tmp_path / "owned").exists()


def test_fingerprint_changes_with_params_inputs_and_script(tmp_path):
    data, script = tmp_path / "data.h5", tmp_path / "stage.py"
    data.write_bytes(b"1")
    script.write_text("pass")
    params = {"lr": 1e-3, "steps": 10}
    first = training.fingerprint(params, [data], script)
    assert first == training.fingerprint({"steps": 10, "lr": 1e-3}, [data], script)
    assert len(first) == 16
    others = [training.fingerprint(params | {"lr": 2e-3}, [data], script)]
    data.write_bytes(b"2")
    others.append(training.fingerprint(params, [data], script))
    data.write_bytes(b"1")
    script.write_text("pass  # changed")
    others.append(training.fingerprint(params, [data], script))
    assert len({first, *others}) == 4


def test_require_finite_names_step_and_terms():
    training.require_finite(1, critic=0.0, reprojection=-3.5)
    for bad in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(InputError, match=r"diverged at step 17 \(critic (nan|inf|-inf), reprojection 1\)"):
            training.require_finite(17, critic=bad, reprojection=1.0)


def test_model_round_trip_gives_the_same_bytes(tmp_path):
    weights = torch.nn.Linear(3, 2).state_dict()
    contents = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "model.pt"
        training.save_model(path, {"lifter": "frame", "width": 3}, weights)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    architecture, read = training.load_model(path)
    assert architecture == {"lifter": "frame", "width": 3}
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def foreign(content) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n", foreign({"state_dict": {}}), foreign(torch.zeros(3)), foreign([1, 2]), foreign("text")],
    ids=["empty", "png", "other keys", "a tensor", "a list", "text"],
)
def test_a_foreign_file_is_no_model(tmp_path, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model.pt is not a model of this project") as caught:
        training.load_model(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_or_flipped_model_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    training.save_model(path, {"lifter": "frame"}, {"w": torch.arange(1000.0)})
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (content[: len(content) // 2], content[:-1], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="is not a model of this project"):
            training.load_model(path)


def test_a_missing_model_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"model.pt is missing: run"):
        training.load_model(tmp_path / "model.pt")


@pytest.mark.parametrize("other", [torch.nn.Linear(4, 2), torch.nn.Linear(3, 2, bias=False), torch.nn.PReLU()])
def test_weights_of_another_architecture_are_refused(other):
    with pytest.raises(InputError, match="model.pt holds weights of another architecture: .*weight|bias") as caught:
        training.load_weights(torch.nn.Linear(3, 2), other.state_dict(), "model.pt")
    assert "\n" not in str(caught.value)


def test_generators_of_other_purposes_are_independent():
    a, b = training.numpy_generator(1, 2, 3), training.numpy_generator(1, 2, 4)
    again = training.numpy_generator(1, 2, 3)
    draw = a.random(5)
    np.testing.assert_array_equal(draw, again.random(5))
    assert not np.array_equal(draw, b.random(5))


def test_curves_are_written(tmp_path):
    training.write_curves(tmp_path / "curves.csv", [{"step": 1, "loss": 1 / 3}, {"step": 2, "loss": 0.25}])
    assert (tmp_path / "curves.csv").read_text() == "step,loss\n1,0.333333\n2,0.25\n"


def test_curves_keep_whole_steps_and_leave_empty_what_a_row_lacks(tmp_path):
    rows = [{"step": 1_000_050, "loss": 2e6}, {"step": 1_000_100, "loss": math.nan, "pck": 0.5}]
    training.write_curves(tmp_path / "curves.csv", rows)
    assert (tmp_path / "curves.csv").read_bytes() == b"step,loss,pck\n1000050,2e+06,\n1000100,,0.5\n"
    training.write_curves(tmp_path / "none.csv", [])
    assert (tmp_path / "none.csv").read_bytes() == b"\n"
