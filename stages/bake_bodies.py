"""Stage bake_bodies: one body per subject, baked from anny to data/bodies.h5, so that no later stage needs anny.

A recorded data set needs no bodies: the file is then empty.
"""

from pathlib import Path

from pose3d.config.dataset import DatasetParams
from pose3d.config.reading import StageParams
from pose3d.runtime.errors import InputError, in_words, run_stage

OUTPUT = Path("data/bodies.h5")


class Params(StageParams):
    dataset: DatasetParams


def main() -> None:
    params = Params.load()
    from pose3d.synthetic.bake import SHAPES, bake_bodies
    from pose3d.synthetic.body import write_bodies

    if params.dataset.source != "embedded":
        write_bodies(OUTPUT, {})
        print("a recorded data set: no bodies to bake")
        return
    try:
        bodies = bake_bodies(SHAPES)
    except ImportError as error:
        raise InputError(f"cannot import anny ({in_words(error)}): install the packages of requirements.lock") from None
    write_bodies(OUTPUT, bodies)
    for subject, body in bodies.items():
        height_m = float(body.vertices_m[:, 2].max() - body.vertices_m[:, 2].min())
        print(f"{subject}: {height_m:.2f} m tall, {len(body.vertices_m)} vertices, {len(body.faces)} triangles")


if __name__ == "__main__":
    run_stage(main)
