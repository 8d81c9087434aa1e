"""Lift every test sequence with both lifters, as evaluate does before it scores them."""

from pathlib import Path

from pose3d.lifting.lift import lift_sequences
from pose3d.records.keypoints2d import read_keypoints2d
from pose3d.records.sequences import read_sequences, read_splits

DATA = Path("data")


def main() -> None:
    sequences = read_sequences(DATA / "sequences.h5", read_splits(DATA / "sequences.h5")["test"])
    detections = read_keypoints2d(DATA / "keypoints2d.h5", sequences)
    for name in ("repnet", "temporal"):
        lift_sequences(DATA / "models" / f"{name}.pt", sequences, detections)
