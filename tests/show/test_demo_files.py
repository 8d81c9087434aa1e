import numpy as np
from people import camera_ring, take

from pose3d.show.demo_files import write_demo


def test_demo_writes_three_files_without_a_truth(tmp_path):
    sequence = take("S9", "Walk-1", 6, camera_ring(1))[0]
    image = np.full((1000, 1000, 3), 128, np.uint8)
    poses, keypoints = {"temporal": sequence.poses_cam_m.copy()}, sequence.keypoints_px.copy()
    poses["temporal"][2], keypoints[2] = np.nan, np.nan  # nobody found there
    paths = write_demo(tmp_path, lambda: [image] * 6, 25.0, keypoints, sequence.boxes_px, poses, "x")
    assert [path.name for path in paths] == ["player.html", "demo.mp4", "demo.gif"]
    assert all(path.stat().st_size > 1000 for path in paths)
