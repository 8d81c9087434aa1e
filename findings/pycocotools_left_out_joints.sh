#!/bin/sh
# pycocotools 2.0.11 never reads the third number of a predicted joint: one left out counts as one at the picture's corner.
#
# pycocotools 2.0.11, COCOeval of "keypoints", ten people with all 17 joints labelled. A prediction that leaves out one joint in the way of the
# annotations (0, 0, 0) and has all others exactly right has an OKS of 0.941, and AP is 0.90 in place of 1; with three left out 0.70,
# with eight 0.10. The same predictions with any number between 0 and 1 as the joints' third one have the same scores: detectors'
# confidences are neither weights nor a way of saying that a joint was not seen.
# Seen 2026-11-29, Python 3.11, Linux x86-64. Who writes COCO results must write a best guess for every joint, however uncertain.
#
# Runs by itself: sh findings/pycocotools_left_out_joints.sh. Fails when the behaviour is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check pycocotools==2.0.11 numpy==2.4.6
cd "$folder"
"$python" - <<'PYTHON'
import contextlib
import io
from importlib.metadata import version

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

rng = np.random.default_rng(0)
people = [np.c_[rng.uniform(100, 180, 17), rng.uniform(100, 300, 17), np.full(17, 2)] for _ in range(10)]


def scores(left_out, third):
    """AP, and the first person's OKS, of predictions that are right but for the first joints."""
    dataset = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}
    results = []
    for i, joints in enumerate(people, 1):
        of = {"image_id": i, "category_id": 1}
        dataset["images"].append({"id": i})
        box = {"bbox": [100, 100, 80, 200], "area": 9600, "iscrowd": 0, "num_keypoints": 17}
        dataset["annotations"].append({"id": i, **of, **box, "keypoints": joints.ravel().tolist()})
        predicted = np.c_[joints[:, :2], third(17)]
        predicted[:left_out] = 0
        results.append({**of, "keypoints": predicted.ravel().tolist(), "score": 0.9})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dataset
        truth.createIndex()
        judged = COCOeval(truth, truth.loadRes(results), "keypoints")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return float(judged.stats[0]), judged.ious[1, 1].item()


assert version("pycocotools") == "2.0.11", version("pycocotools")
for left_out, expected in ((0, 1.0), (1, 0.9), (3, 0.7), (8, 0.1)):
    ap, oks = scores(left_out, np.ones)
    print(f"pycocotools {version('pycocotools')}, {left_out} of 17 joints left out: AP {ap:.2f}, OKS {oks:.3f}")
    assert abs(ap - expected) < 0.005 and abs(oks - (1 - left_out / 17)) < 1e-3
    assert scores(left_out, rng.random) == (ap, oks)
PYTHON
