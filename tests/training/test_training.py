import io
import math
import os
import pickle
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import pose3d
from pose3d.runtime.errors import InputError
from pose3d.training.checkpoint import Checkpoint, fingerprint, require_finite
from pose3d.training.curves import write_curves
from pose3d.training.finite import not_finite
from pose3d.training.model_file import build_with, load_model, save_model
from pose3d.training.seeds import numbered_draws, numpy_generator, seed_all


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return Checkpoint("train_2d", "0123456789abcdef")


def test_checkpoint_round_trip_and_removal(checkpoint, tmp_path):
    start = {"step": 0, "weights": {"w": torch.zeros(4)}}
    assert checkpoint.load(start) is None
    checkpoint.save({"step": 3, "weights": {"w": torch.arange(4.0)}})
    assert checkpoint.path == tmp_path / ".ckpt/train_2d-0123456789abcdef.pt"
    state = Checkpoint("train_2d", "0123456789abcdef").load(start)
    assert state["step"] == 3 and torch.equal(state["weights"]["w"], torch.arange(4.0))
    assert Checkpoint("train_2d", "fedcba9876543210").load(start) is None
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.load(start) is None


def test_what_a_kill_left_of_a_checkpoints_writing_goes_with_it(checkpoint):
    checkpoint.remove()
    assert not checkpoint.path.parent.exists()
    checkpoint.save({"step": 3})
    checkpoint.path.with_name(f".{checkpoint.path.name}.partial").write_bytes(b"half")
    checkpoint.path.with_name(f".{checkpoint.path.name}.lock").touch()
    checkpoint.remove()
    assert not list(checkpoint.path.parent.iterdir())


