"""Follow rendered people who cross, and count how often they are taken for each other.

    python -m benchmarks.crossings [--cast report] [--kinds two,three,...] [--seeds 1] [--seconds 12]
                                   [--models FOLDER] [--stand-in]

in the root of the repository after `dvc repro bake_bodies`. One scene of 12 s takes some minutes on one core. With
--stand-in the tracker gets true boxes with the misses, jitter and confusions of a detector in place of the networks.
Figures of the tracker are chosen with --cast choice and reported with --cast report.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.crossings.measures import Followed, measure
from benchmarks.crossings.scenes import CASTS, KINDS, RATE_HZ, SECONDS, Scene, SceneFrame, render
from benchmarks.crossings.stand_in import StandIn
from pose3d.predict.following import PeopleFollower
from pose3d.predict.models import default_models
from pose3d.predict.people_finder import PeopleFinder
from pose3d.predict.person_tracker import PERSON_SIGHTINGS
from pose3d.predict.pipeline import Params, load_detector, load_finder

DATA = Path("data")
SHOWN_S = 0.5
"""Where people are expected counts for this long after they were last seen."""


def follow(scene: Scene, frames: Iterator[SceneFrame], finder: PeopleFinder | None) -> Followed:
    """Follow everybody in a scene; None: with the stand-in for a detector."""
    follower = StandIn(scene.seed) if finder is None else PeopleFollower(finder, scene.width_px, scene.height_px)
    tracker = follower.tracker
    boxes_px, seen, people, people_boxes_px = [], [], [], []
    for frame, *_ in follower.follow(frames):
        here = [track for track in tracker.tracks if track.in_shot and track.unseen_s(frame.time_s) < SHOWN_S]
        boxes_px.append(frame.boxes_px)
        seen.append(frame.seen)
        people.append(np.array([track.person for track in here], int))
        people_boxes_px.append(np.array([track.box_px for track in here]).reshape(-1, 4))
    known = [track.person for track in tracker.tracks if track.sightings >= PERSON_SIGHTINGS]
    kept = [np.isin(numbers, known) for numbers in people]
    return measure(
        np.stack(boxes_px),
        np.stack(seen),
        [numbers[k] for numbers, k in zip(people, kept, strict=True)],
        [boxes[k] for boxes, k in zip(people_boxes_px, kept, strict=True)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crossings", description=__doc__)
    parser.add_argument("--cast", choices=tuple(CASTS), default="report")
    parser.add_argument("--kinds", default=",".join(KINDS), help="by default all")
    parser.add_argument("--seeds", default="1", help="comma-separated")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--models", type=Path, help="folder of pose2d.pt; by default the one that predict takes")
    parser.add_argument("--stand-in", action="store_true")
    given = parser.parse_args()
    finder = None
    if not given.stand_in:
        models = given.models or default_models("torch")
        finder = load_finder(load_detector(models, "torch", Params.load()))
    total = Followed()
    for seed in map(int, given.seeds.split(",")):
        for kind in given.kinds.split(","):
            scene = Scene(given.cast, kind, seed, given.seconds)
            followed = follow(scene, render(scene, DATA / "raw", DATA / "bodies.h5"), finder)
            total += followed
            print(json.dumps({"scene": scene.name, **followed.row(RATE_HZ)}), flush=True)
    print(json.dumps({"scene": "all", **total.row(RATE_HZ)}))


if __name__ == "__main__":
    main()
