"""One GPU for each process, so that experiments that run side by side on one machine do not meet on the same one."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_S = 1.0


def claim_gpu(names: Sequence[str], folder: Path | None = None) -> tuple[int, FileLock]:
    """Wait for a GPU that no other process has claimed, and claim it.

    The operating system lets go of a claim when its process ends, however that comes about. Only processes that ask
    here are seen: other users and other programs are kept apart by CUDA_VISIBLE_DEVICES.

    Args:
        names: what sets each GPU apart on this machine, its UUID.
        folder: of the lock files, on this machine's own disk; by default one in the temporary folder.

    Returns:
        index into ``names``, and the claim, which lasts as long as this object does.
    """
    folder = folder or Path(tempfile.gettempdir()) / f"pose3d-gpus-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    locks = [FileLock(folder / f"{name}.lock") for name in names]
    waited = False
    while True:
        for index, lock in enumerate(locks):
            try:
                lock.acquire(blocking=False)
                return index, lock
            except Timeout:
                continue
        if not waited:
            print(f"all {len(locks)} GPUs are taken by other runs: waiting for one", file=sys.stderr, flush=True)
            waited = True
        time.sleep(_POLL_S)