def test_a_kill_while_saving_leaves_the_previous_checkpoint(checkpoint, monkeypatch):
    checkpoint.save({"step": 3})

    def half(state, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save({"step": 4})
    assert checkpoint.load({"step": 0})["step"] == 3
    assert [p.name for p in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


def test_a_full_disk_is_said_of_a_checkpoint_as_of_every_file(checkpoint):
    checkpoint.save({"step": 3})
    code = """
import resource, signal, torch
from pose3d.runtime.errors import run_stage
from pose3d.training.checkpoint import Checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
def main():
    Checkpoint("train_2d", "0123456789abcdef").save({"step": 4, "weights": torch.zeros(100_000)})
run_stage(main)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "cannot write all of a file" in done.stderr and str(checkpoint.path.parent) in done.stderr
    assert checkpoint.load({"step": 0})["step"] == 3
    assert [p.name for p in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


def learner_after_a_step():
    learner = torch.nn.Linear(3, 2)
    adam = torch.optim.Adam(learner.parameters(), fused=True)
    learner(torch.ones(1, 3)).sum().backward()
    adam.step()
    return {"learner": learner, "adam": adam, "step": 1, "rows": [{"step": 1}]}


def at_start():
    learner = torch.nn.Linear(3, 2)
    return {"learner": learner, "adam": torch.optim.Adam(learner.parameters(), fused=True), "step": 0, "rows": []}


def changed(keys, value):
    """A checkpoint of which one entry is another."""

    def change(state):
        place = state
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return state

    return change


FOREIGN = {
    "a tensor": lambda state: torch.zeros(3),
    "a list": lambda state: [state],
    "a model": lambda state: {"architecture": {}, "weights": state["learner"]},
    "no step": lambda state: {name: value for name, value in state.items() if name != "step"},
    "one more": changed(["epoch"], 3),
    "step as text": changed(["step"], "1"),
    "rows as a dict": changed(["rows"], {}),
    "weight's shape": changed(["learner", "weight"], torch.zeros(2, 4)),
    "weight's type": changed(["learner", "weight"], torch.zeros(2, 3, dtype=torch.float64)),
    "weight as a list": changed(["learner", "weight"], [0.0] * 6),
    "optimizer's groups": changed(["adam", "param_groups"], []),
    "optimizer's parameters": changed(["adam", "param_groups", 0, "params"], [0]),
    "moment's shape": changed(["adam", "state", 0, "exp_avg"], torch.zeros(3, 2)),
    "moment missing": changed(["adam", "state", 1], {"step": torch.tensor(1.0)}),
    "moments of no parameter": changed(["adam", "state", 2], {}),
    "another run's": changed(["run"], "train_2d-fedcba9876543210"),
}


@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_that_holds_something_else_is_reported_and_training_starts_over(checkpoint, content, capsys):
    checkpoint.save(learner_after_a_step())
    state = checkpoint.load(at_start())
    assert state["step"] == 1 and set(state["adam"]["state"]) == {0, 1}
    assert not capsys.readouterr().err
    torch.save(FOREIGN[content](state), checkpoint.path)
    assert checkpoint.load(at_start()) is None
    said = capsys.readouterr().err
    assert said == f"{checkpoint.path} is not a checkpoint of this run; starting from the beginning\n"


def test_no_flipped_bit_of_a_checkpoint_goes_unnoticed_or_ends_the_run(checkpoint, capsys):
    """In the archive's padding it changes nothing; anywhere else it is reported."""
    weights = torch.arange(100.0)
    checkpoint.save({"step": 3, "weights": weights})
    content = checkpoint.path.read_bytes()
    refused = 0
    for i in range(len(content)):
        damaged = bytearray(content)
        damaged[i] ^= 1 << i % 8
        checkpoint.path.write_bytes(damaged)
        state = checkpoint.load({"step": 0, "weights": torch.zeros(100)})
        if state is None:
            refused += 1
            assert capsys.readouterr().err.count("\n") == 1
        else:
            assert state["step"] == 3 and torch.equal(state["weights"], weights)
    assert refused > weights.nbytes


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
    assert checkpoint.load({"step": 0, "weights": torch.zeros(1000)}) is None
    assert "does not read" in capsys.readouterr().err


class Payload:
    def __reduce__(self):
        return os.mkdir, ("owned",)


def test_models_and_checkpoints_run_no_code(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint.path.parent.mkdir()
    torch.save({"architecture": {}, "weights": Payload()}, checkpoint.path)
    assert checkpoint.load({}) is None
    with pytest.raises(InputError, match="is not a model of this project"):
        load_model(checkpoint.path)
    assert not (tmp_path / "owned").exists()


def test_fingerprint_changes_with_params_inputs_and_script(tmp_path):
    data, script = tmp_path / "data.h5", tmp_path / "stage.py"
    data.write_bytes(b"1")
    script.write_text("pass")
    params = {"lr": 1e-3, "steps": 10}
    first = fingerprint(params, [data], script)
    assert first == fingerprint({"steps": 10, "lr": 1e-3}, [data], script)
    assert len(first) == 16
    others = [fingerprint(params | {"lr": 2e-3}, [data], script)]
    data.write_bytes(b"2")
    others.append(fingerprint(params, [data], script))
    data.write_bytes(b"1")
    script.write_text("print()")
    others.append(fingerprint(params, [data], script))
    assert len({first, *others}) == 4


def test_fingerprint_is_that_of_what_code_does(tmp_path, monkeypatch):
    """Of the script, and of the package's modules that are loaded; another's comment throws no checkpoint away."""
    script, module = tmp_path / "stage.py", tmp_path / "loaded.py"
    (tmp_path / "__init__.py").touch()
    monkeypatch.setattr(pose3d, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.setitem(sys.modules, "loaded", SimpleNamespace(__file__=str(module)))

    def of(script_code, module_code):
        script.write_text(script_code)
        module.write_text(module_code)
        return fingerprint({}, [], script)

    first = of("x = [1, 2]", "y = 1")
    assert first == of('"""A stage."""\nx = [  # two\n    1,\n    2,\n]', "y = 1  # one")
    assert len({first, of("x = [1, 3]", "y = 1"), of("x = [1, 2]", "y = 2")}) == 3


def test_require_finite_names_step_and_terms():
    require_finite(1, critic=0.0, reprojection=-3.5)
    for bad in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(InputError, match=r"diverged at step 17 \(critic (nan|inf|-inf), reprojection 1\)"):
            require_finite(17, critic=bad, reprojection=1.0)


def test_a_diverged_run_says_where_the_last_good_checkpoint_is(checkpoint):
    with pytest.raises(InputError, match=r"step 2 \(loss nan\).*; there is no checkpoint yet$"):
        require_finite(2, checkpoint, loss=math.nan)
    checkpoint.save({"step": 1})
    with pytest.raises(InputError) as error:
        require_finite(2, checkpoint, loss=math.nan)
    assert str(error.value).endswith(f"; the last good checkpoint stays at {checkpoint.path}")


def adam_with(moment, value):
    weight = torch.nn.Parameter(torch.zeros(2))
    adam = torch.optim.Adam([weight])
    weight.sum().backward()
    adam.step()
    adam.state[weight][moment][1] = value
    return adam


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"a": [1, 2.0, "nan"], "b": torch.ones(2), "c": torch.tensor([2**62])}, None),
        ({"a": [0.0, {"b": math.nan}]}, "a.1.b"),
        ({"w": torch.tensor([1.0, -math.inf])}, "w"),
        ({"adam": adam_with("exp_avg_sq", math.inf)}, "adam.state.0.exp_avg_sq"),
        ({"adam": adam_with("exp_avg", 1e30)}, None),
    ],
)
def test_not_finite_names_the_first_place(values, place):
    assert not_finite(values) == place


