"""SIGTERM raised, ignored from then on, and held; and Ctrl-C, neither of which may be lost."""

import signal
import subprocess
import sys
import time
import weakref

import pytest

from pose3d.runtime.signals import Terminated, exit_status, raise_signals, sigterm_held, uninterrupted

BOTH = pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)])


@pytest.fixture(autouse=True)
def handled(own_signals):
    raise_signals()


@BOTH
def test_it_is_raised_behind_a_function_that_c_code_calls_not_in_it(number, kind):
    def inner():
        signal.raise_signal(number)

    @uninterrupted
    def callback():
        inner()
        time.sleep(0.1)  # as long as it takes for the first try to raise it behind the function to fail
        return "done"

    came_to = []
    with pytest.raises(kind) as caught:
        came_to.append(callback())
        time.sleep(10)
    assert (came_to, caught.type) == (["done"], kind)


@BOTH
@pytest.mark.parametrize("how", ["an object's end", "a weak reference's callback"])
def test_it_is_not_lost_where_python_lets_no_exception_out(number, kind, how, capsys):
    class Thing:
        if how == "an object's end":

            def __del__(self):
                signal.raise_signal(number)

    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(number))
    if how == "an object's end":
        del reference
    with pytest.raises(kind) as caught:
        del thing
        time.sleep(10)
    assert caught.type is kind
    assert "ignored" not in capsys.readouterr().err


def test_other_exceptions_are_still_printed_there(capsys):
    class Thing:
        def __del__(self):
            raise ValueError("of no signal")

    Thing()
    assert "of no signal" in capsys.readouterr().err


def test_ctrl_c_that_a_shell_has_had_ignored_stays_so():
    code = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from pose3d.runtime.signals import raise_signals
raise_signals()
signal.raise_signal(signal.SIGINT)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@BOTH
def test_one_that_comes_when_all_is_done_does_not_kill_the_process(number, kind):
    script = f"""
import signal, time, weakref
from pose3d.runtime.signals import raise_signals
raise_signals()
class Ends:
    def __del__(self, sleep=time.sleep):
        sleep(0.1)  # behind the end of Python's own handling of signals
ends, thing = Ends(), Ends.__new__(type("Thing", (), {{}}))
reference = weakref.ref(thing, lambda _: signal.raise_signal({int(number)}))
del thing  # where it cannot be raised, so that it is to be raised soon
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


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
