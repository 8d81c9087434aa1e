"""The campaign on writers passes those of the formats, and sees a file that is written in place."""

import time

from torture.writers import campaign, content, formats


def in_place(path, version):
    with open(path, "w") as file:
        for _ in range(20):
            file.write(f"{version}\n")
            file.flush()
            time.sleep(0.005)


def test_a_file_that_is_written_in_place_fails(capfd):
    assert campaign("a.txt", in_place, 5).failed >= 3
    assert "half of a file" in capfd.readouterr().err


def test_a_format_of_ours_passes():
    row = campaign("angles.csv", formats()["angles.csv"], 3)
    assert (row.cases, row.passed) == (3, 3)


def test_of_a_folder_every_file_counts(tmp_path):
    assert content(tmp_path / "none") is None
    (tmp_path / "a").write_text("1")
    assert content(tmp_path) == {"a": b"1"}
