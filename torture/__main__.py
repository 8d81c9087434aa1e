"""Run campaigns, and put what each finds into the table of docs/reliability.md.

    python -m torture [kills ...]

A campaign is a module of this package with a ``run`` that gives rows; without a name, all are run. Its rows take the
place of those of its last run as soon as it ends. Exits with status 1 where a case failed.
"""

import argparse
import importlib
import pkgutil
import sys
from datetime import date
from pathlib import Path

import torture
from torture.rows import HEADER, Row, markdown_row, markdown_table

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- torture: begin -->\n", "<!-- torture: end -->"


def campaigns() -> list[str]:
    """Names of the package's modules that are campaigns."""
    names = [module.name for module in pkgutil.iter_modules(torture.__path__) if module.name != "__main__"]
    return [name for name in names if hasattr(importlib.import_module(f"torture.{name}"), "run")]


def with_rows(page: str, campaign: str, rows: list[Row], day: date) -> str:
    """The page with a campaign's rows in the table between its marks; those of the others stay."""
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    lines = [line for line in table.splitlines() if line.startswith("| ") and line not in HEADER]
    lines = [line for line in lines if _cells(line)[0] != campaign] + [markdown_row(row, day) for row in rows]
    lines.sort(key=lambda line: _cells(line)[0])
    cases, passed = (sum(int(_cells(line)[column]) for line in lines) for column in (3, 4))
    total = f"{cases} cases, {cases - passed} failed.\n\n"
    return before + BEGIN + total + "\n".join([*HEADER, *lines]) + "\n" + END + after


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("campaigns", nargs="*", metavar="campaign", help=f"of {', '.join(campaigns())}")
    chosen = parser.parse_args(arguments).campaigns or campaigns()
    if unknown := set(chosen) - set(campaigns()):
        parser.error(f"there is no campaign {', '.join(sorted(unknown))}: give some of {', '.join(campaigns())}")
    failed = 0
    for name in chosen:
        rows = importlib.import_module(f"torture.{name}").run()
        print(markdown_table(rows), end="", flush=True)
        PAGE.write_text(with_rows(PAGE.read_text(encoding="utf-8"), name, rows, date.today()), encoding="utf-8")
        failed += sum(row.failed for row in rows)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
