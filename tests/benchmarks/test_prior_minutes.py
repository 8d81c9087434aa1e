"""The curve of error against minutes of prior, as people draw it, on toy people."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from params_files import PEOPLE, write_params
from people import population, write_data

from benchmarks import prior_minutes

TINY = {"steps": 2, "batch_size": 4, "projected_prior_batch_size": 4, "width": 8, "critic_width": 8}


class Take(SimpleNamespace):
    def __len__(self):
        return self.frames


def takes(lengths):
    """Takes of these many frames at 50 Hz, each seen by two cameras."""
    return [
        Take(subject="S7", action=f"Take {n}", camera=camera, frames=frames, fps=50)
        for n, frames in enumerate(lengths)
        for camera in "ab"
    ]


def test_shares_are_whole_takes_that_all_cameras_keep_and_larger_ones_hold_the_smaller():
    prior = takes([100, 400, 50, 250, 200] * 4)
    assert prior_minutes.minutes_of(prior) == pytest.approx(4 * 1000 / 50 / 60)
    before = set()
    for share in prior_minutes.SHARES:
        some = prior_minutes.some_takes(prior, share, seed=3)
        names = {take.action for take in some}
        assert len(some) == 2 * len(names) and before <= names
        minutes = prior_minutes.minutes_of(some)
        assert share * 80 / 60 - 1e-9 <= minutes < share * 80 / 60 + 400 / 50 / 60  # less than one take too many
        before = names
    assert len(before) == 20
    others = prior_minutes.some_takes(prior, 0.25, seed=4)
    assert {take.action for take in others} != {take.action for take in prior_minutes.some_takes(prior, 0.25, seed=3)}


def test_both_ways_are_measured_once_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    write_params(tmp_path, lifting=PEOPLE, repnet=TINY)
    write_data(Path("data"), population())
    call = ["run", "--results", "lines.jsonl", "--seeds", "1", "--steps", "2", "--shares", "0.5", "1"]
    prior_minutes.main(call)
    lines = [json.loads(line) for line in Path("lines.jsonl").read_text().splitlines()]
    assert [(line["way"], line["share"]) for line in lines] == [(w, s) for w in prior_minutes.WAYS for s in (0.5, 1.0)]
    assert lines[0]["minutes"] < lines[1]["minutes"] and lines[0]["mpjpe_mm"] != lines[1]["mpjpe_mm"]
    shown = capsys.readouterr().out
    prior_minutes.main([*call, "--picture", "curve.png"])
    assert len(Path("lines.jsonl").read_text().splitlines()) == len(lines)
    assert capsys.readouterr().out == shown
    assert f"| projected prior | 1/2 | {lines[0]['minutes']:.2f} |" in shown
    assert Path("curve.png").read_bytes().startswith(b"\x89PNG")
