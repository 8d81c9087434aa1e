"""Rows of tables, whatever ends their lines, in no more memory than they need."""

import tracemalloc

import pytest

from pose3d.formats import point_tables
from pose3d.formats.point_tables import read_rows

ROWS = [["frame", "nose_x"], ["0", "1.5"], ["1", "two\nlines"], ["2", "2.5"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_end_as_any_system_ends_them(tmp_path, end, last):
    lines = ["frame,nose_x", "0,1.5", "", '1,"two\nlines"', "2,2.5"]
    path = tmp_path / "table.csv"
    path.write_bytes((end.join(lines) + (end if last else "")).encode())
    assert read_rows(path) == ROWS


def test_a_table_takes_little_more_memory_than_its_text_and_its_cells(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text("frame,nose_x\n" + f"0,{'1' * 2**16}\n" * 32)
    monkeypatch.setattr(point_tables, "MAX_TABLE_BYTES", path.stat().st_size)  # that much is asked for at first
    tracemalloc.start()
    try:
        read_rows(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2.5 * path.stat().st_size
