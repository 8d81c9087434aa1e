import pytest


@pytest.fixture(autouse=True)
def signals(own_signals):
    """Every command takes over SIGTERM and Ctrl-C."""
