"""Stage prepare: performs and renders the data set's takes to data/sequences.h5 and data/frames.h5.

POSE3D_WORKERS sets the number of processes (one per CPU core by default); the files are the same for any number.
"""

from pathlib import Path

from tqdm import tqdm

from pose3d.config import load_params
from pose3d.datasets.embedded import EmbeddedSettings, plan, render_takes
from pose3d.errors import run_stage
from pose3d.records import create_hdf5, write_encoded_images, write_sequences
from pose3d.synthetic.body import read_body
from pose3d.synthetic.split import STILLS
from pose3d.workers import worker_count

RAW, BODIES = Path("data/raw"), Path("data/bodies.h5")
SEQUENCES, FRAMES = Path("data/sequences.h5"), Path("data/frames.h5")


def main() -> None:
    params = load_params()
    dataset = params.dataset
    settings = EmbeddedSettings(
        seed=params.seed,
        image_size_px=dataset.image_size_px,
        cameras=dataset.cameras,
        frame_rate_hz=dataset.frame_rate_hz,
        take_seconds=dataset.take_seconds,
        repeats=dataset.repeats,
        takes_per_subject=dataset.takes_per_subject,
        still_rooms=dataset.still_rooms,
        stills_per_room=dataset.stills_per_room,
        supersampling=dataset.supersampling,
        jpeg_quality=dataset.jpeg_quality,
    )
    splits = {split: list(getattr(dataset.subjects, split)) for split in ("train", "validation", "test")}
    subjects = [subject for names in splits.values() for subject in names]
    takes = plan(subjects, settings, RAW)
    for subject in {take.subject for take in takes} - {STILLS}:
        read_body(BODIES, subject)  # a missing body is an error now and not after minutes of rendering
    sequences = []
    with create_hdf5(FRAMES) as frames:
        rendered_takes = render_takes(takes, settings, RAW, BODIES, worker_count())
        for rendered in tqdm(rendered_takes, total=len(takes), desc="takes"):
            for sequence, images in zip(rendered.sequences, rendered.images, strict=True):
                write_encoded_images(frames, sequence.key, images)
                sequences.append(sequence)
        write_sequences(SEQUENCES, sequences, splits)
    print(f"{len(takes)} takes, {len(sequences)} sequences, {sum(map(len, sequences))} images")


if __name__ == "__main__":
    run_stage(main)
