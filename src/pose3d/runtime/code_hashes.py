"""Hashes of code that change with what it does, and not with its comments, docstrings or formatting."""

import ast
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pose3d.runtime.errors import InputError, in_words

SOURCE = Path("src")
PACKAGE = "pose3d"


def code_hashes(scripts: Iterable[Path], root: Path = Path(".")) -> dict[Path, dict[str, str]]:
    """Hash of each script and of each module of this package that it can import, directly or through others.

    Imports are found in the syntax trees, those inside functions included and those under ``if TYPE_CHECKING:``, which
    never run, left out. An import by a name that is only known while the code runs would not be found.

    Args:
        scripts: relative to ``root``.
        root: the repository's.

    Returns:
        For each script: path of a file relative to ``root``, with slashes, to SHA-256; the script first.

    Raises:
        InputError: a file is missing, is not Python, or has an import that begins with a dot.
    """
    read: dict[Path, tuple[str, list[Path]]] = {}
    hashes = {}
    for script in scripts:
        reached, waiting = set(), [script]
        while waiting:
            path = waiting.pop()
            if path not in reached:
                reached.add(path)
                if path not in read:
                    read[path] = _read(root, path)
                waiting += read[path][1]
        files = [script, *sorted(reached - {script})]
        hashes[script] = {path.as_posix(): read[path][0] for path in files}
    return hashes


def listing(hashes: dict[str, str]) -> str:
    """The files and hashes of one script as lines, as ``sha256sum`` writes them."""
    return "".join(f"{digest}  {name}\n" for name, digest in hashes.items())


def code_hash(path: Path) -> str:
    """SHA-256 of what the code in a file does.

    Raises:
        InputError: it is missing or not Python.
    """
    return _hash(_parse(path, path))


def canonical(node: object) -> str:
    """A syntax tree as text: the same under every Python that this project supports, equal for equal code.

    ``ast.dump`` and ``ast.unparse`` will not do: what they write of one tree differs between versions. Left out are
    fields without content (Python 3.12 added some), the ``u`` of ``u"..."``, docstrings and all else that does nothing.
    """
    match node:
        case list():
            return f"[{','.join(canonical(item) for item in node if not _does_nothing(item))}]"
        case ast.JoinedStr():  # versions split its text differently; JSON writes two parts as it writes one
            return "".join(
                json.dumps(part.value)[1:-1] if isinstance(part, ast.Constant) else f'"{canonical(part)}"'
                for part in node.values
            ).join(("f'", "'"))
        case ast.AST():
            texts = {name: canonical(value) for name, value in ast.iter_fields(node) if value is not None}
            fields = [f"{name}={text}" for name, text in texts.items() if text != "[]" and name != "kind"]
            return f"{type(node).__name__}({','.join(fields)})"
        case _:
            return ascii(node)  # unlike repr, it does not depend on which characters a version of Unicode knows


def _does_nothing(node: object) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _read(root: Path, path: Path) -> tuple[str, list[Path]]:
    """Hash of one file, and the files that it imports."""
    tree = _parse(root / path, path)
    names = _imported_names(tree, path)
    return _hash(tree), [file for name in names for file in _module_files(root, name)]


def _hash(tree: ast.Module) -> str:
    return hashlib.sha256(canonical(tree).encode()).hexdigest()


def _parse(file: Path, shown: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{shown} is missing: run from the root of the repository") from None
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{shown} is not Python: {in_words(error)}") from None


def _imported_names(node: ast.AST, path: Path) -> list[str]:
    """Dotted names that a tree imports; of ``from a import b``, where b may be a module or not, ``a.b``."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        if node.level:
            raise InputError(f"{path}, line {node.lineno}: write the import with the whole name of its module")
        return [f"{node.module}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        children: Iterable[ast.AST] = node.orelse
    else:
        children = ast.iter_child_nodes(node)
    return [name for child in children for name in _imported_names(child, path)]


def _module_files(root: Path, name: str) -> list[Path]:
    """Files that are run when a dotted name is imported: those of its packages, and its own where it is a module."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return []
    places = [SOURCE.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    files = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py"))]
    return [file for file in files if (root / file).is_file()]
