"""From a data set to the sequences of sequences.h5, their frames, and the keypoints that came with them."""

from collections.abc import Iterator
from pathlib import Path

import h5py
from tqdm import tqdm

from pose3d.config.dataset import EmbeddedDataset, EmbeddedParams, RecordedDataset
from pose3d.datasets.recording import Problem, Remarks, recordings
from pose3d.datasets.sources import open_source
from pose3d.records.encoded_images import write_encoded_images
from pose3d.records.frames import write_reference
from pose3d.records.hdf5 import write_strings
from pose3d.records.keypoints2d import append_keypoints2d
from pose3d.records.sequences import PoseSequence
from pose3d.runtime.errors import InputError
from pose3d.synthetic.body import read_body
from pose3d.synthetic.split import STILLS
from pose3d.synthetic.takes import EmbeddedSettings, plan, render_takes

SHOWN_PROBLEMS = 20


def embedded_sequences(
    seed: int, dataset: EmbeddedDataset, embedded: EmbeddedParams, raw: Path, bodies: Path, frames: h5py.File
) -> Iterator[PoseSequence]:
    """Render every take into ``frames``.

    Args:
        seed: of every draw, together with the take's name.
        dataset, embedded: what is rendered, and how much of it.
        raw: folder of the motion capture.
        bodies: file of the subjects' bodies.
        frames: frames.h5, open for writing.
    """
    quality = dataset.model_dump(include={"frame_rate_hz", "supersampling", "jpeg_quality"})
    settings = EmbeddedSettings(seed=seed, **quality, **embedded.model_dump())
    takes = plan(dataset.subjects.all, settings, raw)
    for subject in {take.subject for take in takes} - {STILLS}:
        read_body(bodies, subject)  # a missing body is an error now and not after minutes of rendering
    for rendered in tqdm(render_takes(takes, settings, raw, bodies), total=len(takes), desc="takes", mininterval=2):
        for sequence, images in zip(rendered.sequences, rendered.images, strict=True):
            write_encoded_images(frames, sequence.key, images)
            yield sequence


def recorded_sequences(dataset: RecordedDataset, frames: h5py.File, given: h5py.File) -> Iterator[PoseSequence]:
    """Read and check every sequence, and note its frames and given keypoints; all problems are shown before the end.

    What was cut or is missing is printed.

    Args:
        dataset: where the data is and which part of it is read.
        frames: frames.h5, open for writing.
        given: given_keypoints2d.h5, open for writing.
    """
    source = open_source(dataset)
    write_strings(frames, "folder", [dataset.folder or ""])
    problems, remarks = [], Remarks()
    for recording in tqdm(recordings(source), total=len(source.sequences()), desc="sequences", mininterval=2):
        if isinstance(recording, Problem):
            problems.append(recording.sentence)
            continue
        if recording.frames is not None:
            write_reference(frames, recording.sequence.key, recording.frames)
        if recording.detected is not None:
            append_keypoints2d(given, recording.sequence.key, recording.detected)
        remarks.note(recording)
        yield recording.sequence
    for sentence in remarks.sentences():
        print(sentence)
    if problems:
        shown = "\n".join(f"- {sentence}" for sentence in problems[:SHOWN_PROBLEMS])
        raise InputError(
            f"{len(problems)} of {len(source.sequences())} sequences cannot be used: repair the files, or leave "
            f"their subjects or actions out of block dataset (`pose3d check-data` shows all):\n{shown}"
        )
