"""Read back by our reader and by trc-data-reader; damage is one sentence."""

import os

import numpy as np
import pytest
from motions import assert_same, one_joint, walk, walk_with_gaps
from trc import TRCData

from pose3d.formats.motion import NAMES
from pose3d.formats.trc import read_trc, write_trc
from pose3d.runtime.errors import InputError


def test_every_cell_is_as_opensim_expects(tmp_path):
    write_trc(tmp_path / "a.trc", one_joint((1, -2, 0.5), (np.nan, np.nan, np.nan)), "mm")
    assert (tmp_path / "a.trc").read_text().splitlines() == [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        "50\t50\t2\t1\tmm\t50\t1\t2",
        "Frame#\tTime\tHip\t\t",
        "\t\tX1\tY1\tZ1",
        "",
        "1\t0.000000\t1000.000\t-2000.000\t500.000",
        "2\t0.020000\tnan\tnan\tnan",
    ]


def test_a_file_whose_name_is_no_utf_8_is_utf_8_all_the_same(tmp_path):
    path = tmp_path / os.fsdecode(b"\xe9.trc")
    write_trc(path, one_joint((1, 2, 3)))
    assert path.read_text(encoding="utf-8").startswith("PathFileType\t4\t(X/Y/Z)\t\ufffd.trc\n")
    assert read_trc(path).positions_m.tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("unit", ["m", "mm"])
@pytest.mark.parametrize("motion", [walk(), walk_with_gaps(), walk(1, 29.97)], ids=["whole", "gaps", "one frame"])
def test_all_comes_back(tmp_path, motion, unit):
    write_trc(tmp_path / "a.trc", motion, unit)
    assert_same(read_trc(tmp_path / "a.trc"), motion, atol=0.6e-6)


def test_read_alike_by_another_program(tmp_path):
    """A missing last marker keeps its place."""
    motion = walk_with_gaps()
    write_trc(tmp_path / "a.trc", motion)
    read = TRCData()
    read.load(str(tmp_path / "a.trc"))
    assert (read["Markers"], float(read["DataRate"]), read["Units"]) == (list(NAMES), 25, "m")
    positions = np.stack([np.array(read[name], float) for name in NAMES], 1)
    np.testing.assert_allclose(positions, motion.positions_m, rtol=0, atol=0.6e-6)


def test_centimetres_and_names_with_blanks_of_other_programs_are_read(tmp_path):
    write_trc(tmp_path / "a.trc", one_joint((1, 2, 3)), "mm")
    text = (tmp_path / "a.trc").read_text().replace("mm", "cm").replace("Hip\t", "Left Hip\t")
    (tmp_path / "a.trc").write_text(text.replace("\n", "\r\n"))
    motion = read_trc(tmp_path / "a.trc")
    assert motion.joints == ("Left_Hip",) and motion.positions_m.tolist() == [[[10, 20, 30]]]


@pytest.mark.parametrize(
    ("unit", "metres"),
    [("MM", 0.001), ("millimeters", 0.001), ("Meters", 1), ("metre", 1), ("M", 1), ("CM", 0.01), ("centimetres", 0.01)],
)
def test_units_may_have_capitals_and_long_names(tmp_path, unit, metres):
    write_trc(tmp_path / "a.trc", one_joint((1, 2, 3)))
    text = (tmp_path / "a.trc").read_text().replace("\tm\t", f"\t{unit}\t")
    (tmp_path / "a.trc").write_text(text)
    np.testing.assert_allclose(read_trc(tmp_path / "a.trc").positions_m, [[[metres, 2 * metres, 3 * metres]]])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_names_with_marks_are_read_in_the_encodings_that_there_are(tmp_path, encoding):
    write_trc(tmp_path / "a.trc", one_joint((1, 2, 3)))
    text = (tmp_path / "a.trc").read_text().replace("Hip\t", "Hüfte é\t").replace("a.trc", "Läufer.trc")
    (tmp_path / "a.trc").write_bytes(text.encode(encoding))
    motion = read_trc(tmp_path / "a.trc")
    assert motion.joints == ("Hufte_e",) and motion.positions_m.tolist() == [[[1, 2, 3]]]


def test_the_line_that_is_no_text_is_named(tmp_path):
    write_trc(tmp_path / "a.trc", walk())
    lines = (tmp_path / "a.trc").read_bytes().split(b"\n")
    lines[8] = b"\x00\xff\xfe"
    (tmp_path / "a.trc").write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"a\.trc, line 9, is no text"):
        read_trc(tmp_path / "a.trc")


@pytest.mark.parametrize(("rate", "refused"), [(25, False), (25.1, False), (30, True), (12.5, True)])
def test_times_of_another_rate_are_refused(tmp_path, rate, refused):
    write_trc(tmp_path / "a.trc", walk(40, 25))
    text = (tmp_path / "a.trc").read_text().replace("\n25\t25\t", f"\n{rate}\t{rate}\t")
    (tmp_path / "a.trc").write_text(text)
    if not refused:
        assert read_trc(tmp_path / "a.trc").fps == rate
        return
    with pytest.raises(InputError, match=rf"after the first by its Time, and .* s by DataRate {rate}: correct"):
        read_trc(tmp_path / "a.trc")


