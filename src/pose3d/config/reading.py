"""Reading and merging params.yaml, and the data set and the size that it names.

Each key is in exactly one of the three files, so that ``dvc exp run -S`` on any of them always has an effect.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pose3d.config.former_names import refuse_former_keys, refuse_profile
from pose3d.runtime.errors import InputError, in_words
from pose3d.runtime.files import read_small_text

PARAMS_FILE = Path("params.yaml")
DATA_SETS_FOLDER = Path("data_sets")
SIZES_FOLDER = Path("sizes")


class StageParams(BaseModel):
    """Base of what a stage reads: one field per block, named as in the files; other blocks are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def load(cls, root: Path = Path(".")) -> Self:
        """Read the blocks from params.yaml, and the data set and the size it names.

        Raises:
            InputError: a missing file, an unknown data set or size, an unknown, missing, duplicate or mistyped key.
        """
        merged, file_of = read_merged(root)
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            raise InputError(_sentence(error, merged, file_of, root)) from None


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice instead of silently keeping the last, and aliases.

    A few lines of aliases of aliases can expand to more values than any memory holds.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            place = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="aliases are not read, write the value out", problem_mark=place)
        return super().compose_node(parent, index)


def _mapping_without_duplicates(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
    keys = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in keys:
            raise InputError(
                f"{key_node.start_mark.name}: key '{key}' is written twice (again on line "
                f"{key_node.start_mark.line + 1}); keep one of them"
            )
        keys.add(key)
    return loader.construct_mapping(node, deep=True)


def _number_as_written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float:
    """Refuse what YAML reads to the base of 8 or 60: 050 would be 40, and 1:30 would be 90."""
    of_integers = node.tag == "tag:yaml.org,2002:int"
    number = loader.construct_yaml_int(node) if of_integers else loader.construct_yaml_float(node)
    if ":" in node.value or (of_integers and re.fullmatch(r"[+-]?0[\d_]+", node.value)):
        raise InputError(
            f"{node.start_mark.name}: {node.value} on line {node.start_mark.line + 1} would be read as {number:g}: "
            "write a number without a leading 0 and colons, or a name in quotes"
        )
    return number


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)
for _tag in ("int", "float"):
    _UniqueKeyLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _number_as_written)


def read_yaml(path: Path, remedy: str | None = None) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: of the file.
        remedy: what to do where it is no mapping; None: get it back from git.

    Raises:
        InputError: missing, not YAML, a duplicate key, or not a mapping.
    """
    try:
        loader = _UniqueKeyLoader(read_small_text(path))
        loader.name = str(path)
        content = loader.get_single_data()
    except FileNotFoundError:
        raise InputError(f"{path} is missing: run from the root of the repository") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file of keys and values: remove it") from None
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{path} is not valid YAML{_place_and_cause(error)}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # of invalid keys and values
        raise InputError(f"{path} is not valid YAML: {in_words(error)}") from None
    if not isinstance(content, dict):
        what = "is empty" if content is None else "is a list or a value"
        remedy = remedy or f"get it back with `git checkout {path}`"
        raise InputError(f"{path} {what} and must hold keys and values: {remedy}")
    return content


_YAML_CAUSES = {
    "character '\\t'": "a tab, where YAML wants spaces",
    "cannot start any token": "text that begins with such a sign needs quotes",
    "could not find expected ':'": "a key needs a colon and a space before its value",
    "expected a single document": "a second document begins, where one is read: take --- out",
    "but found '-'": "a list with - stands inside brackets, or is not closed: write [a, b]",
    "expected <block end>": "it is indented otherwise than the lines above, or has a bracket too many",
    "sequence entries are not allowed": "a list with - begins on a line of its own, below its key",
    "a double-quoted scalar": "in double quotes a backslash begins a sign: take single ones",
    "aliases are not read": "aliases are not read, write the value out",
    "mapping values are not allowed": "a second colon, or it is indented otherwise than the lines above",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
    "end of stream": "a bracket or a quotation mark is not closed",
}
"""Of PyYAML's words what users can do with them."""


