import errno
import signal
import weakref

import pytest
from tqdm import tqdm

from pose3d.runtime.errors import InputError, run_stage
from pose3d.runtime.signals import Terminated


@pytest.fixture(autouse=True)
def no_arguments(own_signals, monkeypatch):
    monkeypatch.setattr("sys.argv", ["stage.py"])


def raising(error):
    def main():
        raise error

    return main


def test_bad_input_and_a_full_disk_end_a_stage_with_one_sentence():
    with pytest.raises(SystemExit, match=r"^error: params.yaml is missing$"):
        run_stage(raising(InputError("params.yaml is missing")))
    with pytest.raises(SystemExit, match=r"^error: No space left on device at out.h5; free space"):
        run_stage(raising(OSError(errno.ENOSPC, "No space left on device", "out.h5")))
    copying = OSError(errno.ENOSPC, "No space left on device", "cache/in", None, "data/out")
    with pytest.raises(SystemExit, match=r"^error: No space left on device at data/out; free space"):
        run_stage(raising(copying))


def test_what_neither_space_nor_permissions_help_against_gets_other_advice():
    remedies = {
        errno.EEXIST: "a file is where a folder is needed: give another path",
        errno.ENOTDIR: "a file is where a folder is needed: give another path",
        errno.EISDIR: "a folder is where a file is needed: give another path",
        errno.ENAMETOOLONG: "give a shorter name",
    }
    for number, remedy in remedies.items():
        with pytest.raises(SystemExit) as caught:
            run_stage(raising(OSError(number, "Not there", "out")))
        assert caught.value.code == f"error: Not there at out; {remedy}"


def test_ctrl_c_ends_a_stage_with_130(capsys):
    with pytest.raises(SystemExit) as caught:
        run_stage(raising(KeyboardInterrupt()))
    assert caught.value.code == 130
    assert "interrupted" in capsys.readouterr().err


def test_sigterm_ends_a_stage_with_143(capsys):
    def main():
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        run_stage(main)
    assert caught.value.code == 143
    assert capsys.readouterr().err == "terminated: run the same command again to go on\n"


@pytest.mark.parametrize(("signal_error", "status"), [(KeyboardInterrupt(), 130), (Terminated(), 143)])
def test_a_signal_that_c_code_wrapped_is_that_signal(signal_error, status, capsys):
    wrapped = SystemError("<function> returned a result with an exception set")
    wrapped.__cause__ = signal_error
    with pytest.raises(SystemExit) as caught:
        run_stage(raising(wrapped))
    assert caught.value.code == status
    assert "run the same command again" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("x"), OSError(errno.ENOSPC, "full")])
def test_what_a_stage_held_is_gone_before_the_interpreter_ends(error):
    class Held:
        """An open HDF5 file, which the interpreter's end is too late to close."""

    references = []

    def main():
        held = Held()
        references.append(weakref.ref(held))
        raise error.with_traceback(None)

    with pytest.raises(SystemExit) as caught:
        run_stage(main)
    assert caught.value.__context__ is None
    error.__traceback__ = None  # held by the parametrisation, not by run_stage
    assert references[0]() is None


def interrupted():
    raise Terminated


def interrupted_in_c_code():
    try:
        interrupted()
    except Terminated as error:
        raise SystemError("<function> returned a result with an exception set") from error


@pytest.mark.parametrize("interrupt", [interrupted, interrupted_in_c_code])
def test_the_sentence_comes_after_progress_bars(interrupt, capsys):
    def main():
        rows = iter(tqdm(range(3)))
        next(rows)  # a bar that is under way ends, and draws itself again, when nothing holds it any more
        interrupt()

    with pytest.raises(SystemExit):
        run_stage(main)
    assert capsys.readouterr().err.splitlines()[-1] == "terminated: run the same command again to go on"


@pytest.mark.parametrize("error", [KeyError("x"), RuntimeError("x"), SystemError("x"), OSError("x")])
def test_defects_keep_their_traceback(error):
    with pytest.raises(type(error)):
        run_stage(raising(error))


def test_help_prints_the_scripts_docstring_and_arguments_are_refused(monkeypatch, capsys):
    monkeypatch.setitem(globals(), "__doc__", "Train the lifter.")
    monkeypatch.setattr("sys.argv", ["stage.py", "--help"])
    with pytest.raises(SystemExit) as caught:
        run_stage(raising(AssertionError("main must not run")))
    assert caught.value.code == 0
    assert "Train the lifter." in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["stage.py", "--steps=3"])
    with pytest.raises(SystemExit) as caught:
        run_stage(raising(AssertionError("main must not run")))
    assert caught.value.code == 2
