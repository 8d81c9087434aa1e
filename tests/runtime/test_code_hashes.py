import ast
from pathlib import Path

import pytest

from pose3d.runtime.code_hashes import canonical, code_hashes, listing
from pose3d.runtime.errors import InputError


def text_of(code: str | bytes) -> str:
    return canonical(ast.parse(code))


def test_the_text_of_a_tree_is_the_same_under_every_python():
    """Worked out by hand: Python 3.12 has type_params in functions, and 3.13 prints trees without empty lists."""
    assert text_of("def f(a=None): return f'{a}!'") == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='a')],defaults=[Constant()]),"
        "body=[Return(value=f'\"FormattedValue(value=Name(id='a',ctx=Load()),conversion=-1)\"!')])])"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "# why\nx = 1  # one\n"),
        ("x = [1, 2]", "x = [\n    1,\n    2,\n]"),
        ('x = 1\ny = """a\nb"""\n', 'x = 1\r\ny = """a\r\nb"""\r\n'),
        ("", '"""A module."""'),
        ("def f(): return 1", 'def f():\n    """Give one."""\n    return 1'),
        ("class A(B): pass", 'class A(B):\n    """A thing."""'),
        ("class A:\n    x: int", 'class A:\n    x: int\n    """What x is."""'),
        ("x = 1_000, 0x10, 'a', u'b'", 'x = (1000, 16, "a", "b")'),
        ("x = 'a' 'b'", "x = 'ab'"),
        ("x = f'a{b}' 'c' f'{{'", 'x = f"a{b}c{{"'),
    ],
)
def test_what_does_the_same_has_the_same_text(one, other):
    assert text_of(one.encode()) == text_of(other.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'None'", "x = None"),
        ("x = ...", "x = 'Ellipsis'"),
        ("x = 'a'", "x = b'a'"),
        ("x = 'a'", "y = 'a'"),
        ("x = '{a}'", "x = f'{a}'"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = f'{a}b'", "x = f'b{a}'"),
        ("x = f'{a:.1f}'", "x = f'{a:.2f}'"),
        ("f(a, b)", "f(b, a)"),
        ("f(a)", "f(*a)"),
        ("{**a, 1: b}", "{1: b, **a}"),
        ("def f(): return 1", "async def f(): return 1"),
        ("def f(a, b): ...", "def f(a, *, b): ..."),
        ("if a:\n    b()\nelse:\n    c()", "if a:\n    c()\nelse:\n    b()"),
        ("x = a - b - c", "x = a - (b - c)"),
        ("x = 'a', 'b'", "x = 'a' 'b'"),
    ],
)
def test_what_does_another_thing_has_another_text(one, other):
    assert text_of(one) != text_of(other)


PACKAGE = {
    "stages/go.py": "import numpy\nfrom pose3d.a import f\nfrom pose3d import room\n",
    "src/pose3d/__init__.py": "",
    "src/pose3d/a.py": "def f():\n    import pose3d.room.b\n",
    "src/pose3d/room/__init__.py": "",
    "src/pose3d/room/b.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pose3d import hint\n"
        "else:\n    from pose3d import c\n"
    ),
    "src/pose3d/c.py": "from pose3d.a import f\n",
    "src/pose3d/hint.py": "",
    "src/pose3d/idle.py": "",
}


@pytest.fixture
def root(tmp_path):
    for name, code in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    return tmp_path


def of_go(root: Path) -> dict[str, str]:
    return code_hashes([Path("stages/go.py")], root)[Path("stages/go.py")]


def test_a_script_reaches_what_it_imports_and_the_packages_around_it(root):
    assert list(of_go(root)) == [
        "stages/go.py",
        "src/pose3d/__init__.py",
        "src/pose3d/a.py",
        "src/pose3d/c.py",
        "src/pose3d/room/__init__.py",
        "src/pose3d/room/b.py",
    ]


def test_a_change_shows_in_the_line_of_its_file(root):
    before = of_go(root)
    (root / "src/pose3d/c.py").write_text("from pose3d.a import f\nx = 1\n")
    after = of_go(root)
    assert [name for name in before if before[name] != after[name]] == ["src/pose3d/c.py"]


def test_a_listing_has_a_line_for_each_file():
    assert listing({"a.py": "12", "b/c.py": "34"}) == "12  a.py\n34  b/c.py\n"


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("src/pose3d/c.py", "x = (", r"src/pose3d/c\.py is not Python: '\(' was never closed \(<unknown>, line 1\)"),
        (
            "src/pose3d/c.py",
            "x = 1\nfrom . import a",
            r"src/pose3d/c\.py, line 2: write the import with the whole name",
        ),
        ("stages/go.py", None, r"stages/go\.py is missing: run from the root"),
    ],
)
def test_what_cannot_be_hashed_is_one_sentence(root, name, code, message):
    if code is None:
        (root / name).unlink()
    else:
        (root / name).write_text(code)
    with pytest.raises(InputError, match=message):
        of_go(root)
