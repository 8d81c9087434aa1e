"""``pose3d make-prior``: the file, the table, and what it refuses."""

import numpy as np
import pytest
from people import population, write_data
from tiny_mocap import CMU, climb_motion, named, write_any_bvh
from tiny_performers import tiny_body

from pose3d.commands.run import main
from pose3d.formats.joint_files import write_motion
from pose3d.records.sequences import read_sequences
from pose3d.synthetic.body import write_bodies


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    write_bodies(tmp_path / "data/bodies.h5", {"S7": tiny_body()})
    motion = named(climb_motion(), CMU)
    write_any_bvh(tmp_path / "mocap/walk.bvh", motion)
    motion.positions_m[20:28, 0] = motion.positions_m[20:28, 3] = np.nan
    motion.positions_m[30:41, motion.joints.index("LeftLeg")] = np.nan
    write_motion(tmp_path / "mocap/gaps.trc", motion)
    return tmp_path


def refused(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["make-prior", *arguments])
    return ended.value.code


def test_the_table_says_what_is_used_and_why_not(repository, capsys):
    main(["make-prior", "mocap", "--out", "priors/mine.h5"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "file frames/s unit minutes used s left out why, or what else",
        "gaps.trc 30 its own 0.03 0.4 joints missing (0.4 s)",
        "walk.bvh 30 cm 0.03 0.0",
        "all 0.06 0.4",
        ".bvh: y is up, as the format has it, and people stand so",
        ".trc: y is up, as the format has it, and people stand so",
        "priors/mine.h5: 3 sequences, 92 frames at 25 a second",
    ]
    assert {s.subject for s in read_sequences("priors/mine.h5")} == {"mocap"}


def test_an_axis_that_is_asked_is_doubted_in_the_table(repository, capsys):
    main(["make-prior", "mocap", "--out", "priors/mine.h5", "--up", "x"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    (walk,) = (line for line in lines if line.startswith("walk.bvh 30 cm 0.03 0.0 "))
    assert "people stretch along y, not x: unless they lie" in walk


def test_the_rate_is_the_datas_or_the_asked_one(repository, capsys):
    write_data(repository / "data", population(frames=2))
    main(["make-prior", "mocap", "--out", "priors/mine.h5"])
    assert read_sequences("priors/mine.h5")[0].fps == 25
    main(["make-prior", "mocap", "--out", "priors/mine.h5", "--fps", "50"])
    assert read_sequences("priors/mine.h5")[0].fps == 50
    assert capsys.readouterr().out.endswith("at 50 a second\n")


def test_what_is_asked_wrongly_is_one_sentence_and_nothing_is_written(repository):
    for name in ("mine.h5", "priors/mine.npz", "priors/deep/mine.h5"):
        assert refused("mocap", "--out", name) == (
            f"error: {name} is not priors/NAME.h5, which is all that lifting.prior reads: give such a name"
        )
    assert refused("none", "--out", "priors/mine.h5") == "error: none is missing: give one that is there"
    assert "--fps 0 is no frame rate" in refused("mocap", "--out", "priors/mine.h5", "--fps", "0")
    assert "map.yaml is missing" in refused("mocap", "--out", "priors/mine.h5", "--map", "map.yaml")
    assert "holds no motion capture" in refused("data", "--out", "priors/mine.h5")
    assert not (repository / "priors").exists()
