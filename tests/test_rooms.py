"""The rooms of src/pose3d against ARCHITECTURE.md: imports go up its table only, and nothing imports a command."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "pose3d"
ROOMS = re.findall(r"^\| (\w+)/ \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
OLD_FORMS = {"predict/__main__.py"}
"""Of a room, what runs a command for those who still write ``python -m pose3d.<name>``."""


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a module imports, also inside its functions."""
    modules = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    return {name.split(".")[1] for name in modules if name and name.startswith("pose3d.")}


def test_every_room_is_in_the_table() -> None:
    assert sorted(ROOMS) == sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_those_above_it_only(room: str) -> None:
    modules = [path for path in (SOURCE / room).rglob("*.py") if str(path.relative_to(SOURCE)) not in OLD_FORMS]
    assert modules
    for path in modules:
        assert imported_rooms(path) <= set(ROOMS[: ROOMS.index(room) + 1]), path


def test_loose_modules_only_lead_to_a_command() -> None:
    for path in SOURCE.glob("*.py"):
        assert imported_rooms(path) <= {"commands"}, path
