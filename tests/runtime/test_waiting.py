import pytest

from pose3d.runtime.waiting import wait_without_spinning


@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_wait_briefly_unless_the_environment_says_how(given, spins, monkeypatch):
    environment = dict(given)
    monkeypatch.setattr("os.environ", environment)
    wait_without_spinning()
    assert environment.get("GOMP_SPINCOUNT") == spins
