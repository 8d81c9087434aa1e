"""Targets of the Makefile, with the programs that they call replaced.

``make browser`` comes before the tests: quiet where there is a browser, harmless where there can be none.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from checks import open_elsewhere
from pose3d.commands.run import _parser as pose3d_parser

SENTENCE = "Chromium cannot be installed here: the player's browser test will be skipped\n"
SAME_EVERYWHERE = Path(__file__).parents[1] / "checks/same_everywhere.env"
NOTED = 'echo "$0 $@" >> "$NOTES"'


def make_browser(folder: Path, **programs: str) -> tuple[str, str]:
    """What it prints, and the calls that were noted, where PATH has make, id, env and some programs of one line."""
    for name in {"make", "id", "env"} - set(programs):
        os.symlink(shutil.which(name), folder / name)
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    notes = folder / "notes.txt"
    notes.touch()
    done = subprocess.run(
        ["make", "--silent", "browser"],
        cwd=Path(__file__).parents[1],
        env={"PATH": str(folder), "NOTES": str(notes)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout, notes.read_text()


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_a_browser_that_is_there_is_enough(tmp_path, name):
    assert make_browser(tmp_path, **{name: "exit 1", "apt-get": NOTED, "sudo": NOTED}) == ("", "")


def test_without_apt_one_sentence_says_what_is_skipped(tmp_path):
    assert make_browser(tmp_path) == (SENTENCE, "")


@pytest.mark.parametrize("failing", ["update", "install"])
def test_apt_may_fail(tmp_path, failing):
    apt = f'echo noise; [ "$1" != {failing} ]'
    assert make_browser(tmp_path, **{"apt-get": apt, "sudo": 'shift; exec "$@"'}) == (SENTENCE, "")


def test_sudo_may_want_a_password(tmp_path):
    assert make_browser(tmp_path, id="echo 1000", sudo=f"{NOTED}; exit 1", **{"apt-get": NOTED})[0] == SENTENCE


def test_apt_installs_chromium_and_says_nothing(tmp_path):
    printed, notes = make_browser(tmp_path, **{"apt-get": f"echo noise; {NOTED}", "sudo": 'shift; exec "$@"'})
    assert printed == ""
    assert [line.split()[1] for line in notes.splitlines()] == ["update", "install"]
    assert notes.split()[-1] == "chromium"


def make_demo(folder: Path, pose3d: str) -> tuple[int, str, list[list[str]]]:
    """Exit status, what it prints, and the arguments of each call of pose3d, which is a program of one line here."""
    (folder / "bin").mkdir()
    (folder / "bin/pose3d").write_text(f"#!/bin/sh\n{NOTED}\n{pose3d}\n")
    (folder / "bin/pose3d").chmod(0o755)
    notes = folder / "notes.txt"
    notes.touch()
    done = subprocess.run(
        ["make", "--silent", "--old-file=setup", "demo"],
        cwd=Path(__file__).parents[1],
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "NOTES": str(notes), "MAKEFLAGS": f"VENV={folder}/none"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, [line.split()[1:] for line in notes.read_text().splitlines()]


def test_the_demo_predicts_with_the_released_models_and_says_where_the_page_is(tmp_path):
    status, printed, (fetch, predict) = make_demo(tmp_path, "true")
    assert status == 0
    assert fetch == ["sample-video", "--out", "demo"]
    given = pose3d_parser().parse_args(predict)
    assert (given.video, given.camera, given.models, given.out) == (
        "demo/walk.mp4",
        "demo/walk.json",
        "models",
        "demo",
    )
    assert given.show
    *_, command, last = printed.splitlines()
    assert command == "pose3d " + " ".join(predict)
    assert re.fullmatch(rf"\d+ s\. Open the page in a browser: {Path(__file__).parents[1]}/demo/player\.html", last)


def test_a_demo_without_a_video_ends_with_its_sentence(tmp_path):
    status, printed, calls = make_demo(tmp_path, "echo 'error: cannot download'; exit 1")
    assert status != 0 and len(calls) == 1
    first, *rest = printed.splitlines()
    assert first == "error: cannot download" and all(line.startswith("make: ") for line in rest)


def test_other_programs_open_what_is_written(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text(f"#!/bin/sh\n{NOTED}\n")
    (tmp_path / "bin/python").chmod(0o755)
    subprocess.run(
        ["make", "--silent", "--old-file=setup", "readers"],
        cwd=Path(__file__).parents[1],
        env={
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "NOTES": str(tmp_path / "notes.txt"),
            "MAKEFLAGS": f"VENV={tmp_path}/none",
        },
        check=True,
    )
    assert (tmp_path / "notes.txt").read_text().split()[1:] == ["-m", "checks.open_elsewhere"]
    assert open_elsewhere.parser().parse_args([]).only == list(open_elsewhere.CHECKS)


@pytest.mark.parametrize("switch", [[], ["SAME_EVERYWHERE=1"]])
def test_repro_tells_libraries_to_compute_the_same_everywhere_where_that_is_asked(tmp_path, switch):
    (tmp_path / "bin").mkdir()
    for name, line in {"python": "true", "dvc": "env"}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    printed = subprocess.run(
        ["make", "--silent", "--old-file=setup", "repro", *switch],
        cwd=Path(__file__).parents[1],
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "MAKEFLAGS": f"VENV={tmp_path}/none"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    told = [line for line in SAME_EVERYWHERE.read_text().splitlines() if line and not line.startswith("#")]
    assert {line for line in told if line in printed} == (set(told) if switch else set())


def test_packages_that_cannot_be_had_are_one_sentence_and_no_venv_is_taken_for_ready(tmp_path):
    pip = tmp_path / "pip"
    pip.write_text("#!/bin/sh\necho 'WARNING: Retrying'; echo 'ERROR: no such package' >&2; exit 1\n")
    venv = tmp_path / "python"
    venv.write_text(f'#!/bin/sh\nmkdir -p "$4/bin" && cp {pip} "$4/bin/python"\n')
    for program in (pip, venv):
        program.chmod(0o755)
    done = subprocess.run(
        ["make", "--silent", "setup", f"VENV={tmp_path}/venv", f"PYTHON={venv}"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    sentence, *rest = done.stderr.splitlines()
    assert done.returncode != 0 and all(re.match(r"make(\[\d+\])?: ", line) for line in rest)
    advice = "check the network and pip's index, then run again"
    assert sentence == f"error: the packages cannot be installed (ERROR: no such package): {advice}"
    assert not (tmp_path / "venv/ready").exists()
