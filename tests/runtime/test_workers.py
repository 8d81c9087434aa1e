import os

import pytest

from pose3d.runtime.errors import InputError
from pose3d.runtime.workers import worker_count


def test_workers_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("POSE3D_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.delenv("POSE3D_WORKERS")
    assert worker_count() == os.cpu_count()


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch, value):
    monkeypatch.setenv("POSE3D_WORKERS", value)
    with pytest.raises(InputError, match=f"POSE3D_WORKERS must be a whole number above 0, not '{value}'"):
        worker_count()
