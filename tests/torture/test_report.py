"""The table of docs/reliability.md, and how a campaign tells its failures."""

from datetime import date

import pytest

from torture import __main__ as report
from torture import kills, supply_chain
from torture.kills import steps_shown
from torture.rows import Row, markdown_table, run_alone

GOOD, BAD = Row("kills", "train_2d killed", 20, 20), Row("corruption", "a byte flipped", 500, 498)
GOOD_TOO = Row("corruption", "emptied", 5, 5)


def test_a_campaigns_rows_take_the_place_of_its_last_ones_and_the_others_stay():
    page = report.PAGE.read_text(encoding="utf-8")
    rest, _, end = page.partition(report.BEGIN)
    empty = rest + report.BEGIN + report.END + end.split(report.END)[1]
    first = report.with_rows(empty, "kills", [Row("kills", "an old case", 3, 1)], date(2030, 1, 1))
    second = report.with_rows(first, "kills", [GOOD], date(2030, 1, 2))
    both = report.with_rows(second, "corruption", [BAD, GOOD_TOO], date(2030, 1, 3))
    assert "3 cases, 2 failed." in first and "20 cases, 0 failed." in second
    assert both == empty.replace(
        report.END,
        """525 cases, 2 failed.

| campaign | what was tried | day | cases | passed | failed |
|---|---|---|---:|---:|---:|
| corruption | a byte flipped | 2030-01-03 | 500 | 498 | 2 |
| corruption | emptied | 2030-01-03 | 5 | 5 | 0 |
| kills | train_2d killed | 2030-01-02 | 20 | 20 | 0 |
"""
        + report.END,
    )


def test_the_page_has_the_rows_as_soon_as_a_campaign_ends(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(f"above\n{report.BEGIN}{report.END}below\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(kills, "run", lambda: [GOOD])
    monkeypatch.setattr(supply_chain, "run", lambda: [Row("supply_chain", "installed", 1, 0)])
    with pytest.raises(SystemExit) as caught:
        report.main(["kills"])
    assert not caught.value.code
    with pytest.raises(SystemExit) as caught:
        report.main(["supply_chain"])
    assert caught.value.code
    text = page.read_text()
    assert text.startswith("above\n") and text.endswith("below\n") and "21 cases, 1 failed." in text
    with pytest.raises(SystemExit) as caught:
        report.main(["nothing"])
    assert caught.value.code == 2


def test_every_campaign_is_found_by_its_module():
    assert {"kills", "faults"} <= set(report.campaigns())
    assert not {"rows", "workspace", "__main__"} & set(report.campaigns())


@pytest.mark.parametrize(("rows", "status"), [([GOOD], 0), ([GOOD, BAD], 1)])
def test_a_failed_case_ends_a_campaign_with_status_1(rows, status, capsys):
    with pytest.raises(SystemExit) as caught:
        run_alone(lambda: rows)
    assert caught.value.code == status
    assert capsys.readouterr().out == markdown_table(rows)


def test_steps_are_read_off_the_bar_of_the_stage():
    bar = "\rtrain_repnet:  83%|████▏ | 500/600 [00:01<00:02]\rtrain_repnet:  84%|████▏ | 501/600 [00:01<00:02, 9it/s]"
    assert steps_shown("train_repnet", "Running stage\n" + bar) == [(500, 600), (501, 600)]
    assert steps_shown("train_2d", bar) == []
