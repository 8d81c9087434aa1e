"""Memory that stays with the process."""

import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
import torch
from pose3d.runtime.memory import keep_freed_memory

torch.set_num_threads(1)
if sys.argv[1] == "keep":
    keep_freed_memory()
for _ in range(20):  # until what is kept suffices
    torch.ones(9 * 2**20)  # 36 MiB, more than glibc keeps of itself
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(9 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_memory_asked_for_again_needs_no_new_pages():
    faults = {
        how: int(
            subprocess.run([sys.executable, "-c", _FAULTS, how], capture_output=True, text=True, check=True).stdout
        )
        for how in ("keep", "give back")
    }
    assert faults["keep"] < faults["give back"] / 10