def test_a_recording_that_was_cut_is_said_to_begin_late(tmp_path):
    write_trc(tmp_path / "a.trc", walk(12, 25))
    text = (tmp_path / "a.trc").read_text()
    for first_s, n_said in ((1.0, 1), (0.04, 0), (-0.5, 0)):
        lines = text.splitlines()
        for row in range(12):
            cells = lines[6 + row].split("\t")
            lines[6 + row] = "\t".join([str(101 + row), f"{first_s + row / 25:.6f}", *cells[2:]])
        (tmp_path / "b.trc").write_text("\n".join(lines) + "\n")
        said = read_trc(tmp_path / "b.trc").said
        assert said == ("the first frame is at 1 s of the recording, which is 0 s here: times count from it",) * n_said


def test_frames_that_are_missing_are_refused_and_times_of_zero_say_nothing(tmp_path):
    write_trc(tmp_path / "a.trc", walk(40, 25))
    lines = (tmp_path / "a.trc").read_text().splitlines()
    gone = [*lines[:16], *lines[20:]]
    gone[2] = gone[2].replace("\t40\t", "\t36\t", 1)
    (tmp_path / "a.trc").write_text("\n".join(gone))
    with pytest.raises(InputError, match="frame 11 comes 0.56 s after the first by its Time, and 0.4 s by DataRate 25"):
        read_trc(tmp_path / "a.trc")
    rows = ["\t".join([row.split("\t")[0], "0.0", *row.split("\t")[2:]]) for row in lines[6:]]
    (tmp_path / "a.trc").write_text("\n".join([*lines[:6], *rows]))
    assert len(read_trc(tmp_path / "a.trc")) == 40


def test_markers_at_zero_are_missing(tmp_path):
    motion = walk_with_gaps()
    write_trc(tmp_path / "a.trc", motion)
    (tmp_path / "a.trc").write_text((tmp_path / "a.trc").read_text().replace("nan", "0.0"))
    found = read_trc(tmp_path / "a.trc")
    assert_same(found, motion, atol=0.6e-6)
    assert "Hip in 1 of 12 frames" in found.said[0]


def test_empty_markers_of_other_programs_are_missing(tmp_path):
    motion = walk_with_gaps()
    write_trc(tmp_path / "a.trc", motion)
    text = (tmp_path / "a.trc").read_text().replace("nan", "")
    (tmp_path / "a.trc").write_text(text.replace("\n2\t", "\t\n2\t"))
    assert_same(read_trc(tmp_path / "a.trc"), motion, atol=0.6e-6)


def test_any_tabs_may_end_a_row(tmp_path):
    write_trc(tmp_path / "a.trc", walk())
    (tmp_path / "a.trc").write_text((tmp_path / "a.trc").read_text().replace("\n", "\t\t\r\n"))
    assert_same(read_trc(tmp_path / "a.trc"), walk(), atol=0.6e-6)


def test_names_that_are_shared_are_numbered(tmp_path):
    write_trc(tmp_path / "a.trc", walk())
    (tmp_path / "a.trc").write_text((tmp_path / "a.trc").read_text().replace("RHip", "Hip"))
    assert read_trc(tmp_path / "a.trc").joints[:3] == ("Hip_1", "Hip_2", "RKnee")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[: text.rindex("\n12\t")] + "\n", "has 11 frames, but its header says 12: is it cut off"),
        (lambda text: text[:-30], r"line 18, has \d+ numbers in place of 53"),
        (lambda text: text.replace("\t12\t17\t", "\t12\t16\t"), "line 4, names 17 markers, but the header says 16"),
        (lambda text: text.replace("\t12\t17\t", "\t-1\t17\t"), "line 3, has -1 for NumFrames"),
        (lambda text: text.replace("\t12\t17\t", "\t99999999999\t17\t"), "line 3, has 1e.11 for NumFrames"),
        (lambda text: text.replace("\tm\t", "\t\t"), "line 3, has the unit '': write m, cm or mm there"),
        (lambda text: text.replace("\tm\t", "\tinch\t"), "line 3, has the unit 'inch'"),
        (lambda text: text.replace("DataRate", "Rate", 1), "line 3, has no number for DataRate"),
        (lambda text: text.replace(".", ","), "line 7, has commas in its numbers: write points"),
        (lambda text: "x" + text, "line 1, does not begin with PathFileType"),
        (lambda text: "", "line 1, does not begin with PathFileType"),
    ],
)
def test_what_is_damaged_is_one_sentence(tmp_path, change, said):
    write_trc(tmp_path / "a.trc", walk())
    (tmp_path / "a.trc").write_text(change((tmp_path / "a.trc").read_text()))
    with pytest.raises(InputError, match=rf"a\.trc,? {said}"):
        read_trc(tmp_path / "a.trc")


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"a\.trc is infinite at frame 0, joint Hip"):
        write_trc(tmp_path / "a.trc", one_joint((np.inf, 0, 0)))
    assert list(tmp_path.iterdir()) == []
