import numpy as np
import pytest
from people import camera_ring, take

from pose3d.show.demo_files import write_demo


def test_demo_writes_three_files_without_a_truth(tmp_path):
    sequence = take("S9", "Walk-1", 6, camera_ring(1))[0]
    image = np.full((1000, 1000, 3), 128, np.uint8)
    poses, keypoints = {"temporal": sequence.poses_cam_m.copy()}, sequence.keypoints_px.copy()
    poses["temporal"][2], keypoints[2] = np.nan, np.nan  # nobody found there
    paths = write_demo(tmp_path / "a", [image] * 6, 25.0, keypoints, sequence.boxes_px, poses, "x")
    assert [path.name for path in paths] == ["player.html", "demo.webm", "demo.gif"]
    assert all(path.stat().st_size > 1000 for path in paths)
    again = write_demo(tmp_path / "b", iter([image] * 6), 25.0, keypoints, sequence.boxes_px, poses, "x")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_demo_that_fails_leaves_no_page(tmp_path):
    sequence = take("S9", "Walk-1", 6, camera_ring(1))[0]
    poses = {"temporal": sequence.poses_cam_m}
    image = np.full((100, 100, 3), 128, np.uint8)
    with pytest.raises(ValueError, match="5 images for 6 frames"):
        write_demo(tmp_path, [image] * 5, 25.0, sequence.keypoints_px, sequence.boxes_px, poses, "x")
    assert not (tmp_path / "player.html").exists()
