"""Stage prepare: any data set to data/sequences.h5, data/frames.h5 and data/given_keypoints2d.h5.

The embedded data set's takes are performed and rendered. POSE3D_WORKERS sets the number of processes (one per CPU core
by default), POSE3D_DASK_SCHEDULER a cluster in their place; the files are the same for any number. A recorded data set
is read and checked; its pictures stay where they are, and 2D keypoints that came with it are passed on.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
from tqdm import tqdm

from pose3d.config.blocks import Seed
from pose3d.config.dataset import DatasetParams, EmbeddedDataset, EmbeddedParams, RecordedDataset
from pose3d.config.reading import StageParams
from pose3d.datasets.manifest import check_manifest
from pose3d.datasets.recording import Problem, recordings
from pose3d.datasets.sources import open_source
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.frames import write_reference
from pose3d.records.hdf5 import create_hdf5, write_strings
from pose3d.records.keypoints2d import append_keypoints2d
from pose3d.records.sequences import PoseSequence, write_sequences
from pose3d.runtime.errors import InputError, run_stage
from pose3d.synthetic.body import read_body
from pose3d.synthetic.split import STILLS
from pose3d.synthetic.takes import EmbeddedSettings, plan, render_takes

RAW, BODIES = Path("data/raw"), Path("data/bodies.h5")
SEQUENCES, FRAMES = Path("data/sequences.h5"), Path("data/frames.h5")
GIVEN_KEYPOINTS = Path("data/given_keypoints2d.h5")
SHOWN_PROBLEMS = 20


class Params(StageParams):
    seed: Seed
    dataset: DatasetParams
    embedded: EmbeddedParams


def embedded_sequences(
    seed: int, dataset: EmbeddedDataset, embedded: EmbeddedParams, frames: h5py.File
) -> Iterator[PoseSequence]:
    """Render every take into ``frames``.

    Args:
        seed: of every draw, together with the take's name.
        dataset, embedded: what is rendered, and how much of it.
        frames: frames.h5, open for writing.
    """
    quality = dataset.model_dump(include={"frame_rate_hz", "supersampling", "jpeg_quality"})
    settings = EmbeddedSettings(seed=seed, **quality, **embedded.model_dump())
    check_manifest(RAW)
    takes = plan(dataset.subjects.all, settings, RAW)
    for subject in {take.subject for take in takes} - {STILLS}:
        read_body(BODIES, subject)  # a missing body is an error now and not after minutes of rendering
    for rendered in tqdm(render_takes(takes, settings, RAW, BODIES), total=len(takes), desc="takes", mininterval=2):
        for sequence, images in zip(rendered.sequences, rendered.images, strict=True):
            write_encoded_images(frames, sequence.key, images)
            yield sequence


def recorded_sequences(dataset: RecordedDataset, frames: h5py.File, given: h5py.File) -> Iterator[PoseSequence]:
    """Read and check every sequence, and note its frames and given keypoints; all problems are shown before the end.

    Args:
        dataset: where the data is and which part of it is read.
        frames: frames.h5, open for writing.
        given: given_keypoints2d.h5, open for writing.
    """
    source = open_source(dataset)
    write_strings(frames, "folder", [dataset.folder or ""])
    problems = []
    for recording in tqdm(recordings(source), total=len(source.sequences()), desc="sequences", mininterval=2):
        if isinstance(recording, Problem):
            problems.append(recording.sentence)
            continue
        if recording.frames is not None:
            write_reference(frames, recording.sequence.key, recording.frames)
        if recording.detected is not None:
            append_keypoints2d(given, recording.sequence.key, recording.detected)
        yield recording.sequence
    if problems:
        shown = "\n".join(f"- {sentence}" for sentence in problems[:SHOWN_PROBLEMS])
        raise InputError(
            f"{len(problems)} of {len(source.sequences())} sequences cannot be used: repair the files, or leave "
            f"their subjects or actions out of block dataset (`pose3d check-data` shows all):\n{shown}"
        )


def main() -> None:
    params = Params.load()
    dataset = params.dataset
    with create_hdf5(FRAMES) as frames, create_hdf5(GIVEN_KEYPOINTS) as given:
        if isinstance(dataset, EmbeddedDataset):
            sequences = embedded_sequences(params.seed, dataset, params.embedded, frames)
        else:
            sequences = recorded_sequences(dataset, frames, given)
        n_sequences, n_frames = write_sequences(SEQUENCES, sequences, dataset.subjects.by_split)
    print(f"{n_sequences} sequences, {n_frames} frames")


if __name__ == "__main__":
    run_stage(main)
