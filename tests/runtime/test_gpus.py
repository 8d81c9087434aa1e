import subprocess
import sys

import pytest

from pose3d.runtime.gpus import claim_gpu

HOLD = """
import sys
from pathlib import Path
from pose3d.runtime.gpus import claim_gpu
index, claim = claim_gpu(sys.argv[2:], Path(sys.argv[1]))
print(index, flush=True)
sys.stdin.read()
"""


def hold(folder, *names):
    """Another process that claims a GPU and keeps it until its input is closed."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holders():
    started = []
    yield started
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()


def test_each_process_gets_a_gpu_of_its_own(tmp_path, holders):
    names = ["GPU-a", "GPU-b", "GPU-c"]
    holders += [hold(tmp_path, *names) for _ in range(2)]
    taken = {int(process.stdout.readline()) for process in holders}
    index, claim = claim_gpu(names, tmp_path)
    assert taken | {index} == {0, 1, 2}
    claim.release()


@pytest.mark.parametrize("killed", [False, True])
def test_a_claim_ends_with_its_process_and_those_who_wait_get_it(tmp_path, holders, killed):
    holders.append(hold(tmp_path, "GPU-a"))
    assert holders[0].stdout.readline() == "0\n"
    holders.append(hold(tmp_path, "GPU-a"))
    assert "all 1 GPUs are taken by other runs" in holders[1].stderr.readline()
    if killed:
        holders[0].kill()
    else:
        holders[0].stdin.close()
    assert holders[1].stdout.readline() == "0\n"
