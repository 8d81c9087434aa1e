"""docs/licences.md lists what requirements.lock and the data sets' packages hold, at their versions."""

from pathlib import Path

import pytest

from pose3d.datasets.packages import BLAZEPOSE_PACKAGES, MULTIVIEW_PACKAGES, PACKAGES

ROOT = Path(__file__).parents[1]
LICENCES = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


def listed_packages(text: str) -> list[tuple[str, str, str]]:
    """Name, version and licence of each row of the section on packages."""
    table = text.split("\n## Packages\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return [(name, version, licence) for name, version, licence in rows[1:]]


def locked() -> list[tuple[str, str]]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("==")) for line in lines if line and not line.startswith("#")]


def test_every_locked_package_is_listed_at_its_version_and_no_other() -> None:
    assert [(name, version) for name, version, _ in listed_packages(LICENCES)] == locked()


def test_every_listed_package_has_a_licence() -> None:
    assert all(licence.strip() for _, _, licence in listed_packages(LICENCES))


def test_every_package_with_conditions_is_in_the_table_of_what_they_mean() -> None:
    conditions = LICENCES.split("\n## Licences with conditions\n")[1].split("\n## ")[0]
    conditional = [
        name for name, _, licence in listed_packages(LICENCES) if any(word in licence for word in ("GPL", "MPL", "EPL"))
    ]
    assert len(conditional) >= 10
    assert [name for name in conditional if name not in conditions] == []


@pytest.mark.parametrize(
    "package", [*PACKAGES, *BLAZEPOSE_PACKAGES, *MULTIVIEW_PACKAGES], ids=lambda package: package.name
)
def test_every_package_of_data_is_listed(package) -> None:
    data = LICENCES.split("\n## Data\n")[1].split("\n## ")[0]
    (row,) = [line for line in data.splitlines() if f" {package.name} {package.version}" in line]
    assert package.licence in row
    assert any(name.startswith("licences/") for name in package.kept.values()), "its licence text goes along"
