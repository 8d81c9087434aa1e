"""DVC's own files that a kill left half-written, put right: ``make repro`` does this before ``dvc repro``.

DVC writes dvc.lock, .dvc/tmp/rwlock and .dvc/tmp/exps/rwlock in place, and refuses to start where it finds half of one.
DVC's own schemas judge here, under DVC's own locks, so that what another dvc is writing at this moment is left alone.

- An rwlock, the list of who reads and writes what just now (that in exps is the experiments'), is removed: nobody could
  read it anyhow.
- dvc.lock comes back as git has it; the half is kept in .dvc/tmp. Stages that ran since are in DVC's run cache.
- What no kill leaves (conflicts of a merge, a dvc.lock that git does not have) is one sentence with the command to run.
"""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from dvc.lock import LockError, make_lock
from dvc.rwlock import SCHEMA as RWLOCK_SCHEMA
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import ParseError, load_yaml
from voluptuous import Invalid

from pose3d.runtime.errors import InputError, run_stage

TEMPORARY = Path(".dvc/tmp")
RWLOCK, EXPERIMENTS_RWLOCK, LOCK = TEMPORARY / "rwlock", TEMPORARY / "exps" / "rwlock", Path("dvc.lock")
HALF = TEMPORARY / "dvc.lock.half-written"
_CONFLICT = "<<<<<<< "


def put_right() -> list[str]:
    """Put right what is half-written in the repository that is the working folder.

    Returns:
        What was done, a sentence each.

    Raises:
        InputError: dvc.lock cannot be read, and only a person can say what belongs there; names the command.
    """
    if not TEMPORARY.is_dir():
        return []  # DVC has never run here
    rwlocks = [path for path in (RWLOCK, EXPERIMENTS_RWLOCK) if path.parent.is_dir()]
    with contextlib.ExitStack() as locks:
        try:
            for path in (TEMPORARY / "lock", *(path.with_name("rwlock.lock") for path in rwlocks)):
                locks.enter_context(make_lock(str(path), tmp_dir=str(TEMPORARY)))
        except LockError:
            return []  # another dvc runs, and says by itself what it finds
        return [*(said for path in rwlocks for said in _put_rwlock_right(path)), *_put_lock_right()]


def _put_rwlock_right(path: Path) -> list[str]:
    try:
        RWLOCK_SCHEMA(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        pass
    except (ValueError, Invalid):
        path.unlink()
        return [f"{path} was half-written and is removed: no dvc runs that it could keep from anything"]
    return []


def _reads() -> bool:
    try:
        COMPILED_LOCKFILE_SCHEMA(load_yaml(LOCK))
    except (ParseError, Invalid, UnicodeDecodeError):
        return False
    return True


def _put_lock_right() -> list[str]:
    if not LOCK.exists() or _reads():
        return []
    if _CONFLICT in LOCK.read_text(encoding="utf-8", errors="replace"):
        raise InputError("dvc.lock has conflicts of a merge: choose a side with `git checkout --ours dvc.lock`")
    kept = subprocess.run(["git", "show", f":./{LOCK}"], capture_output=True, check=False)
    if kept.returncode:
        raise InputError("dvc.lock is half-written and git does not have it: run `rm dvc.lock`, which costs no results")
    os.replace(LOCK, HALF)
    partial = LOCK.with_suffix(".partial")
    partial.write_bytes(kept.stdout)
    os.replace(partial, LOCK)
    if not _reads():
        raise InputError("git's dvc.lock is not one of DVC's: run `git log -- dvc.lock` and check out one that is")
    return [f"dvc.lock was half-written and is git's again ({HALF} is the half); later results are in DVC's run cache"]


def main() -> None:
    """``python -m checks.dvc_files``."""
    for sentence in put_right():
        print(sentence, file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
