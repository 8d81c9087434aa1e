"""The campaign on calls: it breaks them by a seed, passes what ends in one sentence, and sees what does not."""

import random

import cv2
import pytest
import torch

from pose3d.commands.run import COMMANDS
from torture.malformed import CALLS, broken_call, prepare_process, run_cases, write_whole, wrong


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    threads = torch.get_num_threads(), cv2.getNumThreads()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("POSE3D_ACCELERATOR", "POSE3D_PRECISION"):
            patch.setenv(name, "")  # so that what is set is taken back
        prepare_process()
        yield write_whole(tmp_path_factory.mktemp("malformed") / "whole")
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


def test_every_command_has_its_share():
    assert list(CALLS) == list(COMMANDS)
    assert sum(calls.weight for calls in CALLS.values()) == 100


def content(folder):
    return {path.name: path.resolve().read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
def test_a_call_is_broken_by_its_seed_and_the_whole_files_stay(whole, tmp_path):
    before, calls = content(whole), []
    for number in range(40):
        command = list(CALLS)[number % len(CALLS)]
        made = []
        for folder in (tmp_path / f"a{number}", tmp_path / f"b{number}"):
            folder.mkdir()
            made.append((broken_call(command, random.Random(number), whole, folder), content(folder)))
        assert made[0] == made[1]
        calls.append(made[0][0])
    assert content(whole) == before and len(set(map(tuple, calls))) > 25


@pytest.mark.slow
def test_a_dozen_calls_pass(whole, tmp_path):
    for command, numbers in {"convert": range(5), "lift": range(3), "write-npz": range(2), "release": range(2)}.items():
        for number, _, what, tokens, said in run_cases(command, numbers, whole, tmp_path, 2):
            assert what is None, f"{command} {number}: {what}: {tokens}: {said}"


@pytest.mark.parametrize(
    ("said", "status", "what"),
    [
        ("error: a.npz is missing: give one\n", 1, None),
        ("a note\rerror: a.npz is missing: give one\n", 1, None),
        ("", 0, None),
        ("terminated: nothing half-written is left\n", 143, None),
        ("Traceback (most recent call last):\nKeyError: 'a'\n", 70, "a traceback"),
        ("error: a.npz: 'NoneType' is wrong\n", 1, "the word NoneType"),
        ("error: dict is missing\n", 1, None),  # which is how the file was called
        ("", 1, "status 1 and 0 sentences"),
        ("error: one\nerror: two\n", 1, "status 1 and 2 sentences"),
        ("", -9, "it was killed (status -9)"),
        ("", None, "it was killed (status None)"),
    ],
)
def test_what_is_wrong(tmp_path, said, status, what):
    (tmp_path / ".said").write_text(said)
    (tmp_path / ".printed").touch()
    assert wrong(tmp_path, ["convert", "dict"], status) == what


def test_what_is_left_behind_is_wrong_and_a_list_of_check_data_is_not(tmp_path):
    (tmp_path / ".said").touch()
    (tmp_path / ".printed").write_text("- own: S1 is missing\n1 problem\n")
    assert wrong(tmp_path, ["check-data"], 1) is None
    assert wrong(tmp_path, ["convert"], 1) == "status 1 and 0 sentences"
    (tmp_path / ".out.npz.partial").touch()
    assert wrong(tmp_path, ["check-data"], 1) == "it left .out.npz.partial"
