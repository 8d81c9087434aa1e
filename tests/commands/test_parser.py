"""A command line that is wrong is one sentence, without argparse's words."""

import os
import sys

import pytest

from pose3d.commands.run import main
from pose3d.runtime.errors import FOREIGN


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["predict", "v.mp4", "--fov", "wide"], "--fov takes a number, not wide"),
        (["predict", "v.mp4", "--rate", "x"], "--fps/--rate takes a number, not x"),
        (["evaluate-views", "--frame-step", "1.5"], "--frame-step takes a whole number, not 1.5"),
        (["predict", "v.mp4", "--camera"], "--camera needs a value behind it"),
        (["predict", "v.mp4", "--up", "--fov", "60"], "--up needs a value behind it"),
        (["release", "--layouts"], "--layouts needs a value behind it"),
        (["convert", "a.npz", "b.trc", "--unit", "cm"], "--unit takes m, mm, not cm"),
        (["predict", "v.mp4", "--fov", "60", "--camera", "c.json"], "--camera and --fov exclude each other"),
        (["predict", "v.mp4", "--normalised=1"], "--normalised takes no value, not 1"),
        (["write-npz", "--format", "original"], "--out must be given"),
        (["convert", "a.npz"], "output must be given"),
        (["predict", "v.mp4", "--colour", "a\nb\x1b"], "--colour a b\\x1b is not known here"),
        (["predict", "v.mp4", "w.mp4"], "w.mp4 is more than one run takes"),
        (["predict", "v.mp4", "--f", "25"], "--f may mean --fps, --fov, --format, --frame"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(given, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and not FOREIGN.search(shown)
    at_the_end = {"--colour", "w.mp4"} & set(given)  # where what is unknown shows
    command = "pose3d" if at_the_end else f"pose3d {given[0]}"
    assert shown == f"error: {said}; `{command} --help` says more\n"


@pytest.mark.parametrize("value", ["-0.1,-0.9,0.4", "-.1,-1,0", "-1,0,0", "-1e-3,-1,0"])
def test_a_list_of_numbers_may_begin_with_a_minus(value, monkeypatch):
    given = []
    monkeypatch.setattr("pose3d.commands.predict.run", given.append)
    main(["predict", "v.mp4", "--up", value, "--fov", "60"])
    main(["predict", "v.mp4", f"--up={value}"])
    assert [one.up for one in given] == [value, value] and given[0].fov == 60


def test_a_negative_number_is_the_value_of_an_option(monkeypatch):
    given = []
    monkeypatch.setattr("pose3d.commands.predict.run", given.append)
    main(["predict", "v.mp4", "--height", "-1e-3"])
    assert given[0].height == -0.001


def test_an_unknown_command_has_the_known_ones_named(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["predikt", "v.mp4"])
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and shown.startswith("error: there is no command predikt, but predict, angles, lift, ")
    assert shown.count("\n") == 1 and not FOREIGN.search(shown)


def test_names_that_are_no_text_are_printed(tmp_path, monkeypatch):
    out = tmp_path / "shown"
    with open(out, "w", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", file)
        monkeypatch.setattr("pose3d.commands.demo.run", lambda given: print(given.out))
        main(["demo", "--out", os.fsdecode(b"caf\xe9")])
    assert out.read_text() == "caf\\udce9\n"
