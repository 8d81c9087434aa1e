"""The front door: help without torch, one way to end for every subcommand, and the forms of earlier releases."""

import argparse
import ast
import errno
import os
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from pose3d.commands.run import COMMANDS, main
from pose3d.runtime.errors import InputError
from pose3d.runtime.signals import Terminated

SRC = Path(__file__).parents[2] / "src"
HELP = "import sys\nfrom pose3d.commands.run import main\ntry: main()\nfinally: print('loaded:', *sys.modules)"
NEEDED = {
    "predict": ["video.mp4"],
    "evaluate-predictions": ["--predictions", "p.npz", "--dataset", "sequences.h5"],
    "lift": ["keypoints.json"],
    "angles": ["predictions.npz"],
    "convert": ["p.npz", "p.trc"],
    "make-prior": ["mocap", "--out", "priors/mine.h5"],
    "adapt-views": ["--out", "adapted"],
    "write-npz": ["--format", "original", "--out", "npz"],
}
"""Arguments without which a subcommand does not start."""
NEW = {"lift", "angles", "convert", "make-prior", "sample-video", "release"}
"""Subcommands that ``python -m pose3d.<name>`` never had."""
OLD_FORMS = {"predict": "predict/__main__.py"} | {
    name: f"{name.replace('-', '_')}.py" for name in COMMANDS.keys() - NEW - {"predict"}
}


def program(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "COLUMNS": "80"}
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)


@pytest.fixture(params=COMMANDS)
def command(request) -> str:
    return request.param


@pytest.fixture
def stopped(monkeypatch, capsys):
    """Run a subcommand that raises an error; gives its exit status and what it says."""

    def run(command: str, error: BaseException, *options: str) -> tuple[int, str]:
        def fail(given: argparse.Namespace) -> None:
            raise error

        monkeypatch.setattr(COMMANDS[command], "run", fail)
        with pytest.raises(SystemExit) as ended:
            main([command, *NEEDED.get(command, []), *options])
        if isinstance(ended.value.code, str):  # which Python itself prints, with status 1
            return 1, ended.value.code
        return ended.value.code, capsys.readouterr().err

    return run


def loads_nothing_slow(done: subprocess.CompletedProcess) -> str:
    """Check that nothing that takes long was loaded; gives the help."""
    assert done.returncode == 0, done.stderr
    shown, _, loaded = done.stdout.rpartition("loaded:")
    assert not {"torch", "numpy", "cv2", "pandas", "h5py", "importlib.metadata"} & set(loaded.split())
    return shown


def test_help_has_one_line_for_each_subcommand():
    lines = loads_nothing_slow(program("-c", HELP, "--help")).splitlines()
    start = lines.index("commands:") + 1
    assert [line.split()[0] for line in lines[start : start + len(COMMANDS)]] == list(COMMANDS)
    assert all(len(line.split()) > 4 for line in lines[start : start + len(COMMANDS)])
    assert max(map(len, lines)) <= 80


def test_each_subcommand_has_help(command):
    shown = loads_nothing_slow(program("-c", HELP, command, "--help"))
    assert shown.startswith(f"usage: pose3d {command} ")
    assert COMMANDS[command].__doc__.strip() in shown


def test_what_the_check_of_loading_sees():
    with pytest.raises(AssertionError):
        loads_nothing_slow(program("-c", "import numpy\n" + HELP, "--help"))


def test_every_module_of_the_folder_is_a_subcommand():
    modules = {path.stem for path in (SRC / "pose3d" / "commands").glob("*.py")} - {"__init__", "run", "parser"}
    assert modules == {name.replace("-", "_") for name in COMMANDS}


def test_without_a_subcommand_help_is_shown_as_an_error():
    done = program("-m", "pose3d")
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("usage: pose3d ") and "evaluate-predictions" in done.stderr


