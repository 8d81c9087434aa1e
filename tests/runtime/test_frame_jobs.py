"""Frame jobs on this machine; tests/stages/test_cluster.py has them on a Dask cluster."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from pose3d.runtime import frame_jobs
from pose3d.runtime.errors import InputError
from pose3d.runtime.frame_jobs import SCHEDULER_VARIABLE, in_order

ORPHANING = """
import os, pathlib, signal, sys
from pose3d.runtime.frame_jobs import in_order
from runtime.test_frame_jobs import slowest_first
results = in_order(slowest_first, ((n,) for n in range(99)))
pathlib.Path(sys.argv[1]).write_text(" ".join(str(next(results)[1]) for _ in range(4)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def two_workers(monkeypatch):
    monkeypatch.setenv("POSE3D_WORKERS", "2")
    monkeypatch.delenv(SCHEDULER_VARIABLE, raising=False)


def slowest_first(number: int) -> tuple[int, int]:
    time.sleep(0.3 if number == 0 else 0)
    return number, os.getpid()


def refuse_two(number: int) -> int:
    if number == 2:
        raise InputError("two is damaged")
    return number


def blocks_ctrl_c(_: int) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_results_come_in_order_from_other_processes():
    numbers, processes = zip(*in_order(slowest_first, ((n,) for n in range(9))), strict=True)
    assert numbers == tuple(range(9))
    assert os.getpid() not in processes and len(set(processes)) == 2


def test_jobs_are_read_no_faster_than_results_are_taken():
    read = []
    jobs = ((read.append(n) or n,) for n in range(100))
    with closing(in_order(slowest_first, jobs)) as results:
        for n in range(3):
            assert next(results)[0] == n
            time.sleep(0.1)
            assert read == list(range(n + 5))  # the one at hand and two for each worker


def test_a_jobs_own_error_comes_in_its_turn():
    results = in_order(refuse_two, ((n,) for n in range(9)))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InputError, match="^two is damaged$"):
        next(results)


def test_ctrl_c_is_left_to_the_process_that_waits_for_results():
    assert list(in_order(blocks_ctrl_c, ((n,) for n in range(5)))) == [True] * 5
    assert not blocks_ctrl_c(0)


def test_a_killed_process_is_one_sentence():
    with pytest.raises(InputError, match="a worker process was killed"):
        list(in_order(die, [(0,)]))


def test_no_process_outlives_a_parent_that_was_killed(tmp_path):
    here = Path(__file__).parents[1]
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHANING, str(tmp_path / "pids")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent / "src")])},
    )
    assert parent.wait() == -signal.SIGKILL
    processes = [int(number) for number in (tmp_path / "pids").read_text().split()]
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{number}").exists() for number in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{number}").exists() for number in processes)


def test_a_cluster_without_the_package_is_one_sentence(monkeypatch):
    monkeypatch.setenv(SCHEDULER_VARIABLE, "tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"distributed is not installed: install pose3d\[cluster\]"):
        list(in_order(slowest_first, [(0,)]))


def test_a_worker_with_other_code_is_refused():
    assert frame_jobs._of_this_version(frame_jobs._version(), abs, -1) == 1
    with pytest.raises(InputError, match="runs another version of pose3d, NumPy or OpenCV"):
        frame_jobs._of_this_version("another", abs, -1)
