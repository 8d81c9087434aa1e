"""What the campaign compares: outputs by hash, metrics and first losses by their largest share."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from torture import reproducibility

KEYPOINTS = "data/keypoints2d.h5"


@dataclass
class Recorded:
    """A workspace whose stages leave everything as it is, but for what ``changed`` puts into a file."""

    root: Path
    environment: dict[str, str]
    trace_folder: Path | None = None
    changed = ("", "")

    def run(self, *command):
        path, content = self.changed
        if path:
            (self.root / path).write_text(content)

    def locked_outputs(self, stage):
        content = (self.root / KEYPOINTS).read_bytes()
        return {KEYPOINTS: hashlib.md5(content, usedforsecurity=False).hexdigest()} if stage == "infer_2d" else {}


@pytest.fixture
def reference(tmp_path):
    root = tmp_path / "reference"
    for name in ("data", "metrics", *(f"plots/{name}" for name in reproducibility.TRAINED.values())):
        (root / name).mkdir(parents=True)
    (root / KEYPOINTS).write_text("keypoints")
    for name in ("validation", "evaluation"):
        (root / "metrics" / f"{name}.json").write_text(json.dumps({"repnet": {"mpjpe_mm": 100.0}}))
    for name in reproducibility.TRAINED.values():
        (root / "plots" / name / "curves.csv").write_text("step,loss\n50,2.0\n100,1.0\n")
    return Recorded(root, {})


@pytest.mark.parametrize(
    ("path", "content", "passed"),
    [
        ("", "", 5),
        (KEYPOINTS, "others", 4),
        ("metrics/evaluation.json", '{"repnet": {"mpjpe_mm": 100.2}}', 4),
        ("plots/repnet/curves.csv", "step,loss\n50,2.1\n100,1.0\n", 4),
        ("plots/repnet/curves.csv", "step,loss\n50,2.01\n100,9.0\n", 5),  # the first row alone counts
    ],
)
def test_stages_with_other_threads_are_compared_one_by_one(path, content, passed, reference, tmp_path, monkeypatch):
    monkeypatch.setattr(reproducibility, "Workspace", Recorded)
    monkeypatch.setattr(Recorded, "changed", (path, content))
    row = reproducibility.other_threads(reference, tmp_path / "clone", {"OMP_NUM_THREADS": "2"})
    assert (row.cases, row.passed) == (5, passed)