def test_a_number_that_is_not_finite_never_replaces_a_good_checkpoint(checkpoint):
    checkpoint.save({"step": 3, "weights": {"w": torch.arange(4.0)}})
    good = checkpoint.path.read_bytes()
    diverged = {"step": 4, "weights": {"w": torch.tensor([0, math.nan])}}
    with pytest.raises(InputError, match=r"diverged at step 4 \(weights\.w is not finite\).*stays at"):
        checkpoint.save(diverged)
    assert checkpoint.path.read_bytes() == good
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


def test_a_checkpoint_with_a_number_that_is_not_finite_is_not_used(checkpoint, capsys):
    checkpoint.path.parent.mkdir()
    torch.save({"step": 4, "optimizer": {"state": {0: {"exp_avg": torch.tensor([math.inf])}}}}, checkpoint.path)
    assert checkpoint.load({"step": 0, "optimizer": {}}) is None
    assert "optimizer.state.0.exp_avg is not finite" in capsys.readouterr().err


def test_a_model_with_a_weight_that_is_not_finite_is_neither_written_nor_read(tmp_path):
    path = tmp_path / "model.pt"
    save_model(path, {}, {"w": torch.ones(2)})
    good = path.read_bytes()
    with pytest.raises(InputError, match=r"model\.pt is not written: weight w is not finite"):
        save_model(path, {}, {"w": torch.tensor([1, math.nan])})
    assert path.read_bytes() == good
    torch.save({"architecture": {}, "weights": {"w": torch.tensor([1, math.nan])}}, path)
    with pytest.raises(InputError, match=r"model\.pt is not a model of this project \(weights\.w is not finite\)"):
        load_model(path)


def test_model_round_trip_gives_the_same_bytes(tmp_path):
    weights = torch.nn.Linear(3, 2).state_dict()
    contents = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "model.pt"
        save_model(path, {"lifter": "frame", "width": 3}, weights)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    architecture, read = load_model(path)
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
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_or_flipped_model_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    save_model(path, {"lifter": "frame"}, {"w": torch.arange(1000.0)})
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for damaged in (content[: len(content) // 2], content[:-1], bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="is not a model of this project"):
            load_model(path)


def test_a_model_of_which_a_part_says_that_it_is_a_folder_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    save_model(path, {"lifter": "frame"}, {"w": torch.arange(1000.0)})
    content = path.read_bytes()
    entries = [place for place in range(len(content)) if content[place : place + 4] == b"PK\1\2"]
    assert len(entries) > 3
    for entry in entries:
        damaged = bytearray(content)
        damaged[entry + 38] |= 0x10  # of its attributes
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"model.pt is not a model .* \(a part of it says that it is a folder\)"):
            load_model(path)


def test_a_missing_model_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"model.pt is missing: run"):
        load_model(tmp_path / "model.pt")


@pytest.mark.parametrize("other", [torch.nn.Linear(4, 2), torch.nn.Linear(3, 2, bias=False), torch.nn.PReLU()])
def test_weights_of_another_architecture_are_refused(other):
    with pytest.raises(InputError, match="model.pt holds weights of another architecture: .*weight|bias") as caught:
        build_with(lambda: torch.nn.Linear(3, 2), other.state_dict(), "model.pt")
    assert "\n" not in str(caught.value)


def test_a_module_is_built_with_the_weights_of_a_file():
    weights = torch.nn.Linear(3, 2).state_dict()
    built = build_with(lambda: torch.nn.Linear(3, 2), weights, "model.pt").state_dict()
    assert all(torch.equal(built[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"architecture": {"lifter": ()}, "weights": [1]}, "weights are no table"),
        ({"architecture": {"lifter": ((),)}, "weights": {}}, "architecture is no table"),
        ({"architecture": {"deconv_channels": [8] * 1000}, "weights": {}}, "architecture is no table"),
        ({"architecture": {}, "weights": {"w": torch.zeros(1).expand(10**12)}}, "claim more than it holds"),
        ({"architecture": {}, "weights": {"w": torch.zeros(9).to_sparse()}}, "no plain array"),
        ({"architecture": {}, "weights": {"w": torch.zeros(10**12, device="meta")}}, "no plain array"),
    ],
)
def test_a_model_of_what_no_model_is_made_of_is_refused(tmp_path, content, problem):
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(InputError, match=rf"model\.pt is not a model of this project \(.*{problem}"):
        load_model(tmp_path / "model.pt")


def test_lists_that_hold_each_other_many_times_are_walked_once():
    content = [math.nan]
    for _ in range(60):
        content = [content, content]
    assert not_finite(content) == ".".join("0" * 61)


