"""What a campaign reports: rows of the table in docs/reliability.md."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        campaign: the module's name, as in ``python -m torture.<campaign>``.
        tried: what was done to what.
        cases: how often.
        passed: how many of the cases ended as guaranteed.
    """

    campaign: str
    tried: str
    cases: int
    passed: int

    @property
    def failed(self) -> int:
        """The other cases."""
        return self.cases - self.passed


HEADER = ["| campaign | what was tried | day | cases | passed | failed |", "|---|---|---|---:|---:|---:|"]


def markdown_row(row: Row, day: date) -> str:
    """A line of the table, without its end."""
    return f"| {row.campaign} | {row.tried} | {day.isoformat()} | {row.cases} | {row.passed} | {row.failed} |"


def markdown_table(rows: list[Row]) -> str:
    """The rows of a campaign that was run today as a Markdown table that ends in a newline."""
    return "\n".join([*HEADER, *(markdown_row(row, date.today()) for row in rows)]) + "\n"


def run_alone(run: Callable[[], list[Row]]) -> None:
    """A campaign's command line: run it, print its table, and exit with status 1 where a case failed."""
    rows = run()
    print(markdown_table(rows), end="")
    sys.exit(any(row.failed for row in rows))