def test_an_unknown_subcommand_or_option_is_refused(command):
    for arguments in (["--no-such-option", command], ["no-such-command"], [command, "--no-such-option"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


def test_version(monkeypatch, capsys):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.2.3")
    main(["--version"])
    assert capsys.readouterr().out == "pose3d 1.2.3\n"

    def none(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", none)
    with pytest.raises(SystemExit, match="^error: pose3d is not installed"):
        main(["--version"])


def test_bad_input_is_one_sentence(command, stopped):
    assert stopped(command, InputError("x.h5 is missing: write it")) == (1, "error: x.h5 is missing: write it")


@pytest.mark.parametrize(
    ("error", "ended"), [(KeyboardInterrupt(), (130, "interrupted")), (Terminated(), (143, "terminated"))]
)
def test_a_signal_is_one_sentence(command, stopped, error, ended):
    status, said = ended
    assert stopped(command, error) == (status, f"{said}: nothing half-written is left\n")


def test_a_full_disk_is_one_sentence_that_names_the_file(command, stopped):
    status, said = stopped(command, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "there/file"))
    assert status == 1 and said.startswith("error: No space left on device at there/file; ")


@pytest.mark.parametrize("command", ["predict", "demo", "export", "adapt-views", "write-npz"])
def test_where_the_error_names_no_file_the_output_is_named(command, stopped):
    status, said = stopped(command, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "--out", "folder")
    assert status == 1 and said.startswith("error: No space left on device at folder; ")


def test_a_defect_keeps_its_traceback(command, monkeypatch):
    def fail(given):
        raise KeyError("x")

    monkeypatch.setattr(COMMANDS[command], "run", fail)
    with pytest.raises(KeyError):
        main([command, *NEEDED.get(command, [])])


def test_sigterm_ends_a_subcommand_with_143(monkeypatch):
    monkeypatch.setattr(COMMANDS["demo"], "run", lambda given: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as ended:
        main(["demo"])
    assert ended.value.code == 143


def printing(output: int) -> subprocess.CompletedProcess:
    """A subcommand that prints a line, to a file descriptor that does not take it."""
    code = "from pose3d.commands import demo, run\ndemo.run = lambda given: print('done')\nrun.main(['demo'])"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment | {"PYTHONPATH": str(SRC)}, stdout=output, stderr=subprocess.PIPE, text=True
    )


def test_what_cannot_be_printed_is_one_sentence():
    with open("/dev/full", "w") as full:
        done = printing(full.fileno())
    assert done.returncode == 1
    assert done.stderr.startswith("error: No space left on device at standard output; ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_has_enough_ends_a_subcommand_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = printing(writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("command", sorted(OLD_FORMS))
def test_the_earlier_forms_say_what_replaced_them(command):
    done = program("-m", f"pose3d.{command.replace('-', '_')}", "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: pose3d {command} ")
    old = f"python -m pose3d.{command.replace('-', '_')}"
    assert done.stderr == f"{old} is now pose3d {command}; the old form goes in the next release\n"


def imports_of(path: Path) -> set[str]:
    """All modules that a file imports, also within functions, and all names that it takes from them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_only_ways_in_import_a_command():
    doors = {"__main__.py", "commands/run.py", *OLD_FORMS.values()}
    importing = {
        str(path.relative_to(SRC / "pose3d"))
        for path in (SRC / "pose3d").rglob("*.py")
        if any(name.startswith("pose3d.commands") for name in imports_of(path))
    }
    assert importing == doors


def test_words_of_packages_do_not_reach_the_terminal_unless_they_are_asked_for():
    """As NumPy's on what is not finite, which is refused in a sentence anyway."""
    script = (
        "import warnings\nfrom pose3d.commands import run\n"
        "run.COMMANDS['convert'].run = lambda given: warnings.warn('invalid value', RuntimeWarning)\n"
        "run.main(['convert', 'a.trc', 'b.trc'])"
    )
    assert program("-c", script).stderr == ""
    assert "invalid value" in program("-W", "default", "-c", script).stderr
