"""Shares, settings, and that processes which train together end together."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from two_processes import start

from pose3d.runtime.errors import InputError
from pose3d.runtime.processes import WHOLE, Share, all_processes, mean_over_processes, one_process


@pytest.fixture(autouse=True)
def by_hand(monkeypatch):
    """Nobody but the test says what processes there are."""
    for name in [name for name in os.environ if name.startswith(("POSE3D_", "SLURM_", "TORCHELASTIC_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_shares_are_equal_and_make_the_whole(ranks):
    drawn = np.arange(24).reshape(12, 2)
    shares = [Share(rank, ranks) for rank in range(ranks)]
    parts = [share.part(drawn) for share in shares]
    assert {len(part) for part in parts} == {12 // ranks}
    assert np.array_equal(np.concatenate(parts), drawn)
    assert torch.equal(torch.cat([share.part(torch.from_numpy(drawn)) for share in shares]), torch.from_numpy(drawn))
    assert not len(shares[-1].part(drawn[:0]))


def test_a_batch_that_does_not_divide_is_refused_by_its_name():
    WHOLE.require_equal("repnet.batch_size", 9)
    Share(1, 3).require_equal("repnet.batch_size", 9)
    with pytest.raises(InputError, match="repnet.batch_size is 9, which 2 processes cannot share equally"):
        Share(0, 2).require_equal("repnet.batch_size", 9)


def test_one_process_is_the_default_and_leaves_values_alone():
    with all_processes() as fabric:
        assert (fabric.world_size, fabric.device.type, Share.of(fabric)) == (1, "cpu", WHOLE)
        value = torch.ones(2)
        assert mean_over_processes(value) is value


def test_inference_takes_one_process_whatever_training_takes(monkeypatch):
    monkeypatch.setenv("POSE3D_DEVICES", "2")
    monkeypatch.setenv("POSE3D_NODES", "2")
    assert one_process().world_size == 1


@pytest.mark.parametrize(
    ("instructions", "variable", "precision"),
    [
        ({"avx512_bf16": True}, None, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": True}, "", "bf16-mixed"),
        ({"avx512_bf16": False}, None, "32-true"),
        ({}, None, "32-true"),
        ({"avx512_bf16": True}, "32-true", "32-true"),
        ({}, "bf16-mixed", "bf16-mixed"),
    ],
)
def test_precision_is_as_said_or_what_the_processor_is_made_for(instructions, variable, precision, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    monkeypatch.setenv("POSE3D_ACCELERATOR", "cpu")
    if variable is not None:
        monkeypatch.setenv("POSE3D_PRECISION", variable)
    assert one_process().strategy.precision.precision == precision
    assert one_process("32-true").strategy.precision.precision == "32-true"
    with all_processes() as fabric:
        assert fabric.strategy.precision.precision == precision


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "auto"])
@pytest.mark.parametrize("name", ["POSE3D_DEVICES", "POSE3D_NODES"])
def test_a_number_of_processes_that_is_none_is_refused(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"^{name} must be a whole number above 0, not '{value}'$"), all_processes():
        pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"POSE3D_NODES": "2"}, "POSE3D_NODES is 2: start this stage's script on every node"),
        ({"POSE3D_ACCELERATOR": "abacus"}, "machine cannot do: .*abacus"),
        ({"POSE3D_PRECISION": "7-true"}, "machine cannot do: .*7-true"),
        ({"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2"}, "2 processes were started where 1 should be"),
        ({"SLURM_STEP_NUM_TASKS": "4", "POSE3D_DEVICES": "2"}, "4 processes were started where 2 should be"),
        (
            {"SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4", "POSE3D_DEVICES": "2"}
            | {"POSE3D_NODES": "2"},
            "number of tasks per node",
        ),
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2", "POSE3D_DEVICES": "2"}, "ntasks-per-node"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message, monkeypatch):
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=message) as caught, all_processes():
        pass
    assert "\n" not in str(caught.value)


ENDINGS = {
    "one alone": "if fabric.global_rank == 1: raise InputError('crop 3 is damaged')",
    "all alike": "raise InputError('training diverged')",
    "first killed": "if fabric.global_rank == 0: os.kill(os.getpid(), 9)",
}


@pytest.fixture(scope="module")
def endings(tmp_path_factory):
    """Status and output of pairs of processes that end in each way, whose pids are in files."""
    root = tmp_path_factory.mktemp("endings")
    started = {}
    for name, ending in ENDINGS.items():
        code = f"""
import os
from pathlib import Path
import torch
from pose3d.runtime.errors import InputError, run_stage
from pose3d.runtime.processes import all_processes, mean_over_processes

def main():
    with all_processes() as fabric:
        Path(f"pid{{fabric.global_rank}}").write_text(str(os.getpid()))
        mean_over_processes(torch.ones(1))
        {ending}
        mean_over_processes(torch.ones(1))
    print("written")

run_stage(main)
"""
        started[name] = start(root / name, code)
    return {name: (process.wait(300), root / name) for name, process in started.items()}


@pytest.mark.parametrize(
    ("name", "statuses", "said"),
    [
        # Fabric's own watch over its children may be there first, with a kill.
        ("one alone", (1, -signal.SIGKILL), "error: crop 3 is damaged"),
        ("all alike", (1,), "error: training diverged"),
        ("first killed", (-signal.SIGKILL,), ""),
    ],
)
def test_processes_end_together_and_speak_once(endings, name, statuses, said):
    status, folder = endings[name]
    output = (folder / "err.txt").read_text()
    assert status in statuses, output
    assert not said or output.count(said) == 1, output
    assert "Traceback" not in output and "written" not in output, output
    end = time.monotonic() + 10
    while any(is_running(int(path.read_text())) for path in folder.glob("pid*")):
        assert time.monotonic() < end
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
