import cv2
import numpy as np
from tiny_video import picture, write_video

from pose3d.predict.video_facts import video_facts


def test_a_video_says_its_times_and_rate(tmp_path):
    facts = video_facts(write_video(tmp_path / "v.mp4", [picture(64, 48, None, seed) for seed in range(5)]))
    assert (facts.width_px, facts.height_px, facts.picture_numbers) == (64, 48, None)
    np.testing.assert_allclose(facts.time_s, np.arange(5) / 25, atol=1e-6)
    np.testing.assert_allclose(facts.header_rates_hz, [25, 25])


def test_a_folder_says_the_numbers_of_its_pictures(tmp_path):
    for number in (30, 32, 34):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(64, 48, None, number))
    facts = video_facts(tmp_path, 50.0)
    assert facts.picture_numbers.tolist() == [30, 32, 34]
    np.testing.assert_allclose(facts.time_s, [0, 0.02, 0.04])