def test_generators_of_other_purposes_are_independent():
    a, b = numpy_generator(1, 2, 3), numpy_generator(1, 2, 4)
    again = numpy_generator(1, 2, 3)
    draw = a.random(5)
    np.testing.assert_array_equal(draw, again.random(5))
    assert not np.array_equal(draw, b.random(5))


def test_a_things_draws_are_its_own():
    """The first of SplitMix64 by hand from its start; whoever is drawn with it, in whatever order."""
    both, alone = numbered_draws(np.array([7, 2]), 3, 1, 5), numbered_draws(np.array([2]), 3, 1, 5)
    np.testing.assert_array_equal(both[1:], alone)
    z = (int(numpy_generator(1, 5).integers(2**64, dtype=np.uint64)) + 7 * 0x9E3779B97F4A7C15) % 2**64
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ z >> shift) * factor % 2**64
    assert alone[0, 0] == ((z ^ z >> 31) >> 11) / 2**53  # draw 2 * 3, which is the seventh of the generator
    assert not np.array_equal(alone, numbered_draws(np.array([2]), 3, 1, 6))


def test_draws_are_uniform_and_those_of_neighbours_independent():
    draws = numbered_draws(np.arange(5000), 4, 1)
    assert draws.min() >= 0 and draws.max() < 1
    for column in draws.T:
        assert np.abs(np.histogram(column, 10, (0, 1))[0] - 500).max() < 5 * np.sqrt(500)
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 0.06
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.06


@pytest.fixture
def as_it_was(monkeypatch):
    """torch's settings and the environment, which seeding changes."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    exact, benchmark = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    yield monkeypatch
    torch.use_deterministic_algorithms(exact, warn_only=True)
    torch.backends.cudnn.benchmark = benchmark


@pytest.mark.parametrize(
    ("value", "accelerator", "gpu", "exact"),
    [
        (None, "auto", True, True),
        ("1", "auto", True, True),
        ("0", "auto", True, False),
        ("0", "cpu", True, True),
        ("0", "auto", False, True),
    ],
)
def test_only_a_gpu_may_be_asked_for_quicker_algorithms(value, accelerator, gpu, exact, as_it_was):
    as_it_was.setattr(torch.cuda, "is_available", lambda: gpu)
    as_it_was.setenv("POSE3D_ACCELERATOR", accelerator)
    as_it_was.delenv("POSE3D_DETERMINISTIC", raising=False)
    if value is not None:
        as_it_was.setenv("POSE3D_DETERMINISTIC", value)
    seed_all(3)
    assert torch.are_deterministic_algorithms_enabled() == exact
    assert torch.backends.cudnn.benchmark != exact
    assert ("CUBLAS_WORKSPACE_CONFIG" in os.environ) == exact
    drawn = torch.rand(2)
    assert torch.equal(drawn, torch.rand(2, generator=torch.Generator().manual_seed(3)))


def test_another_wish_for_determinism_is_refused(monkeypatch):
    monkeypatch.setenv("POSE3D_DETERMINISTIC", "yes")
    with pytest.raises(InputError, match="^POSE3D_DETERMINISTIC must be 1, or 0 for a GPU's quickest.*, not 'yes'$"):
        seed_all(1)


def test_curves_are_written(tmp_path):
    write_curves(tmp_path / "curves.csv", [{"step": 1, "loss": 1 / 3}, {"step": 2, "loss": 0.25}])
    assert (tmp_path / "curves.csv").read_text() == "step,loss\n1,0.333333\n2,0.25\n"


def test_curves_keep_whole_steps_and_leave_empty_what_a_row_lacks(tmp_path):
    rows = [{"step": 1_000_050, "loss": 2e6}, {"step": 1_000_100, "loss": math.nan, "pck": 0.5}]
    write_curves(tmp_path / "curves.csv", rows)
    assert (tmp_path / "curves.csv").read_bytes() == b"step,loss,pck\n1000050,2e+06,\n1000100,,0.5\n"
    write_curves(tmp_path / "none.csv", [])
    assert (tmp_path / "none.csv").read_bytes() == b"\n"


def test_a_model_that_unpacks_to_more_than_it_holds_is_refused(tmp_path):
    save_model(tmp_path / "m.pt", {"lifter": "frame"}, {"weight": torch.zeros(2**18)})
    with zipfile.ZipFile(tmp_path / "m.pt") as whole, zipfile.ZipFile(tmp_path / "bomb.pt", "w") as bomb:
        for member in whole.infolist():
            bomb.writestr(member.filename, whole.read(member), zipfile.ZIP_DEFLATED)
    assert load_model(tmp_path / "m.pt")[1]["weight"].shape == (2**18,)
    with pytest.raises(InputError, match=r"bomb\.pt .*claims to unpack to more than it holds"):
        load_model(tmp_path / "bomb.pt")