def _place_and_cause(error: yaml.MarkedYAMLError) -> str:
    """The end of a sentence: the line, and why."""
    said = " ".join(f"{error.context or ''} {error.problem or ''}".split())
    cause = next((ours for theirs, ours in _YAML_CAUSES.items() if theirs in said), None)
    if cause is None:
        return f": {in_words(error)}"
    mark = error.problem_mark or error.context_mark
    if "expected ':'" in said:  # the key, not what follows it
        mark = error.context_mark or mark
    return f": {cause}" if mark is None else f" on line {mark.line + 1}: {cause}"


def read_merged(root: Path, data: str | None = None, size: str | None = None) -> tuple[dict[str, Any], dict[str, Path]]:
    """The three files as one mapping, and the file of each key, ``block.key`` or the name of what is no block.

    Args:
        root: of the repository.
        data, size: in place of those that params.yaml chooses.

    Raises:
        InputError: a file is missing, the data set or the size is unknown, a key is in two files, or it has the name of
            an earlier version.
    """
    params_path = root / PARAMS_FILE
    method = read_yaml(params_path)
    if "profile" in method:
        refuse_profile(method["profile"], params_path)
    method |= {key: name for key, name in (("data", data), ("size", size)) if name is not None}
    data_path = _chosen(method, "data", root / DATA_SETS_FOLDER, params_path)
    size_path = _chosen(method, "size", root / SIZES_FOLDER, params_path)
    merged: dict[str, Any] = {}
    file_of: dict[str, Path] = {}
    for path, blocks in ((params_path, method), (data_path, read_yaml(data_path)), (size_path, read_yaml(size_path))):
        for block, values in blocks.items():
            in_block = isinstance(values, dict)
            if in_block:
                refuse_former_keys(values, block, path)
            for key in [f"{block}.{key}" for key in values] if in_block else [block]:
                if file_of.get(key) == path:  # of a block, and once more with a dot
                    raise InputError(f"{path}: '{key}' is a name with a dot; write its last part inside its block")
                if key in file_of:
                    raise InputError(f"key '{key}' is in both {file_of[key]} and {path}; keep one of them")
                file_of[key] = path
            if block in merged and not (in_block and isinstance(merged[block], dict)):
                others = ", ".join(sorted({str(file) for file in _files_of([block], file_of)} - {str(path)}))
                raise InputError(f"'{block}' is a block in one of {path} and {others}, and a value in the other")
            merged[block] = {**merged.get(block, {}), **values} if in_block else values
    return merged, file_of


def _chosen(method: dict[str, Any], key: str, folder: Path, params_path: Path) -> Path:
    """The file of the data set or size that params.yaml names."""
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if not known:
        raise InputError(f"{folder}/ is missing or holds no .yaml files: run from the root of the repository")
    if key not in method:
        advice = _misspelt(key, method) or f"add `{key}: ` and one of {', '.join(known)}"
        raise InputError(f"{params_path}: {key} is missing; {advice}")
    name = method[key]
    if name not in known:
        quoted = "" if isinstance(name, str) else " (a name that YAML reads as something else needs quotes)"
        if (folder / f"{name}.yml").is_file():
            quoted = f"; rename {folder / f'{name}.yml'} to {name}.yaml"
        if ".dvc" in params_path.absolute().parts:  # the copy of an experiment of the queue
            quoted += (
                f"; an experiment of the queue has the files alone that git tracks: `git add {folder}/{name}.yaml`"
            )
        raise InputError(f"{params_path}: {key} '{name}' is unknown; choose one of {', '.join(known)}{quoted}")
    return folder / f"{name}.yaml"


