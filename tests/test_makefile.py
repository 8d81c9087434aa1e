"""``make browser``, which comes before the tests: quiet where there is a browser, harmless where there can be none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SENTENCE = "Chromium cannot be installed here: the player's browser test will be skipped\n"
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
