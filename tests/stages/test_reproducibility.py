"""A stage's outputs do not hang on where and by whom it is run; torture/reproducibility.py tries the whole pipeline."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from params_files import PEOPLE, write_params
from people import SPLITS, population, write_data

ROOT = Path(__file__).parents[2]
HERE = {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0", "POSE3D_WORKERS": "1"}
ELSEWHERE = {"LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "1", "POSE3D_WORKERS": "2"}


def train_repnet(folder: Path, umask: int, **environment: str) -> dict[str, str]:
    """Run the stage on random people in ``folder``; md5 of each file that it wrote."""
    write_params(folder, dataset={"subjects": SPLITS}, lifting=PEOPLE, repnet={"steps": 20})
    write_data(folder / "data", population(frames=20))
    before = set(folder.rglob("*"))
    done = subprocess.run(
        [sys.executable, ROOT / "stages/train_repnet.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        umask=umask,
    )
    assert done.returncode == 0, done.stderr
    written = [path for path in set(folder.rglob("*")) - before if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in written}


def test_training_gives_the_same_bytes_in_another_folder_home_locale_time_zone_and_hash_order(
    tmp_path: Path,
) -> None:
    here = train_repnet(tmp_path / "here", 0o022, **HERE)
    home = tmp_path / "ein Heim"
    home.mkdir()
    elsewhere = train_repnet(tmp_path / "zweiter Klon, mit Ü und 中", 0o077, HOME=str(home), **ELSEWHERE)
    assert "data/models/repnet.pt" in here and len(here) == 3
    assert elsewhere == here