def _sentence(error: ValidationError, merged: dict[str, Any], file_of: dict[str, Path], root: Path) -> str:
    """The first problem, with the file and the key as it is written there; an unknown key before what it may mean."""
    problems = error.errors()
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    key: list[str] = []
    value: Any = merged
    for part in first["loc"]:
        if isinstance(value, dict) and part not in value and part != first["loc"][-1]:
            continue  # pydantic's name for a variant of a block, which is no key
        key.append(str(part))
        value = value.get(part) if isinstance(value, dict) else None
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            problem = "is not a known key; remove it or correct its spelling"
        case "missing":
            problem = "is missing; add it"
        case "union_tag_invalid":
            key.append(first["ctx"]["discriminator"].strip("'"))
            written = _as_written(first["input"][key[-1]])
            problem = f"is {written}; choose one of {first['ctx']['expected_tags']}"
        case "union_tag_not_found":
            key.append(first["ctx"]["discriminator"].strip("'"))
            problem = f"is missing; {_misspelt(key[-1], first['input']) or 'add it'}"
        case "model_type" | "model_attributes_type":
            problem = f"must be a block of keys and values, not {_as_written(first['input'])}"
        case _:
            said = _said(first["type"], first.get("ctx", {})) or message
            problem = f"{said}, not {_as_written(first['input'])}" if key else said
    files = _where_others_have(key, merged, root) if first["type"] == "missing" else []
    said_of = key or problem.split()[0].split(".")  # of several blocks, the sentence names one key first
    names = " or ".join(map(str, files or _files_of(said_of, file_of)))
    return f"{names}: {' '.join(filter(None, ['.'.join(key), problem]))}"


def _misspelt(key: str, written: Iterable[Any]) -> str | None:
    """Advice on the key among those that are written that may be a missing one; None: there is none like it."""
    similar = get_close_matches(key, map(str, written), 1)
    return f"correct the spelling of {similar[0]}" if similar else None


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "keys and values",
    "none": "null",
}
"""By the beginnings of pydantic's types of errors."""
_BOUNDS = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}


def _said(kind: str, facts: dict[str, Any]) -> str | None:
    """What a value must be, in words; None of a check of this project's own, which has words."""
    if kind in _BOUNDS:
        return f"must be {_BOUNDS[kind]} {next(iter(facts.values()))}"
    if kind == "literal_error":
        return f"must be {facts['expected']}"
    if kind in ("too_short", "too_long"):
        bound = f"at least {facts['min_length']}" if kind == "too_short" else f"at most {facts['max_length']}"
        return f"must be a list of {bound}"
    if kind == "value_error":
        return None
    return f"must be {_KINDS.get(kind.split('_')[0], 'of another form, which docs/experiments.md and its file show')}"


def _as_written(value: Any) -> str:
    """A value as YAML has it, on one line; text in quotes."""
    if isinstance(value, str):
        return repr(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return " ".join(text.removesuffix("...\n").split())


def _where_others_have(key: list[str], merged: dict[str, Any], root: Path) -> list[Path]:
    """The chosen data set or size, where another one has the key; nothing where none has."""
    found = []
    for folder, chosen in ((DATA_SETS_FOLDER, merged["data"]), (SIZES_FOLDER, merged["size"])):
        for other in sorted((root / folder).glob("*.yaml")):
            with suppress(InputError):  # what is wrong with it is said when it is chosen
                value = read_yaml(other).get(key[0])
                if key[1] in value if isinstance(value, dict) and len(key) > 1 else value is not None:
                    found.append(root / folder / f"{chosen}.yaml")
    return list(dict.fromkeys(found))


def _files_of(key: list[str], file_of: dict[str, Path]) -> list[Path]:
    """Where a key is; of a missing one the files that have its block, or else all."""
    exact = {file_of[name] for name in (".".join(key[:2]), *key[:1]) if name in file_of}
    of_block = {path for name, path in file_of.items() if key and name.split(".")[0] == key[0]}
    return list(dict.fromkeys(path for path in file_of.values() if path in (exact or of_block or file_of.values())))
