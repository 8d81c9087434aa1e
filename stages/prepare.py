"""Stage prepare: any data set to data/sequences.h5, data/frames.h5 and data/given_keypoints2d.h5.

The embedded data set's takes are performed and rendered. POSE3D_WORKERS sets the number of processes (one per CPU core
by default), POSE3D_DASK_SCHEDULER a cluster in their place; the files are the same for any number. A recorded data set
is read and checked; its pictures stay where they are, and 2D keypoints that came with it are passed on.
"""

from pathlib import Path

from pose3d.config.blocks import Seed
from pose3d.config.dataset import DatasetParams, EmbeddedDataset, EmbeddedParams
from pose3d.config.reading import StageParams
from pose3d.datasets.manifest import check_manifest
from pose3d.runtime.errors import run_stage
from pose3d.runtime.files import require_files

RAW, BODIES = Path("data/raw"), Path("data/bodies.h5")
SEQUENCES, FRAMES = Path("data/sequences.h5"), Path("data/frames.h5")
GIVEN_KEYPOINTS = Path("data/given_keypoints2d.h5")


class Params(StageParams):
    seed: Seed
    dataset: DatasetParams
    embedded: EmbeddedParams


def main() -> None:
    params = Params.load()
    dataset = params.dataset
    if isinstance(dataset, EmbeddedDataset):
        check_manifest(RAW)
        require_files(BODIES)
    from pose3d.datasets.preparation import embedded_sequences, recorded_sequences
    from pose3d.records.hdf5 import create_hdf5
    from pose3d.records.sequences import write_sequences

    with create_hdf5(FRAMES) as frames, create_hdf5(GIVEN_KEYPOINTS) as given:
        if isinstance(dataset, EmbeddedDataset):
            sequences = embedded_sequences(params.seed, dataset, params.embedded, RAW, BODIES, frames)
        else:
            sequences = recorded_sequences(dataset, frames, given)
        n_sequences, n_frames = write_sequences(SEQUENCES, sequences, dataset.subjects.by_split)
    print(f"{n_sequences} sequences, {n_frames} frames")


if __name__ == "__main__":
    run_stage(main)
