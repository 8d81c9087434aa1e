"""SIGTERM raised, ignored from then on, and held."""

import signal

import pytest

from pose3d.sigterm import Terminated, exit_status, raise_at_sigterm, sigterm_held


@pytest.fixture(autouse=True)
def handled():
    before = signal.getsignal(signal.SIGTERM)
    raise_at_sigterm()
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_first_sigterm_is_raised_and_no_other_interrupts_what_tidies_up():
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)


def test_held_it_interrupts_nothing_and_is_raised_at_the_end():
    steps = []
    with pytest.raises(Terminated), sigterm_held() as came:
        steps.append(came())
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        steps.append(came())
    assert steps == [False, True]
    signal.raise_signal(signal.SIGTERM)


def test_where_none_came_it_is_raised_again_after_the_block():
    with sigterm_held() as came:
        pass
    assert not came()
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, KeyboardInterrupt])
def test_an_error_stays_what_it_is_where_no_sigterm_came(error):
    with pytest.raises(error) as caught, sigterm_held():
        raise error
    assert caught.type is error


def test_a_connection_that_breaks_behind_sigterm_is_no_error_of_its_own():
    with pytest.raises(Terminated), sigterm_held():
        signal.raise_signal(signal.SIGTERM)
        raise RuntimeError("Connection closed by peer")
    with pytest.raises(KeyError), sigterm_held():
        signal.raise_signal(signal.SIGTERM)
        raise KeyError("a defect")


def test_statuses_are_those_of_a_shell():
    assert [exit_status(error) for error in (Terminated(), KeyboardInterrupt(), ValueError())] == [143, 130, 1]
