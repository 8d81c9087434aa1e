from pathlib import Path

import numpy as np
import pytest
from people import camera_ring, take

from benchmarks import predicted_views
from pose3d.formats.predictions import Predictions
from pose3d.lifting.lift import Lifted
from pose3d.multiview.views import View


def test_views_that_are_seen_exactly_agree_exactly(monkeypatch):
    """Keypoints are projections of the truth, and so is one lifter's pose; the other lifter gives the mirror image."""
    sequences = take("S1", "Walk-1", 40, camera_ring(4))
    views = [View(s.camera, Path(f"{s.camera.id}.mp4"), len(s), 50.0) for s in sequences]
    of_camera = {s.camera.id: s for s in sequences}

    def exactly(view, models):
        truth = of_camera[view.camera.id]
        lifted = {"repnet": Lifted(truth.poses_cam_m, True), "temporal": Lifted(truth.poses_cam_m * [-1, 1, 1], True)}
        found = np.arange(len(truth)) % 4 > 0
        keypoints_px, sure = truth.camera.project(truth.poses_cam_m), np.ones((len(truth), 17))
        return Predictions(np.arange(len(truth)) / 50, truth.boxes_px, keypoints_px, sure, found, lifted, view.camera)

    monkeypatch.setattr(predicted_views, "read_views", lambda folder: views)
    monkeypatch.setattr(predicted_views, "predict_alone", exactly)
    report = predicted_views.measure(Path("views"), None)
    assert report["frames"] == 20 and set(report["sure"].values()) == {75.0}
    assert report["triangulated"]["residual_median_px"] < 0.1 and report["triangulated"]["consistent_pct"] == 100
    assert max(report["repnet"]["pa_mpjpe_to_triangulated_mm"]) < 1
    assert min(report["temporal"]["pa_mpjpe_to_triangulated_mm"]) > 20
    assert report["refined"]["both_halves"]["refined"]["residual_median_px"] == pytest.approx(0, abs=0.1)
