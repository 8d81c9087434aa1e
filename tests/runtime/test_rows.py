import os
import resource

import numpy as np
import pytest

from pose3d.runtime.rows import Rows, chunks


@pytest.fixture(params=["memory", "file"])
def folder(request, tmp_path):
    return None if request.param == "memory" else tmp_path


def test_appended_rows_come_back_by_slices(folder):
    rows = Rows(folder, (2, 3), np.float64)
    assert rows.shape == (0, 2, 3) and rows[:].shape == (0, 2, 3)
    values = np.arange(42.0).reshape(7, 2, 3)
    rows.append(values[:3])
    rows.append(values[3:])
    assert len(rows) == 7 and rows.shape == (7, 2, 3)
    for part in (slice(None), slice(2, 5), slice(-2, None), slice(6, 99), slice(4, 2)):
        np.testing.assert_array_equal(rows[part], values[part])
    rows[2:4] = -values[2:4]
    np.testing.assert_array_equal(rows[1:5], values[1:5] * np.array([1, -1, -1, 1])[:, None, None])
    rows[0:1][...] = 99  # a copy
    np.testing.assert_array_equal(rows[0:1], values[:1])


def test_numbers_and_flags_are_rows_too(folder):
    rows = Rows(folder, (), bool)
    rows.append(np.array([True, False]))
    assert rows[:].tolist() == [True, False]
    assert rows.dtype == bool


def test_wrong_shapes_are_refused(folder):
    rows = Rows(folder, (2,))
    with pytest.raises(ValueError, match=r"shape \(2,\), not \(3,\)"):
        rows.append(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="2 rows do not go to"):
        rows[0:1] = np.zeros((2, 2))
    with pytest.raises(ValueError, match="without a step"):
        rows[::2]


def test_files_have_no_name(tmp_path):
    rows = Rows(tmp_path, (4,))
    rows.append(np.zeros((10, 4)))
    assert not os.listdir(tmp_path)


def test_a_full_disk_is_an_error_of_the_system(tmp_path):
    rows = Rows(tmp_path, (4,))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            rows.append(np.zeros((10, 4)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno


def test_chunks_cover_everything_once():
    assert [(part.start, part.stop) for part in chunks(10, 4)] == [(0, 4), (4, 8), (8, 10)]
    assert not list(chunks(0))
