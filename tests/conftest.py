import signal
import sys

import pytest


@pytest.fixture
def own_signals(monkeypatch):
    """What a stage makes of signals ends with the test, which starts with Python's own Ctrl-C."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    numbers = signal.SIGTERM, signal.SIGINT, signal.SIGALRM
    before = [signal.getsignal(number) for number in numbers]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
