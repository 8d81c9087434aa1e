import threading

import pytest

from pose3d.runtime.fan_out import fan_out


def test_every_consumer_gets_all_items_in_order():
    got = {}
    fan_out(range(100), lambda items: got.update(a=list(items)), lambda items: got.update(b=sum(items)))
    assert got == {"a": list(range(100)), "b": 4950}


def test_items_are_made_as_they_are_taken():
    made, most = [], []

    def items():
        for i in range(50):
            made.append(i)
            yield i

    def consumer(items):
        for i in items:
            most.append(len(made) - i)

    fan_out(items(), consumer, consumer)
    assert max(most) <= 6


def test_a_consumer_may_stop_early():
    got = []
    fan_out(range(100), next, lambda items: got.extend(items))
    assert got == list(range(100))


def test_an_error_of_the_items_reaches_all_consumers_and_the_caller():
    def items():
        yield 1
        raise OSError("no more")

    cleaned = []

    def consumer(items):
        try:
            list(items)
        except OSError:
            cleaned.append(True)
            raise

    with pytest.raises(OSError, match="no more"):
        fan_out(items(), consumer, consumer)
    assert cleaned == [True, True]


def test_an_error_of_one_consumer_stops_the_others_and_is_raised():
    seen = []

    def fails(items):
        next(items)
        raise OSError("disk full")

    def whole(items):
        list(items)
        seen.append("whole")

    def endless():
        while True:
            yield 0

    before = threading.active_count()
    with pytest.raises(OSError, match="disk full"):
        fan_out(endless(), whole, fails)
    assert not seen and threading.active_count() <= before
