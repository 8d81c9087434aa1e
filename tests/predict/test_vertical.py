"""What ``--up`` says."""

import numpy as np
import pytest
from tiny_gopro import payload, stream, write_gopro

from pose3d.predict.vertical import said_up
from pose3d.runtime.errors import InputError


def test_what_is_found_elsewhere_is_none_and_a_direction_is_itself():
    assert said_up("estimate", "v.mp4") is None and said_up("calibration", None) is None
    assert said_up("level", None).tolist() == [0, -1, 0]
    np.testing.assert_allclose(said_up("0,-4,3", None), [0, -0.8, 0.6])


def test_metadata_are_the_videos_and_are_told(tmp_path, capsys):
    path = write_gopro(tmp_path / "a.mp4", payload(stream(b"GRAV", (0, 4000, 3000))))
    np.testing.assert_allclose(said_up("metadata", path), [0, -0.8, -0.6], atol=1e-9)
    assert capsys.readouterr().err == f"{path}: up by its metadata: 0.000,-0.800,-0.600\n"
    with pytest.raises(InputError, match="^--up metadata is about a video's: give --video$"):
        said_up("metadata", None)
