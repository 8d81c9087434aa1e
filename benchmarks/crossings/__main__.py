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
from pose3d.geometry.skeleton import N_JOINTS
from pose3d.predict.following import PeopleFollower
from pose3d.predict.models import default_models
from pose3d.predict.people_finder import PeopleFinder
from pose3d.predict.pipeline import Params, load_detector, load_finder
from pose3d.predict.sightings import SightingRows

DATA = Path("data")
SHOWN_S = 0.5
"""Gaps up to this long in which somebody is not seen count as well: with the boxes that `predict` writes for them."""


def follow(scene: Scene, frames: Iterator[SceneFrame], finder: PeopleFinder | None) -> Followed:
    """Follow everybody in a scene; None: with the stand-in for a detector."""
    follower = StandIn(scene.seed) if finder is None else PeopleFollower(finder, scene.width_px, scene.height_px)
    sightings = SightingRows(None, scene.width_px, scene.height_px)
    boxes_px, seen = [], []
    for frame, people, found in follower.follow(frames):
        known = people >= 0
        nothing = np.zeros((known.sum(), N_JOINTS))
        sightings.append(frame.time_s, people[known], found.boxes_px[known], np.stack([nothing, nothing], -1), nothing)
        boxes_px.append(frame.boxes_px)
        seen.append(frame.seen)
    sightings.join(follower.tracker.same_people())
    return measure(np.stack(boxes_px), np.stack(seen), *shown(sightings))


def shown(sightings: SightingRows) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Of each frame the numbers (N,) of people, and their boxes (N, 4): those seen, and those in short gaps."""
    seen, tracks_px = {}, {}
    for person in sightings.people():
        rows = sightings.of(person)
        seen[person], tracks_px[person] = _short_gaps_closed(rows["found"][:]), rows["boxes_px"][:]
    numbers = [np.array([person for person in seen if seen[person][t]], int) for t in range(len(sightings.time_s))]
    boxes_px = [np.array([tracks_px[n][t] for n in here]).reshape(-1, 4) for t, here in enumerate(numbers)]
    return numbers, boxes_px


def _short_gaps_closed(found: np.ndarray) -> np.ndarray:
    """(T,) bool, true also in gaps of at most SHOWN_S between frames (T,) in which somebody is found."""
    frames = np.flatnonzero(found)
    closed = found.copy()
    for before, after in zip(frames[:-1], frames[1:], strict=True):
        closed[before:after] |= after - before - 1 <= SHOWN_S * RATE_HZ
    return closed


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
